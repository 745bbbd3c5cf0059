//! YAML as the tests of schemas read it: without positions.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;

/// The documents of a text.
pub(super) fn documents(text: &str) -> Vec<Value> {
    Yaml::load_from_str(text).unwrap().iter().map(value).collect()
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(scalar) => match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(bit) => Value::from(*bit),
            Scalar::Integer(number) => Value::from(*number),
            Scalar::FloatingPoint(number) => Value::from(number.into_inner()),
            Scalar::String(text) => Value::from(text.as_ref()),
        },
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, node)| {
                    (key.as_str().unwrap_or_else(|| panic!("a key is no string: {key:?}")).to_owned(), value(node))
                })
                .collect(),
        ),
        other => panic!("not read here: {other:?}"),
    }
}
