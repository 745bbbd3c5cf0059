//! A kind's schema as a CustomResourceDefinition holds it: OpenAPI v3, structural.
//!
//! Says shapes, limits and defaults. What kinds say in rules stays ours to say: here they are Rust, there they would be CEL.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::{
    Channel,
    kind::{self, Found},
    shape::{Identity, Integer, List, Map, Need, Object, Schema, Shape, Text},
    value::{Node, Value},
};

/// Returns the schema of one version of a kind. `None` if it is not one that Gatewright reads.
pub fn openapi(group: &str, version: &str, kind: &str, channel: Channel) -> Option<Json> {
    let Found::Served(kind, version) = kind::find(group, version, kind, channel) else { return None };
    let mut root = schema(kind.schema(version, channel));
    // The API server has its own word on these.
    for (field, r#type) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
        root["properties"][field] = json!({"type": r#type});
    }
    Some(root)
}

fn schema(schema: &Schema) -> Json {
    let mut json = match &schema.shape {
        Shape::Object(object) => of_object(object),
        Shape::Map(map) => of_map(map),
        Shape::List(list) => of_list(list),
        Shape::Text(text) => of_text(text),
        Shape::Integer(integer) => of_integer(integer),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::IntOrString => json!({"x-kubernetes-int-or-string": true}),
        Shape::Anything => json!({"x-kubernetes-preserve-unknown-fields": true}),
    };
    if let Some(default) = &schema.default {
        json["default"] = value(default);
    }
    json
}

fn of_object(object: &Object) -> Json {
    let known = || object.fields.iter().filter(|field| field.need != Need::OtherChannel);
    let properties: JsonMap<_, _> = known().map(|field| (field.name.to_owned(), schema(&field.schema))).collect();
    let required: Vec<&str> = known().filter(|field| field.need == Need::Required).map(|field| field.name).collect();
    let mut json = json!({"type": "object", "properties": properties});
    set(&mut json, "required", (!required.is_empty()).then_some(required));
    set(&mut json, "minProperties", (object.size_min > 0).then_some(object.size_min));
    json
}

fn of_map(map: &Map) -> Json {
    let mut json = json!({"type": "object", "additionalProperties": schema(&map.values)});
    set(&mut json, "minProperties", (map.size_min > 0).then_some(map.size_min));
    set(&mut json, "maxProperties", map.size_max);
    json
}

fn of_list(list: &List) -> Json {
    let mut json = json!({"type": "array", "items": schema(&list.items)});
    set(&mut json, "minItems", (list.size_min > 0).then_some(list.size_min));
    set(&mut json, "maxItems", list.size_max);
    match list.identity {
        Identity::None => json["x-kubernetes-list-type"] = "atomic".into(),
        Identity::Value => json["x-kubernetes-list-type"] = "set".into(),
        Identity::Fields(fields) => {
            json["x-kubernetes-list-type"] = "map".into();
            json["x-kubernetes-list-map-keys"] = json!(fields);
        }
    }
    json
}

fn of_text(text: &Text) -> Json {
    let mut json = json!({"type": "string"});
    set(&mut json, "minLength", (text.length_min > 0).then_some(text.length_min));
    set(&mut json, "maxLength", text.length_max);
    set(&mut json, "pattern", text.pattern.map(|pattern| pattern.text));
    set(&mut json, "enum", (!text.choices.is_empty()).then_some(text.choices));
    json
}

fn of_integer(integer: &Integer) -> Json {
    let mut json = json!({"type": "integer"});
    set(&mut json, "format", integer.is_int32.then_some("int32"));
    set(&mut json, "minimum", integer.min);
    set(&mut json, "maximum", integer.max);
    set(&mut json, "enum", (!integer.choices.is_empty()).then_some(integer.choices));
    json
}

fn set<T: serde::Serialize>(json: &mut Json, field: &str, value: Option<T>) {
    if let Some(value) = value {
        json[field] = json!(value);
    }
}

fn value(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(it) => json!(it),
        Value::Integer(it) => json!(it),
        Value::Float(it) => json!(it),
        Value::String(it) => json!(it),
        Value::List(items) => items.iter().map(value).collect(),
        Value::Map(map) => {
            map.entries.iter().map(|entry| (entry.key.clone(), value(&entry.node))).collect::<JsonMap<_, _>>().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no CRD of ours needs is shown by one that is somebody else's, with every shape in it.
    #[test]
    fn a_schema_says_shapes_limits_and_defaults() {
        let gateway = openapi("gateway.networking.k8s.io", "v1", "Gateway", Channel::Standard).unwrap();
        let spec = &gateway["properties"]["spec"];
        let listeners = &spec["properties"]["listeners"];
        assert_eq!(listeners["maxItems"], 64);
        assert_eq!(listeners["x-kubernetes-list-map-keys"], json!(["name"]));
        assert_eq!(listeners["items"]["properties"]["port"]["maximum"], 65535);
        let from = &spec["properties"]["allowedListeners"]["properties"]["namespaces"]["properties"]["from"];
        assert_eq!(from["default"], "None");
        assert_eq!(spec["properties"]["defaultScope"], Json::Null, "a field of the other channel");
    }

    #[test]
    fn a_kind_that_is_not_read_has_no_schema() {
        assert_eq!(openapi("example.com", "v1", "Thing", Channel::Standard), None);
    }
}
