//! Compares our schemas with the real CRDs, path by path, in both channels.
//!
//! `status` is left out: what people write of it is dropped before anything is checked. So are `apiVersion`, `kind` and
//! `metadata`, of which CRDs say nothing.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;

use super::yaml;
use crate::api::schema::{
    kind::{KINDS, Kind},
    shape::{Channel, Identity, Integer, List, Map, Need, Object, Schema, Shape, Text},
};

/// What stands at each path, in words that both sides use.
type Flat = BTreeMap<String, BTreeMap<&'static str, Value>>;

#[test]
fn standard_schemas_are_those_of_the_crds() {
    compare(Channel::Standard, "standard", 10);
}

#[test]
fn experimental_schemas_are_those_of_the_crds() {
    compare(Channel::Experimental, "experimental", 14);
}

fn compare(channel: Channel, folder: &str, kinds: usize) {
    let crds = read(folder);
    assert_eq!(crds.len(), kinds, "CRDs of the {folder} channel");
    let mut differences = Vec::new();
    for crd in &crds {
        let spec = &crd["spec"];
        let name = spec["names"]["kind"].as_str().unwrap();
        let kind = KINDS
            .iter()
            .find(|kind| kind.name == name && kind.group == spec["group"])
            .unwrap_or_else(|| panic!("we have no {name}"));
        assert_eq!(spec["scope"], format!("{:?}", kind.scope), "{name}");
        let versions = spec["versions"].as_array().unwrap().iter().filter(|version| version["served"] == true);
        let mut served = 0;
        for version in versions {
            served += 1;
            compare_version(kind, version, channel, &mut differences);
        }
        let ours = kind.versions.iter().filter(|version| version.is_served(channel)).count();
        assert_eq!(ours, served, "served versions of {name}");
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

fn compare_version(kind: &'static Kind, crd: &Value, channel: Channel, differences: &mut Vec<String>) {
    let version = kind.versions.iter().find(|version| crd["name"] == version.name).unwrap();
    let (mut ours, mut theirs) = (Flat::new(), Flat::new());
    flatten_schema(kind.schema(version, channel), "", &mut ours);
    flatten_crd(&crd["schema"]["openAPIV3Schema"], "", &mut theirs);
    let skipped = [".apiVersion", ".kind", ".metadata", ".status"];
    let is_compared = |path: &String| !skipped.iter().any(|skip| path == skip || path.starts_with(&format!("{skip}.")));
    let mut paths: Vec<_> = ours.keys().chain(theirs.keys()).filter(|path| is_compared(path)).collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        let (ours, theirs) = (ours.get(path), theirs.get(path));
        if ours != theirs {
            differences.push(format!("{} {} {path}\n  ours   {ours:?}\n  theirs {theirs:?}", kind.name, version.name));
        }
    }
}

fn read(folder: &str) -> Vec<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/crds").join(folder);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| {
        panic!("cannot read {}: {error}; `cargo xtask crds` fetches the CRDs", folder.display());
    });
    let mut documents = Vec::new();
    for file in files {
        documents.extend(yaml::documents(&fs::read_to_string(file.unwrap().path()).unwrap()));
    }
    documents.retain(|document| document["kind"] == "CustomResourceDefinition");
    documents
}

fn flatten_schema(schema: &Schema, path: &str, flat: &mut Flat) {
    let mut says = BTreeMap::new();
    describe(&schema.shape, &mut says);
    if let Some(default) = &schema.default {
        says.insert("default", Value::from(default.clone()));
    }
    let cel = schema.rules.iter().filter(|rule| rule.is_cel).count();
    says.insert("rules", Value::from(cel));
    says.insert("other rules", Value::from(schema.rules.len() - cel));
    match &schema.shape {
        Shape::Object(object) => {
            for field in object.fields.iter().filter(|field| field.need != Need::OtherChannel) {
                flatten_schema(&field.schema, &format!("{path}.{}", field.name), flat);
            }
        }
        Shape::Map(map) => flatten_schema(&map.values, &format!("{path}.*"), flat),
        Shape::List(list) => flatten_schema(&list.items, &format!("{path}[]"), flat),
        Shape::Text(_) | Shape::Integer(_) | Shape::Boolean | Shape::IntOrString | Shape::Anything => {}
    }
    assert!(flat.insert(path.to_owned(), says).is_none(), "{path} twice");
}

