//! What a kind's values look like: the vocabulary in which each kind's schema is written.
//!
//! A [`Schema`] says what a value may be, what it is when nobody writes it, and which rules it must keep beyond its
//! shape. It is built for one channel; a field of the experimental channel alone stays in the standard schema as a name,
//! so that a finding can say where it would work.

use super::{pattern::Pattern, rule::Rule, value::Node};

/// Which bundle of CRDs gives the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    Standard,
    Experimental,
}

#[derive(Debug)]
pub(super) struct Schema {
    pub(super) shape: Shape,
    /// The value when nobody writes one, or writes null.
    pub(super) default: Option<Node>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug)]
pub(super) enum Shape {
    Object(Object),
    Map(Map),
    List(List),
    Text(Text),
    Integer(Integer),
    Boolean,
    IntOrString,
    /// Left as it is: another reader's business.
    Anything,
}

/// Fields with fixed names; any other is pruned.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) fields: Vec<Field>,
    pub(super) size_min: usize,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) schema: Schema,
    pub(super) need: Need,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
    /// Taken, and named in a warning: Gatewright does not act on it.
    Unhonoured,
    /// Known to the experimental channel only, and this schema is the standard one.
    OtherChannel,
}

/// Keys that people choose, each with a value of one shape.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) values: Box<Schema>,
    pub(super) size_min: usize,
    pub(super) size_max: Option<usize>,
}

#[derive(Debug)]
pub(super) struct List {
    pub(super) items: Box<Schema>,
    pub(super) size_min: usize,
    pub(super) size_max: Option<usize>,
    pub(super) identity: Identity,
}

/// What makes two items of a list the same item, which may stand there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// Nothing does.
    None,
    /// Their value (list type `set`).
    Value,
    /// These fields (list type `map`).
    Fields(&'static [&'static str]),
}

/// A string; lengths are in code points.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) length_min: usize,
    pub(super) length_max: Option<usize>,
    pub(super) pattern: Option<&'static Pattern>,
    /// Empty where any text will do.
    pub(super) choices: &'static [&'static str],
}

#[derive(Debug, Default)]
pub(super) struct Integer {
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) is_int32: bool,
    /// Empty where any number in range will do.
    pub(super) choices: &'static [i64],
}

pub(super) fn object<const N: usize>(fields: [Field; N]) -> Object {
    Object { fields: fields.into(), size_min: 0 }
}

pub(super) fn map(values: impl Into<Schema>) -> Map {
    Map { values: Box::new(values.into()), size_min: 0, size_max: None }
}

pub(super) fn list(items: impl Into<Schema>) -> List {
    List { items: Box::new(items.into()), size_min: 0, size_max: None, identity: Identity::None }
}

pub(super) fn text() -> Text {
    Text::default()
}

/// A string out of a closed set.
pub(super) fn choice(choices: &'static [&'static str]) -> Text {
    Text { choices, ..Text::default() }
}

/// An integer without a format.
pub(super) fn integer() -> Integer {
    Integer::default()
}

pub(super) fn int32() -> Integer {
    Integer { is_int32: true, ..Integer::default() }
}

pub(super) fn boolean() -> Schema {
    Shape::Boolean.into()
}

pub(super) fn int_or_string() -> Schema {
    Shape::IntOrString.into()
}

pub(super) fn anything() -> Schema {
    Shape::Anything.into()
}

pub(super) fn required(name: &'static str, schema: impl Into<Schema>) -> Field {
    Field { name, schema: schema.into(), need: Need::Required }
}

pub(super) fn optional(name: &'static str, schema: impl Into<Schema>) -> Field {
    Field { name, schema: schema.into(), need: Need::Optional }
}

/// A field that is read without complaint but has no effect, which a warning says.
pub(super) fn unhonoured(name: &'static str, schema: impl Into<Schema>) -> Field {
    Field { name, schema: schema.into(), need: Need::Unhonoured }
}

/// An optional field of the experimental channel.
pub(super) fn experimental(channel: Channel, name: &'static str, schema: impl Into<Schema>) -> Field {
    let need = match channel {
        Channel::Standard => Need::OtherChannel,
        Channel::Experimental => Need::Optional,
    };
    Field { name, schema: schema.into(), need }
}

impl Object {
    /// Refuses an object without any field.
    pub(super) fn nonempty(mut self) -> Self {
        self.size_min = 1;
        self
    }
}

impl Map {
    pub(super) fn size(mut self, min: usize, max: usize) -> Self {
        (self.size_min, self.size_max) = (min, Some(max));
        self
    }
}

impl List {
    pub(super) fn size(mut self, min: usize, max: usize) -> Self {
        (self.size_min, self.size_max) = (min, Some(max));
        self
    }

    pub(super) fn set(mut self) -> Self {
        self.identity = Identity::Value;
        self
    }

    pub(super) fn keyed(mut self, fields: &'static [&'static str]) -> Self {
        self.identity = Identity::Fields(fields);
        self
    }
}

impl Text {
    pub(super) fn length(mut self, min: usize, max: usize) -> Self {
        (self.length_min, self.length_max) = (min, Some(max));
        self
    }

    pub(super) fn pattern(mut self, pattern: &'static Pattern) -> Self {
        self.pattern = Some(pattern);
        self
    }
}

impl Integer {
    pub(super) fn range(mut self, min: i64, max: i64) -> Self {
        (self.min, self.max) = (Some(min), Some(max));
        self
    }

    pub(super) fn min(mut self, min: i64) -> Self {
        self.min = Some(min);
        self
    }

    pub(super) fn choices(mut self, choices: &'static [i64]) -> Self {
        self.choices = choices;
        self
    }
}

/// What every shape may be given on its way to a [`Schema`].
pub(super) trait Complete: Into<Schema> {
    fn default_to(self, value: serde_json::Value) -> Schema {
        Schema { default: Some(value.into()), ..self.into() }
    }

    fn rule(self, rule: Rule) -> Schema {
        self.rules([rule])
    }

    fn rules(self, rules: impl IntoIterator<Item = Rule>) -> Schema {
        let mut schema = self.into();
        schema.rules.extend(rules);
        schema
    }

    /// A rule of one channel alone.
    fn rule_in(self, wanted: Channel, channel: Channel, rule: Rule) -> Schema {
        self.rules((wanted == channel).then_some(rule))
    }
}

impl<T: Into<Schema>> Complete for T {}

impl From<Shape> for Schema {
    fn from(shape: Shape) -> Self {
        Self { shape, default: None, rules: Vec::new() }
    }
}

impl From<Object> for Schema {
    fn from(object: Object) -> Self {
        Shape::Object(object).into()
    }
}

impl From<Map> for Schema {
    fn from(map: Map) -> Self {
        Shape::Map(map).into()
    }
}

impl From<List> for Schema {
    fn from(list: List) -> Self {
        Shape::List(list).into()
    }
}

impl From<Text> for Schema {
    fn from(text: Text) -> Self {
        Shape::Text(text).into()
    }
}

impl From<Integer> for Schema {
    fn from(integer: Integer) -> Self {
        Shape::Integer(integer).into()
    }
}
