//! JSON values as YAML, as `kubectl -o yaml` writes them.

use gatewright_core::api::schema;
use serde_json::Value;

use crate::manifest::yaml;

/// Appends `value` as a document.
pub(super) fn write(text: &mut String, value: &Value) {
    block(text, value, 0);
}

fn block(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (index, (name, value)) in fields.iter().enumerate() {
                // The first field stands behind the dash of its list.
                if index > 0 || !text.ends_with("- ") {
                    indent(text, depth);
                }
                *text += &format!("{}:", string(name));
                child(text, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(text, depth);
                *text += "- ";
                match item {
                    Value::Object(fields) if !fields.is_empty() => block(text, item, depth + 1),
                    _ => *text += &format!("{}\n", flow(item)),
                }
            }
        }
        _ => *text += &format!("{}\n", flow(value)),
    }
}

/// What stands after a field's colon: in the same line, or below it. A list stands no deeper than its field.
fn child(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            block(text, value, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(text, value, depth);
        }
        _ => *text += &format!(" {}\n", flow(value)),
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        // Scalars, what is empty, and a list directly in a list: JSON is YAML.
        _ => value.to_string(),
    }
}

/// Writes text plainly where it would be read back as the same text.
fn string(text: &str) -> String {
    let is_safe = |character: char| character.is_ascii_alphanumeric() || "-_./* ()<>=+@~^$%;".contains(character);
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphanumeric() || "./_(".contains(first))
        && !text.ends_with(' ')
        && text.chars().all(is_safe);
    let same =
        || matches!(yaml::parse(text).as_deref(), Ok([node]) if node.value == schema::Value::String(text.into()));
    if is_plain && same() { text.to_owned() } else { Value::from(text).to_string() }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}
