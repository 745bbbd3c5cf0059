//! Tests of the schemas: their structure against the real CRDs, their rules one by one, their limits from both sides.

mod crd;
mod finding;
mod format;
mod limits;
mod pattern;
mod rule;
mod suggest;
mod yaml;

use std::sync::LazyLock;

use serde_json::Value;

use super::{
    Channel, Decision, kind,
    shape::{Need, Schema, Shape},
    validate,
};
use crate::world::Object;

/// Valid objects that have, between them, every field of every kind that the channel serves.
fn objects(channel: Channel) -> Vec<Value> {
    static OBJECTS: [LazyLock<Vec<Value>>; 2] =
        [LazyLock::new(|| read_objects(Channel::Standard)), LazyLock::new(|| read_objects(Channel::Experimental))];
    OBJECTS[channel as usize].clone()
}

fn read_objects(channel: Channel) -> Vec<Value> {
    let texts = [
        include_str!("objects/core.yaml"),
        include_str!("objects/gateway.yaml"),
        include_str!("objects/policy.yaml"),
        include_str!("objects/route.yaml"),
    ];
    let mut objects: Vec<_> = texts.iter().flat_map(|text| yaml::documents(text)).collect();
    // Of the older versions too, whatever fields they share with the newer.
    for object in objects.clone() {
        let group = object["apiVersion"].as_str().unwrap().rsplit_once('/').map_or("", |(group, _)| group);
        let kind = kind::KINDS.iter().find(|kind| kind.group == group && object["kind"] == kind.name).unwrap();
        for version in kind.versions.iter().filter(|version| version.is_served(channel)) {
            let mut other = object.clone();
            other["apiVersion"] = [group, version.name].join("/").trim_start_matches('/').into();
            if other != object {
                objects.push(other);
            }
        }
    }
    objects.retain(|object| schema(object, channel).is_some());
    if channel == Channel::Standard {
        objects.iter_mut().for_each(drop_filter_of_other_channel);
    }
    objects
}

/// The type ExternalAuth of route filters, which is no field that would be pruned.
fn drop_filter_of_other_channel(object: &mut Value) {
    match object {
        Value::Array(items) => {
            items.retain(|item| item["type"] != "ExternalAuth");
            items.iter_mut().for_each(drop_filter_of_other_channel);
        }
        Value::Object(fields) => fields.values_mut().for_each(drop_filter_of_other_channel),
        _ => {}
    }
}

fn schema(object: &Value, channel: Channel) -> Option<&'static Schema> {
    let api_version = object["apiVersion"].as_str()?;
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    match kind::find(group, version, object["kind"].as_str()?, channel) {
        kind::Found::Served(kind, version) => Some(kind.schema(version, channel)),
        kind::Found::NotServed { .. } | kind::Found::Unknown => None,
    }
}

/// Every schema that has a place in the object, with the path to it.
fn schemas_with_paths(object: &Value, channel: Channel) -> Vec<(String, &'static Schema)> {
    fn walk(schema: &'static Schema, path: String, object: &mut Value, found: &mut Vec<(String, &'static Schema)>) {
        if !path.is_empty() && rule::places(object, &path).is_empty() {
            return;
        }
        match &schema.shape {
            Shape::Object(shape) => {
                for field in shape.fields.iter().filter(|field| field.need != Need::OtherChannel) {
                    walk(&field.schema, format!("{path}.{}", field.name), object, found);
                }
            }
            Shape::Map(shape) => walk(&shape.values, format!("{path}.*"), object, found),
            Shape::List(shape) => walk(&shape.items, format!("{path}[]"), object, found),
            Shape::Text(_) | Shape::Integer(_) | Shape::Boolean | Shape::IntOrString | Shape::Anything => {}
        }
        found.push((path, schema));
    }
    let mut found = Vec::new();
    if let Some(schema) = schema(object, channel) {
        walk(schema, String::new(), &mut object.clone(), &mut found);
    }
    found
}

fn rules_with_paths(object: &Value, channel: Channel) -> Vec<(String, String)> {
    schemas_with_paths(object, channel)
        .into_iter()
        .flat_map(|(path, schema)| schema.rules.iter().map(move |rule| (path.clone(), rule.problem.to_string())))
        .collect()
}

#[test]
fn objects_with_every_field_are_accepted() {
    for channel in [Channel::Standard, Channel::Experimental] {
        for object in objects(channel) {
            let checked = validate(object.clone().into(), channel);
            assert_eq!(checked.decision, Decision::Accepted, "{object}: {:#?}", checked.findings);
            let is_ours = ["GatewayParameters", "EnvoyProxy"].iter().any(|kind| object["kind"] == *kind);
            if channel == Channel::Experimental && !is_ours {
                assert_eq!(checked.findings, [], "{object}");
            }
            let typed = Object::from_value(checked.object.into());
            assert!(typed.is_ok(), "{object}: {}", typed.unwrap_err());
        }
    }
}

#[test]
fn objects_have_every_field() {
    for channel in [Channel::Standard, Channel::Experimental] {
        let objects = objects(channel);
        for kind in kind::KINDS.iter() {
            for version in kind.versions.iter().filter(|version| version.is_served(channel)) {
                let api_version = [kind.group, version.name].join("/");
                let of_kind = objects.iter().filter(|object| {
                    object["kind"] == kind.name && object["apiVersion"] == api_version.trim_start_matches('/')
                });
                let reached: Vec<_> =
                    of_kind.flat_map(|object| schemas_with_paths(object, channel)).map(|(path, _)| path).collect();
                let mut missing = Vec::new();
                missing_paths(kind.schema(version, channel), "", &reached, &mut missing);
                assert!(missing.is_empty(), "{channel:?} {} {}: {missing:#?}", kind.name, version.name);
            }
        }
    }
}

/// Paths of fields with rules or limits that no object has; a field without either may be left out.
fn missing_paths(schema: &Schema, path: &str, reached: &[String], missing: &mut Vec<String>) {
    let is_free = match &schema.shape {
        Shape::Object(_) | Shape::Map(_) | Shape::List(_) | Shape::Integer(_) => false,
        Shape::Text(text) => text.length_max.is_none() && text.pattern.is_none() && text.choices.is_empty(),
        Shape::Boolean | Shape::IntOrString | Shape::Anything => true,
    };
    if !reached.iter().any(|reached| reached == path) {
        if !is_free {
            missing.push(path.to_owned());
        }
        return;
    }
    match &schema.shape {
        Shape::Object(shape) => {
            for field in shape.fields.iter().filter(|field| field.need != Need::OtherChannel) {
                missing_paths(&field.schema, &format!("{path}.{}", field.name), reached, missing);
            }
        }
        Shape::Map(shape) => missing_paths(&shape.values, &format!("{path}.*"), reached, missing),
        Shape::List(shape) => missing_paths(&shape.items, &format!("{path}[]"), reached, missing),
        Shape::Text(_) | Shape::Integer(_) | Shape::Boolean | Shape::IntOrString | Shape::Anything => {}
    }
}
