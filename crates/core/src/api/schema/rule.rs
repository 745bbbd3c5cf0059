//! Rules beyond the shape of a value: what the CRDs say in CEL, said in Rust.
//!
//! A rule is asked about a value of the right shape, with its defaults filled in, and about nothing else: it sees neither
//! the object around the value nor any other object.

use std::{borrow::Cow, fmt};

use super::{
    finding::Step,
    value::{Node, Value},
};

pub(super) struct Rule {
    /// What is wrong when it does not hold, as the rest of a sentence about the value.
    pub(super) problem: Cow<'static, str>,
    pub(super) accepted: Cow<'static, str>,
    test: Test,
    /// The field of the value that a finding points at, if it is there.
    blame: Option<&'static str>,
    /// Whether the CRD says it in CEL, and not in another word of its schema.
    pub(super) is_cel: bool,
}

type Ask<T> = Box<dyn Fn(&T) -> bool + Send + Sync>;
type AskAmong<T> = Box<dyn Fn(&T, &[T]) -> bool + Send + Sync>;

enum Test {
    Whole(Ask<Node>),
    /// Holds if it holds for each item, asked with the list it stands in.
    Item(AskAmong<Node>),
    /// Holds if it holds for each key of a map.
    Key(Ask<str>),
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl Rule {
    pub(super) fn new(
        problem: impl Into<Cow<'static, str>>,
        accepted: impl Into<Cow<'static, str>>,
        test: impl Fn(&Node) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            problem: problem.into(),
            accepted: accepted.into(),
            test: Test::Whole(Box::new(test)),
            blame: None,
            is_cel: true,
        }
    }

    /// A rule about each item of a list.
    pub(super) fn each(
        problem: impl Into<Cow<'static, str>>,
        accepted: impl Into<Cow<'static, str>>,
        test: impl Fn(&Node, &[Node]) -> bool + Send + Sync + 'static,
    ) -> Self {
        let test = Test::Item(Box::new(test));
        Self { problem: problem.into(), accepted: accepted.into(), test, blame: None, is_cel: true }
    }

    /// A rule about each key of a map.
    pub(super) fn each_key(
        problem: impl Into<Cow<'static, str>>,
        accepted: impl Into<Cow<'static, str>>,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            problem: problem.into(),
            accepted: accepted.into(),
            test: Test::Key(Box::new(test)),
            blame: None,
            is_cel: true,
        }
    }

    /// Points a finding at a field of the value (of the item, for a rule about each).
    pub(super) fn blame(mut self, field: &'static str) -> Self {
        self.blame = Some(field);
        self
    }

    /// Marks a rule that the CRD says elsewhere than in CEL.
    pub(super) fn outside_cel(mut self) -> Self {
        self.is_cel = false;
        self
    }

    /// Returns the way from the value to what breaks the rule; `None` if it holds.
    pub(super) fn offence<'a>(&self, node: &'a Node) -> Option<Vec<(Step, &'a Node)>> {
        let mut way = Vec::new();
        let guilty = match &self.test {
            Test::Whole(holds) => (!holds(node)).then_some(node)?,
            Test::Item(holds) => {
                let items = node.as_list()?;
                let (index, item) = items.iter().enumerate().find(|(_, item)| !holds(item, items))?;
                way.push((Step::Index(index), item));
                item
            }
            Test::Key(holds) => {
                let entry = node.as_map()?.entries.iter().find(|entry| !holds(&entry.key))?;
                way.push((Step::Key(entry.key.clone()), &entry.node));
                return Some(way);
            }
        };
        if let Some(field) = self.blame
            && let Some(child) = guilty.get(field)
        {
            way.push((Step::Field(field), child));
        }
        Some(way)
    }
}

/// Both rules of a member of a union: there if the discriminator says so, and only then.
pub(super) fn member(discriminator: &'static str, tag: &'static str, field: &'static str) -> [Rule; 2] {
    [forbidden_unless(discriminator, tag, field), needed_when(discriminator, tag, field)]
}

pub(super) fn forbidden_unless(discriminator: &'static str, tag: &'static str, field: &'static str) -> Rule {
    Rule::new(
        format!("has {field}, which belongs to {discriminator} {tag}"),
        format!("{field} only with {discriminator}: {tag}"),
        move |node| !node.has(field) || node.text(discriminator) == tag,
    )
    .blame(field)
}

pub(super) fn needed_when(discriminator: &'static str, tag: &'static str, field: &'static str) -> Rule {
    Rule::new(
        format!("has no {field}, which {discriminator} {tag} needs"),
        format!("{field}, or another {discriminator}"),
        move |node| node.has(field) || node.text(discriminator) != tag,
    )
    .blame(discriminator)
}

/// One rule for both: there exactly when the discriminator says so.
pub(super) fn exactly_when(discriminator: &'static str, tag: &'static str, field: &'static str) -> Rule {
    Rule::new(
        format!("has {field} without {discriminator} {tag}, or {discriminator} {tag} without {field}"),
        format!("{field} together with {discriminator}: {tag}, or neither"),
        move |node| node.has(field) == (node.text(discriminator) == tag),
    )
    .blame(field)
}

/// A value of a list's discriminator that may stand there once.
pub(super) fn at_most_one(discriminator: &'static str, tag: &'static str) -> Rule {
    Rule::new(
        format!("has {discriminator} {tag} more than once"),
        format!("one item of {discriminator} {tag}"),
        move |node| node.items().iter().filter(|item| item.text(discriminator) == tag).count() <= 1,
    )
}

/// Words in which rules are written; a field of the wrong shape reads as one that is not there.
impl Node {
    pub(super) fn has(&self, field: &str) -> bool {
        self.get(field).is_some()
    }

    /// The field's text; empty if there is none.
    pub(super) fn text(&self, field: &str) -> &str {
        self.get(field).and_then(Self::as_str).unwrap_or_default()
    }

    /// The field's integer.
    pub(super) fn number(&self, field: &str) -> Option<i64> {
        self.get(field).and_then(Self::as_integer)
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Self] {
        self.as_list().unwrap_or_default()
    }

    /// The items of the field's list.
    pub(super) fn list(&self, field: &str) -> &[Self] {
        self.get(field).map_or(&[], Self::items)
    }

    /// How many items, fields or code points the value has.
    pub(super) fn size(&self) -> usize {
        match &self.value {
            Value::List(items) => items.len(),
            Value::Map(map) => map.len(),
            Value::String(text) => text.chars().count(),
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => 0,
        }
    }
}

/// Whether exactly one item answers yes.
pub(super) fn exactly_one(items: &[Node], test: impl Fn(&Node) -> bool) -> bool {
    items.iter().filter(|item| test(item)).count() == 1
}
