//! Our status into the stored one, as JSON: what others wrote stays byte for byte, fields that we do not know included.
//!
//! What is ours is merged by `gatewright_core::status::merge`; here it is put in its place among what is not.

use gatewright_core::{
    api::meta::{Condition, Time},
    status::{self, Status},
};
use serde_json::{Map, Value};

/// The fields of a status that are ours to write, and to leave out.
const OWN_FIELDS: [&str; 7] =
    ["conditions", "listeners", "addresses", "attachedListenerSets", "supportedFeatures", "parents", "ancestors"];

/// Returns the status to store. It equals `stored` when there is nothing to write.
pub(crate) fn settle(stored: &Value, computed: &Status, is_ours: &dyn Fn(&str) -> bool, now: Time) -> Value {
    let merged = status::merge(&readable(stored, computed), computed, is_ours, now);
    let mut new = match serde_json::to_value(merged) {
        Ok(Value::Object(new)) => new,
        Ok(_) | Err(_) => Map::new(),
    };
    let is_condition_ours = |condition: &Value| status::owns(text(condition, "type"));
    let is_entry_ours = |entry: &Value| is_ours(text(entry, "controllerName"));
    restore(stored, &mut new, "conditions", &is_condition_ours, &|a, b| same(a, b, &["type"]));
    for (list, keys) in [("parents", "parentRef"), ("ancestors", "ancestorRef")] {
        restore(stored, &mut new, list, &is_entry_ours, &|a, b| same(a, b, &[keys, "controllerName"]));
    }
    for (list, keys) in [
        ("listeners", &["name"][..]),
        ("parents", &["parentRef", "controllerName"]),
        ("ancestors", &["ancestorRef", "controllerName"]),
    ] {
        for entry in new.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let old = items(stored, list).iter().find(|old| same(old, entry, keys));
            if let (Some(old), Some(entry)) = (old, entry.as_object_mut())
                && (list == "listeners" || is_entry_ours(old))
            {
                restore(old, entry, "conditions", &is_condition_ours, &|a, b| same(a, b, &["type"]));
            }
        }
    }
    for (field, value) in stored.as_object().into_iter().flatten() {
        if !OWN_FIELDS.contains(&field.as_str()) {
            new.insert(field.clone(), value.clone());
        }
    }
    Value::Object(new)
}

/// Puts the stored items of a list that are not ours in their place, as they were.
fn restore(
    stored: &Value,
    new: &mut Map<String, Value>,
    list: &str,
    is_ours: &dyn Fn(&Value) -> bool,
    is_same: &dyn Fn(&Value, &Value) -> bool,
) {
    let old = items(stored, list);
    if old.iter().all(is_ours) {
        return;
    }
    let mut ours: Vec<Value> = match new.remove(list) {
        Some(Value::Array(items)) => items.into_iter().filter(is_ours).collect(),
        Some(_) | None => Vec::new(),
    };
    let mut restored = Vec::with_capacity(old.len() + ours.len());
    for item in old {
        if !is_ours(item) {
            restored.push(item.clone());
        } else if let Some(at) = ours.iter().position(|new| is_same(item, new)) {
            restored.push(ours.remove(at));
        }
    }
    restored.append(&mut ours);
    new.insert(list.to_owned(), Value::Array(restored));
}

/// Returns the stored status without the items that do not have the API's shape: whose they are, they stay.
fn readable(stored: &Value, computed: &Status) -> Status {
    let mut readable = stored.clone();
    prune(&mut readable);
    for list in ["listeners", "parents", "ancestors"] {
        readable.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().for_each(prune);
    }
    fn read<T: serde::de::DeserializeOwned + Default>(value: Value) -> T {
        serde_json::from_value(value).unwrap_or_default()
    }
    match computed {
        Status::GatewayClass(_) => Status::GatewayClass(read(readable)),
        Status::Gateway(_) => Status::Gateway(read(readable)),
        Status::ListenerSet(_) => Status::ListenerSet(read(readable)),
        Status::Route(_) => Status::Route(read(readable)),
        Status::Policy(_) => Status::Policy(read(readable)),
    }
}

fn prune(holder: &mut Value) {
    if let Some(conditions) = holder.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.retain(|condition| serde_json::from_value::<Condition>(condition.clone()).is_ok());
    }
}

fn items<'a>(holder: &'a Value, list: &str) -> &'a [Value] {
    holder.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn same(a: &Value, b: &Value, fields: &[&str]) -> bool {
    fields.iter().all(|field| a.get(field) == b.get(field))
}

#[cfg(test)]
mod tests;
