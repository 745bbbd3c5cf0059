//! YAML to JSON values and back, as much of it as cases use.

use std::fmt::Write;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Number, Value};

pub(super) fn read(text: &str) -> Result<Value, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    match documents.as_slice() {
        [document] => value(document),
        _ => Err(format!("one document is expected, not {}", documents.len())),
    }
}

fn value(node: &Yaml<'_>) -> Result<Value, String> {
    Ok(match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(bool)) => Value::Bool(*bool),
        Yaml::Value(Scalar::Integer(number)) => Value::Number(Number::from(*number)),
        Yaml::Value(Scalar::String(text)) => Value::String(text.to_string()),
        Yaml::Sequence(items) => Value::Array(items.iter().map(value).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let entry = |(key, node): (&Yaml<'_>, &Yaml<'_>)| match key {
                Yaml::Value(Scalar::String(key)) => Ok((key.to_string(), value(node)?)),
                Yaml::Value(Scalar::Integer(key)) => Ok((key.to_string(), value(node)?)),
                _ => Err(format!("{key:?} is no key")),
            };
            Value::Object(entries.iter().map(entry).collect::<Result<Map<_, _>, String>>()?)
        }
        _ => return Err(format!("{node:?} has no place in a case")),
    })
}

pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            let _ = write!(text, "{:indent$}{}:", "", scalar(key));
            nested(value, indent, text);
        }),
        Value::Array(list) => list.iter().for_each(|value| {
            let _ = write!(text, "{:indent$}-", "");
            match value {
                // Its first entry stands on the line of the dash.
                Value::Object(map) if !map.is_empty() => {
                    let mut inner = String::new();
                    block(value, indent + 2, &mut inner);
                    text.push(' ');
                    text.push_str(inner.trim_start());
                }
                _ => nested(value, indent, text),
            }
        }),
        _ => {}
    }
}

fn nested(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(map) if map.is_empty() => text.push_str(" {}\n"),
        Value::Array(list) if list.is_empty() => text.push_str(" []\n"),
        Value::Object(_) | Value::Array(_) => {
            text.push('\n');
            block(value, indent + 2, text);
        }
        Value::String(lines) if lines.contains('\n') => {
            text.push_str(" |\n");
            lines.lines().for_each(|line| {
                let _ = writeln!(text, "{:indent$}  {line}", "");
            });
        }
        Value::String(line) => {
            let _ = writeln!(text, " {}", scalar(line));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let _ = writeln!(text, " {value}");
        }
    }
}

/// Quotes what YAML would read as something else.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && !["true", "false", "null", "yes", "no"].contains(&text.to_ascii_lowercase().as_str())
        && !text.chars().any(char::is_control);
    if plain { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}
