//! Patches of objects: strategic merges and RFC 7386.
//!
//! A strategic merge differs from the other in lists: those of named things are merged by what names their items. Which
//! ones are is known here by field, for the kinds that are provisioned (Kubernetes' `patchMergeKey`).

use gatewright_core::api::parameters::{Patch, PatchType};
use serde_json::{Map, Value};

use super::desired::CONTAINER;

/// Lists that are merged, by the name of their field, and what names their items.
const MERGE_KEYS: &[(&str, &str)] = &[
    ("containers", "name"),
    ("initContainers", "name"),
    ("ephemeralContainers", "name"),
    ("env", "name"),
    ("volumes", "name"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("imagePullSecrets", "name"),
    ("hostAliases", "ip"),
    ("topologySpreadConstraints", "topologyKey"),
    ("ownerReferences", "uid"),
    ("resourceClaims", "name"),
];

/// Applies a patch to an object, if there is one.
pub(super) fn patched(mut object: Value, patch: Option<&Patch>) -> Value {
    if let Some(patch) = patch {
        match patch.r#type {
            PatchType::StrategicMerge => strategic(&mut object, &patch.value, ""),
            PatchType::JSONMerge => replace(&mut object, &patch.value),
        }
    }
    object
}

/// RFC 7386: objects are merged, null takes out, all else is replaced.
fn replace(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    for (field, value) in patch {
        match value {
            Value::Null => {
                as_object(target).remove(field);
            }
            value => replace(as_object(target).entry(field).or_insert(Value::Null), value),
        }
    }
}

fn strategic(target: &mut Value, patch: &Value, field: &str) {
    match patch {
        Value::Object(patch) => strategic_object(target, patch),
        Value::Array(items) => match merge_key(field, items) {
            Some(key) => strategic_list(target, items, field, key),
            None => target.clone_from(patch),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => target.clone_from(patch),
    }
}

fn strategic_object(target: &mut Value, patch: &Map<String, Value>) {
    if patch.get("$patch").and_then(Value::as_str) == Some("replace") {
        *target = Value::Object(Map::new());
    }
    let target = as_object(target);
    for (field, value) in patch.iter().filter(|(field, _)| !field.starts_with('$')) {
        match value {
            Value::Null => {
                target.remove(field);
            }
            value => strategic(target.entry(field).or_insert(Value::Null), value, field),
        }
    }
}

/// What names the items of a list; `None` for lists that are replaced.
fn merge_key(field: &str, items: &[Value]) -> Option<&'static str> {
    if field == "ports" {
        // A Service's ports are named by `port`, a container's by `containerPort`.
        let of_container = items.iter().any(|item| item.get("containerPort").is_some());
        return Some(if of_container { "containerPort" } else { "port" });
    }
    MERGE_KEYS.iter().find(|(name, _)| *name == field).map(|(_, key)| *key)
}

fn strategic_list(target: &mut Value, items: &[Value], field: &str, key: &str) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Value::Array(list) = target else { return };
    if items.iter().any(|item| item.get("$patch").and_then(Value::as_str) == Some("replace")) {
        list.clear();
    }
    for item in items {
        let directive = item.get("$patch").and_then(Value::as_str);
        if directive == Some("replace") && item.as_object().is_some_and(|item| item.len() == 1) {
            continue;
        }
        let Some(name) = item.get(key).map(|name| meant(field, name)) else {
            list.push(item.clone());
            continue;
        };
        let at = list.iter().position(|other| other.get(key) == Some(&name));
        match (at, directive) {
            (Some(at), Some("delete")) => {
                list.remove(at);
            }
            (None, Some("delete")) => {}
            (at, _) => {
                let at = at.unwrap_or(list.len());
                if at == list.len() {
                    list.push(Value::Object(Map::new()));
                }
                strategic(&mut list[at], item, "");
                list[at][key] = name;
            }
        }
    }
}

/// Manifests for EnvoyProxy name the proxy's container `envoy`.
fn meant(field: &str, name: &Value) -> Value {
    match field == "containers" && name == "envoy" {
        true => CONTAINER.into(),
        false => name.clone(),
    }
}

/// Adds items to a list; one takes the place of another of its name.
pub(super) fn merge_named(list: &mut Value, items: &[Value]) {
    let Value::Array(list) = list else { return };
    for item in items {
        // Of a mount the path is what there is once; of everything else the name.
        let key = if item.get("mountPath").is_some() { "mountPath" } else { "name" };
        match list.iter_mut().find(|other| other.get(key) == item.get(key)) {
            Some(other) => other.clone_from(item),
            None => list.push(item.clone()),
        }
    }
}

fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made an object just above")
}

#[cfg(test)]
mod tests;
