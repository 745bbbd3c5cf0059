//! A class's parameters and a Gateway's own become one: the Gateway's win, field by field.

use serde_json::{Map, Value};

/// Fields of which an object has one or the other: who names one means it instead of the other.
const EITHER: &[(&str, &[&str])] = &[
    ("envoyDeployment", &["envoyDaemonSet"]),
    ("envoyDaemonSet", &["envoyDeployment", "envoyHpa"]),
    ("minAvailable", &["maxUnavailable"]),
    ("maxUnavailable", &["minAvailable"]),
];

/// Lays a Gateway's own spec over its class's. Objects are merged; lists, scalars and patches are replaced.
pub fn merge(class: &Map<String, Value>, own: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = class.clone();
    for (field, value) in own {
        for (_, others) in EITHER.iter().filter(|(either, _)| either == field) {
            merged.retain(|field, _| own.contains_key(field) || !others.contains(&field.as_str()));
        }
        let value = match (merged.get(field), value) {
            (Some(Value::Object(below)), Value::Object(above)) if field != "patch" => {
                Value::Object(merge(below, above))
            }
            (Some(_) | None, value) => value.clone(),
        };
        merged.insert(field.clone(), value);
    }
    merged
}
