//! A document as it was written: untyped values, each with the line and column where it stands.
//!
//! Any reader of YAML or JSON fills it; it knows no kind, no field and no file.

/// Where a value begins in its text; lines and columns count from 1, and 0 means that nobody wrote it (a default).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// One value and where it stands. Two are equal if they say the same, wherever they stand.
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub value: Value,
    pub at: Position,
}

/// What JSON can say, with integers told from floats as the API server tells them.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    /// A number without fraction or exponent that fits; a larger one is a [`Value::Float`].
    Integer(i64),
    Float(f64),
    String(String),
    List(Vec<Node>),
    Map(Map),
}

/// Fields in the order in which they were written. A name may stand twice: the last one counts, and validation
/// reports the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    pub entries: Vec<Entry>,
}

/// One field of a [`Map`].
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub key: String,
    /// Where the field's name stands.
    pub key_at: Position,
    pub node: Node,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.node == other.node
    }
}

impl Map {
    /// The field's value, the last one if the name stands twice.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().rev().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The field's value, to be changed in place.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.iter_mut().rev().find(|entry| entry.key == key).map(|entry| &mut entry.node)
    }

    /// Adds a field at the end, even if the name stands there already.
    pub fn push(&mut self, key: impl Into<String>, key_at: Position, node: Node) {
        self.entries.push(Entry { key: key.into(), key_at, node });
    }

    /// Takes the field out, all of it if the name stands twice, and returns the value that counts.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let (mut removed, kept) =
            std::mem::take(&mut self.entries).into_iter().partition::<Vec<_>, _>(|entry| entry.key == key);
        self.entries = kept;
        removed.pop().map(|entry| entry.node)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Node {
    pub fn new(value: Value, at: Position) -> Self {
        Self { value, at }
    }

    /// The field of a map; `None` for anything else.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The value at the end of a chain of fields.
    pub fn find(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(bit) => Some(*bit),
            _ => None,
        }
    }

    /// The integer, also when it was written as a float without fraction (`80.0`).
    pub fn as_integer(&self) -> Option<i64> {
        match &self.value {
            Value::Integer(number) => Some(*number),
            Value::Float(number) => integer_of(*number),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }
}

/// The integer that a float stands for, if it stands for one that both can hold exactly.
pub(super) fn integer_of(number: f64) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0; // 2^53
    (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i64)
}

impl From<serde_json::Value> for Node {
    fn from(json: serde_json::Value) -> Self {
        let value = match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(bit) => Value::Bool(bit),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => Value::Integer(integer),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Value::String(text),
            serde_json::Value::Array(items) => Value::List(items.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(fields) => Value::Map(Map {
                entries: fields
                    .into_iter()
                    .map(|(key, json)| Entry { key, key_at: Position::default(), node: Self::from(json) })
                    .collect(),
            }),
        };
        Self { value, at: Position::default() }
    }
}

/// Positions are lost; of a name that stands twice the last one is kept; what JSON cannot say (NaN) becomes null.
impl From<Node> for serde_json::Value {
    fn from(node: Node) -> Self {
        match node.value {
            Value::Null => Self::Null,
            Value::Bool(bit) => Self::Bool(bit),
            Value::Integer(number) => Self::from(number),
            Value::Float(number) => Self::from(number),
            Value::String(text) => Self::String(text),
            Value::List(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Map(map) => {
                Self::Object(map.entries.into_iter().map(|entry| (entry.key, Self::from(entry.node))).collect())
            }
        }
    }
}
