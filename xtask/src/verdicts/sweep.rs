//! Every field of every object in turn: taken away, emptied, of another type, too long, too many, out of range.
//!
//! The objects have every field of the API between them, so nothing is left to chance.

use gatewright_core::api::schema::Channel;
use serde_json::{Value, json};

use super::mutate::{self, Question};

/// The objects as they are, and with each value in them changed in each way, in both channels.
pub(super) fn questions() -> impl Iterator<Item = Question> {
    mutate::documents().into_iter().filter(Value::is_object).flat_map(|object| {
        let changed = places(&object).into_iter().flat_map({
            let object = object.clone();
            move |place| {
                let object = object.clone();
                variants(object.pointer(&place).unwrap_or(&Value::Null)).into_iter().map(move |variant| {
                    let mut object = object.clone();
                    put(&mut object, &place, variant);
                    object
                })
            }
        });
        std::iter::once(object).chain(changed).flat_map(|object| {
            [Channel::Standard, Channel::Experimental].map(|channel| Question { channel, object: object.clone() })
        })
    })
}

/// Names every value below `spec`, and the object's name, as JSON pointers (RFC 6901).
fn places(object: &Value) -> Vec<String> {
    let mut places = vec!["/metadata/name".to_owned()];
    walk(&object["spec"], "/spec", &mut places);
    places
}

fn walk(value: &Value, place: &str, places: &mut Vec<String>) {
    places.push(place.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(value, &format!("{place}/{name}"), places);
            }
        }
        // One item stands for all: the others have the same fields, and more where the first has them not.
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| walk(item, &format!("{place}/{index}"), places));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a value is changed to; `None` takes it away.
fn variants(value: &Value) -> Vec<Option<Value>> {
    let mut variants = vec![None, Some(Value::Null)];
    let others: Vec<Value> = match value {
        Value::Object(_) => vec![json!({}), json!([]), json!("text")],
        Value::Array(items) => {
            let first = items.first().cloned().unwrap_or_default();
            let many = |count| Value::Array(vec![first.clone(); count]);
            vec![json!([]), json!({}), many(2), many(65)]
        }
        Value::String(text) => {
            let longer = |count: usize| json!(text.chars().chain(std::iter::repeat_n('a', count)).collect::<String>());
            vec![json!(""), json!(1), longer(64), longer(254), longer(5000), json!(format!("{text} "))]
        }
        Value::Number(_) => vec![json!(-1), json!(0), json!(65_536), json!(3_000_000_000_u64), json!("1"), json!(1.5)],
        Value::Bool(bit) => vec![json!(!bit), json!("true")],
        Value::Null => vec![json!({})],
    };
    variants.extend(others.into_iter().map(Some));
    variants
}

fn put(object: &mut Value, place: &str, variant: Option<Value>) {
    if let Some(value) = variant {
        if let Some(old) = object.pointer_mut(place) {
            *old = value;
        }
        return;
    }
    let Some((parent, name)) = place.rsplit_once('/') else { return };
    match object.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(&name.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => {
            if let Some(index) = name.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {}
    }
}