fn describe(shape: &Shape, says: &mut BTreeMap<&'static str, Value>) {
    let kind = match shape {
        Shape::Object(Object { fields, size_min }) => {
            let mut required: Vec<_> =
                fields.iter().filter(|field| field.need == Need::Required).map(|field| field.name).collect();
            required.sort_unstable();
            says.insert("required", Value::from(required));
            limit(says, "minProperties", *size_min);
            "object"
        }
        Shape::Map(Map { size_min, size_max, .. }) => {
            says.insert("required", Value::Array(Vec::new()));
            limit(says, "minProperties", *size_min);
            says.extend(size_max.map(|max| ("maxProperties", Value::from(max))));
            "object"
        }
        Shape::List(List { size_min, size_max, identity, .. }) => {
            limit(says, "minItems", *size_min);
            says.extend(size_max.map(|max| ("maxItems", Value::from(max))));
            match identity {
                Identity::None => {}
                Identity::Value => drop(says.insert("list type", Value::from("set"))),
                Identity::Fields(fields) => drop(says.insert("list type", Value::from(fields.to_vec()))),
            }
            "array"
        }
        Shape::Text(Text { length_min, length_max, pattern, choices }) => {
            limit(says, "minLength", *length_min);
            says.extend(length_max.map(|max| ("maxLength", Value::from(max))));
            says.extend(pattern.map(|pattern| ("pattern", Value::from(pattern.text))));
            if !choices.is_empty() {
                says.insert("enum", sorted(choices.iter().map(|choice| Value::from(*choice)).collect()));
            }
            "string"
        }
        Shape::Integer(Integer { min, max, is_int32, choices }) => {
            says.extend(min.map(|min| ("minimum", Value::from(min))));
            says.extend(max.map(|max| ("maximum", Value::from(max))));
            says.extend(is_int32.then(|| ("format", Value::from("int32"))));
            if !choices.is_empty() {
                says.insert("enum", sorted(choices.iter().map(|choice| Value::from(*choice)).collect()));
            }
            "integer"
        }
        Shape::Boolean => "boolean",
        Shape::IntOrString => "int or string",
        Shape::Anything => "anything",
    };
    says.insert("type", Value::from(kind));
}

/// A lower limit of 0 says nothing.
fn limit(says: &mut BTreeMap<&'static str, Value>, name: &'static str, min: usize) {
    if min > 0 {
        says.insert(name, Value::from(min));
    }
}

fn sorted(mut values: Vec<Value>) -> Value {
    values.sort_by_key(ToString::to_string);
    Value::from(values)
}

fn flatten_crd(schema: &Value, path: &str, flat: &mut Flat) {
    let mut says = BTreeMap::from([("rules", Value::from(0)), ("other rules", Value::from(0))]);
    if schema["type"] == "object" {
        says.insert("required", Value::Array(Vec::new()));
    }
    for (key, value) in schema.as_object().unwrap() {
        match key.as_str() {
            // What an apply merges, not what is valid.
            "description" | "x-kubernetes-map-type" => {}
            "x-kubernetes-validations" => drop(says.insert("rules", Value::from(value.as_array().unwrap().len()))),
            "oneOf" => drop(says.insert("other rules", Value::from(1))),
            "required" | "enum" => drop(says.insert(constant(key), sorted(value.as_array().unwrap().clone()))),
            "minLength" | "minItems" | "minProperties" => {
                limit(&mut says, constant(key), value.as_u64().unwrap() as usize);
            }
            "x-kubernetes-list-type" if value == "set" => drop(says.insert("list type", value.clone())),
            "x-kubernetes-list-type" => assert!(value == "atomic" || value == "map", "{path}: {value}"),
            "x-kubernetes-list-map-keys" => drop(says.insert("list type", value.clone())),
            "properties" => {
                for (name, property) in value.as_object().unwrap() {
                    flatten_crd(property, &format!("{path}.{name}"), flat);
                }
            }
            "items" => flatten_crd(value, &format!("{path}[]"), flat),
            "additionalProperties" => flatten_crd(value, &format!("{path}.*"), flat),
            _ => drop(says.insert(constant(key), value.clone())),
        }
    }
    flat.insert(path.to_owned(), says);
}

/// The word for a keyword that both sides name alike; a keyword that we have no word for fails the test.
fn constant(key: &str) -> &'static str {
    const WORDS: [&str; 14] = [
        "type",
        "format",
        "default",
        "required",
        "enum",
        "pattern",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
    ];
    WORDS.into_iter().find(|word| *word == key).unwrap_or_else(|| panic!("the CRDs say {key}, and we cannot"))
}
