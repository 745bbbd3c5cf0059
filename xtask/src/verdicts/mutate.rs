//! Objects to ask about: valid ones, changed in a few places.
//!
//! What is put into them comes from a few edge values and from the other objects, so that most changes are plausible and
//! many results are still valid.

use fastrand::Rng;
use gatewright_core::api::schema::Channel;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Value, json};

pub(super) struct Question {
    pub(super) channel: Channel,
    pub(super) object: Value,
}

const TEXTS: [&str; 4] = [
    include_str!("../../../crates/core/src/api/schema/tests/objects/gateway.yaml"),
    include_str!("../../../crates/core/src/api/schema/tests/objects/policy.yaml"),
    include_str!("../../../crates/core/src/api/schema/tests/objects/route.yaml"),
    include_str!("../../../crates/core/src/api/schema/tests/rules.yaml"),
];

/// Versions beside the one in the text, all of them served somewhere.
const VERSIONS: [&str; 5] = ["v1", "v1beta1", "v1alpha1", "v1alpha2", "v1alpha3"];

/// Changes that one object gets.
const CHANGES_MAX: usize = 3;

/// An endless series, the same for the same seed.
pub(super) fn questions(seed: u64) -> impl Iterator<Item = Question> {
    let (objects, other): (Vec<_>, Vec<_>) = documents().into_iter().partition(Value::is_object);
    let mut pool = Pool::default();
    objects.iter().chain(&other).for_each(|value| pool.harvest(value));
    let mut random = Rng::with_seed(seed);
    std::iter::from_fn(move || {
        let mut object = random.choice(&objects)?.clone();
        if random.u8(..) < 64
            && let Some((group, _)) = object["apiVersion"].as_str().and_then(|version| version.split_once('/'))
        {
            object["apiVersion"] = json!(format!("{group}/{}", random.choice(VERSIONS)?));
        }
        // Mostly one change: of several, one is likely to make the object invalid whatever the others do.
        for _ in 0..1 + random.usize(..CHANGES_MAX * 2).saturating_sub(CHANGES_MAX) {
            let depth = random.usize(2..=12);
            // Half of the changes to metadata would leave it without a name.
            let part = if random.u8(..) < 16 { "metadata" } else { "spec" };
            if let Some(part) = object.get_mut(part) {
                change(part, depth, &pool, &mut random);
            }
        }
        let channel = if random.bool() { Channel::Standard } else { Channel::Experimental };
        Some(Question { channel, object })
    })
}

/// What the changes begin with: objects, and single values that rules are about.
pub(super) fn documents() -> Vec<Value> {
    TEXTS.iter().flat_map(|text| read(text)).collect()
}

/// Values by the name of the field that had them.
#[derive(Default)]
struct Pool {
    fields: Vec<(String, Value)>,
    strings: Vec<String>,
}

impl Pool {
    fn harvest(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.fields.push((name.clone(), value.clone()));
                    self.harvest(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.harvest(item)),
            Value::String(text) => self.strings.push(text.clone()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn field(&self, random: &mut Rng) -> (String, Value) {
        random.choice(&self.fields).cloned().unwrap_or_default()
    }

    /// A value that some field of this name has.
    fn value_of(&self, name: &str, random: &mut Rng) -> Option<Value> {
        let start = random.usize(..self.fields.len());
        let mut fields = self.fields[start..].iter().chain(&self.fields[..start]);
        fields.find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }
}

/// Goes down at random and changes one value.
fn change(value: &mut Value, depth: usize, pool: &Pool, random: &mut Rng) {
    let is_leaf = depth == 0 || random.u8(..) < 16;
    match value {
        Value::Object(fields) if !is_leaf && !fields.is_empty() => {
            let index = random.usize(..fields.len());
            let Some(name) = fields.keys().nth(index).cloned() else { return };
            match random.u8(..100) {
                0..4 => drop(fields.remove(&name)),
                4..8 => fields.extend([pool.field(random)]),
                8..12 => fields.extend(pool.value_of(&name, random).map(|value| (name, value))),
                _ => change(&mut fields[&name], depth - 1, pool, random),
            }
        }
        Value::Array(items) if !is_leaf && !items.is_empty() => {
            let index = random.usize(..items.len());
            match random.u8(..100) {
                0..4 => drop(items.remove(index)),
                4..16 => items.push(items[index].clone()),
                16..18 => {
                    *items = vec![items[index].clone(); *random.choice(&[2, 9, 16, 17, 32, 33, 64, 65]).unwrap_or(&2)];
                }
                18..22 => items.insert(index, scalar(pool, random)),
                _ => change(&mut items[index], depth - 1, pool, random),
            }
        }
        other => {
            *other = match (&*other, random.u8(..8)) {
                (_, 0) => json!({}),
                (_, 1) => json!([]),
                (Value::String(text), 2..4) => json!(edited(text, random)),
                _ => scalar(pool, random),
            }
        }
    }
}

fn scalar(pool: &Pool, random: &mut Rng) -> Value {
    const NUMBERS: [i64; 21] = [
        -1,
        0,
        1,
        2,
        3,
        9,
        100,
        101,
        301,
        302,
        304,
        399,
        400,
        599,
        600,
        65_535,
        65_536,
        1_000_000,
        1_000_001,
        2_147_483_648,
        1_099_511_627_776,
    ];
    const LENGTHS: [usize; 16] = [0, 1, 63, 64, 65, 252, 253, 254, 255, 256, 257, 1024, 1025, 4095, 4096, 4097];
    match random.u8(..16) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => json!(1.5),
        3..6 => random.choice(NUMBERS).map_or(Value::Null, Value::from),
        6 => json!(
            random.choice(["a", "é", "A", "/", "1"]).unwrap_or("a").repeat(*random.choice(&LENGTHS).unwrap_or(&0))
        ),
        _ => random.choice(&pool.strings).map_or(Value::Null, |text| json!(text)),
    }
}

/// The text with one character more, less or other.
fn edited(text: &str, random: &mut Rng) -> String {
    const PIECES: [&str; 30] = [
        "", ".", "..", "/", "//", "/./", "/..", "*", "*.", "-", "_", ":", "#", "%2f", "%2F", "%", " ", "\t", "\n", "A",
        "a", "0", "é", "~", "s", "ms", "h", "@", "?", "k8s.io/",
    ];
    let mut characters: Vec<_> = text.chars().map(String::from).collect();
    let place = random.usize(..=characters.len());
    let piece = random.choice(PIECES).unwrap_or_default().to_owned();
    if place < characters.len() && random.bool() {
        characters[place] = piece;
    } else {
        characters.insert(place, piece);
    }
    characters.concat()
}

fn read(text: &str) -> Vec<Value> {
    Yaml::load_from_str(text).expect("the files are read by tests too").iter().map(value).collect()
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(Scalar::Boolean(bit)) => json!(bit),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(fields) => {
            fields.iter().filter_map(|(key, node)| Some((key.as_str()?.to_owned(), value(node)))).collect()
        }
        _ => Value::Null,
    }
}
