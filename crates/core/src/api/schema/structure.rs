//! Checks the shape of a value: types, required fields, limits, patterns, closed sets, duplicates.

use std::collections::HashSet;

use super::{
    finding::{Path, Report, Step, shorten},
    shape::{Identity, Integer, List, Map as MapShape, Need, Object, Schema, Shape, Text},
    value::{Map, Node, Position, Value},
};

/// Checks `node`, which stands at `path`, and everything in it.
pub(super) fn check(schema: &Schema, node: &Node, path: &mut Path, report: &mut Report) {
    match (&schema.shape, &node.value) {
        (Shape::Anything, _) | (Shape::Boolean, Value::Bool(_)) => {}
        (Shape::IntOrString, Value::Integer(_) | Value::String(_)) => {}
        (Shape::Object(object), Value::Map(map)) => check_object(object, map, node, path, report),
        (Shape::Map(shape), Value::Map(map)) => check_map(shape, map, node, path, report),
        (Shape::List(list), Value::List(items)) => check_list(list, items, node, path, report),
        (Shape::Text(shape), Value::String(text)) => check_text(shape, text, node, path, report),
        (Shape::Integer(shape), Value::Integer(_) | Value::Float(_)) => match node.as_integer() {
            Some(number) => check_integer(shape, number, node, path, report),
            None => report.block(path, shorten(node), "is no integer", "an integer"),
        },
        _ => report.block(path, shorten(node), format!("is {}", type_of(&node.value)), expected(&schema.shape)),
    }
}

fn check_object(object: &Object, map: &Map, node: &Node, path: &mut Path, report: &mut Report) {
    if map.len() < object.size_min {
        report.refuse(path, shorten(node), "has no field", format!("at least {} field", object.size_min));
    }
    for field in object.fields.iter().filter(|field| field.need != Need::OtherChannel) {
        match map.get(field.name) {
            Some(child) => {
                path.push(Step::Field(field.name), child.at);
                check(&field.schema, child, path, report);
                path.pop();
            }
            None if field.need == Need::Required => {
                path.push(Step::Field(field.name), Position::default());
                report.block(path, String::new(), "is missing", expected(&field.schema.shape));
                path.pop();
            }
            None => {}
        }
    }
}

fn check_map(shape: &MapShape, map: &Map, node: &Node, path: &mut Path, report: &mut Report) {
    check_size("entries", map.len(), shape.size_min, shape.size_max, node, path, report);
    for entry in &map.entries {
        path.push(Step::Key(entry.key.clone()), entry.node.at);
        check(&shape.values, &entry.node, path, report);
        path.pop();
    }
}

fn check_list(list: &List, items: &[Node], node: &Node, path: &mut Path, report: &mut Report) {
    check_size("items", items.len(), list.size_min, list.size_max, node, path, report);
    for (index, item) in items.iter().enumerate() {
        path.push(Step::Index(index), item.at);
        check(&list.items, item, path, report);
        path.pop();
    }
    check_identity(list.identity, items, path, report);
}

fn check_identity(identity: Identity, items: &[Node], path: &mut Path, report: &mut Report) {
    if identity == Identity::None || items.len() < 2 {
        return;
    }
    let mut seen = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let (key, accepted) = match identity {
            Identity::None => return,
            Identity::Value => (vec![Some(item)], "each value once".to_owned()),
            Identity::Fields(fields) => {
                (fields.iter().map(|field| item.get(field)).collect(), format!("each {} once", fields.join(", ")))
            }
        };
        if !seen.insert(
            serde_json::Value::from_iter(key.into_iter().map(|part| part.cloned().map(serde_json::Value::from)))
                .to_string(),
        ) {
            path.push(Step::Index(index), item.at);
            report.refuse(path, shorten(item), "stands in the list already", accepted);
            path.pop();
        }
    }
}

fn check_size(what: &str, size: usize, min: usize, max: Option<usize>, node: &Node, path: &Path, report: &mut Report) {
    if size < min {
        report.refuse(path, shorten(node), format!("has {size} {what}"), format!("at least {min}"));
    }
    if let Some(max) = max
        && size > max
    {
        report.block(path, String::new(), format!("has {size} {what}"), format!("at most {max}"));
    }
}

fn check_text(shape: &Text, text: &str, node: &Node, path: &Path, report: &mut Report) {
    if !shape.choices.is_empty() && !shape.choices.contains(&text) {
        report.block(path, shorten(node), "is not one of the values", shape.choices.join(", "));
        return;
    }
    // Code points are never more than bytes, and hardly any text comes near its limit.
    if let Some(max) = shape.length_max
        && text.len() > max
    {
        let length = text.chars().count();
        if length > max {
            report.block(path, shorten(node), format!("is {length} characters long"), format!("at most {max}"));
            return;
        }
    }
    if text.chars().take(shape.length_min).count() < shape.length_min {
        let accepted = match shape.pattern {
            Some(pattern) => pattern.accepted.to_owned(),
            None => format!("at least {} character", shape.length_min),
        };
        report.refuse(path, shorten(node), "is too short", accepted);
    } else if let Some(pattern) = shape.pattern
        && !pattern.is_in(text)
    {
        report.refuse(path, shorten(node), "is not well formed", pattern.accepted);
    }
}

fn check_integer(shape: &Integer, number: i64, node: &Node, path: &Path, report: &mut Report) {
    if !shape.choices.is_empty() && !shape.choices.contains(&number) {
        let choices: Vec<_> = shape.choices.iter().map(ToString::to_string).collect();
        report.block(path, shorten(node), "is not one of the values", choices.join(", "));
        return;
    }
    let (min, max) = bounds(shape);
    if number < min || number > max {
        report.refuse(path, shorten(node), "is out of range", expected(&Shape::Integer(Integer { ..*shape })));
    }
}

fn bounds(shape: &Integer) -> (i64, i64) {
    let (min, max) = if shape.is_int32 { (i64::from(i32::MIN), i64::from(i32::MAX)) } else { (i64::MIN, i64::MAX) };
    (shape.min.map_or(min, |written| written.max(min)), shape.max.map_or(max, |written| written.min(max)))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::String(_) => "a string",
        Value::List(_) => "a list",
        Value::Map(_) => "an object",
    }
}

/// What a shape takes, in words.
fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Object(object) => {
            let names: Vec<_> =
                object.fields.iter().filter(|field| field.need == Need::Required).map(|field| field.name).collect();
            if names.is_empty() { "an object".into() } else { format!("an object with {}", names.join(", ")) }
        }
        Shape::Map(map) => format!("an object whose values are each {}", expected(&map.values.shape)),
        Shape::List(list) => format!("a list, each item {}", expected(&list.items.shape)),
        Shape::Text(Text { choices: [], pattern: Some(pattern), .. }) => format!("a string: {}", pattern.accepted),
        Shape::Text(Text { choices: [], pattern: None, .. }) => {
            "a string (quoted, if it looks like something else)".into()
        }
        Shape::Text(text) => text.choices.join(", "),
        Shape::Integer(integer) if integer.choices.is_empty() => match bounds(integer) {
            (i64::MIN, i64::MAX) => "an integer".into(),
            (min, i64::MAX) => format!("an integer, at least {min}"),
            (min, max) => format!("an integer from {min} to {max}"),
        },
        Shape::Integer(integer) => integer.choices.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Shape::Boolean => "true or false".into(),
        Shape::IntOrString => "an integer or a string".into(),
        Shape::Anything => "any value".into(),
    }
}

/// Asks every rule about the values it belongs to.
pub(super) fn ask_rules(schema: &Schema, node: &Node, path: &mut Path, report: &mut Report) {
    for rule in &schema.rules {
        let Some(way) = rule.offence(node) else { continue };
        let guilty = way.last().map_or(node, |(_, guilty)| guilty);
        let steps = way.len();
        let shown = shorten(guilty);
        for (step, node) in way {
            path.push(step, node.at);
        }
        report.refuse(path, shown, rule.problem.clone(), rule.accepted.clone());
        for _ in 0..steps {
            path.pop();
        }
    }
    match (&schema.shape, &node.value) {
        (Shape::Object(object), Value::Map(map)) => {
            for field in object.fields.iter().filter(|field| field.need != Need::OtherChannel) {
                if let Some(child) = map.get(field.name) {
                    path.push(Step::Field(field.name), child.at);
                    ask_rules(&field.schema, child, path, report);
                    path.pop();
                }
            }
        }
        (Shape::Map(shape), Value::Map(map)) => {
            for entry in &map.entries {
                path.push(Step::Key(entry.key.clone()), entry.node.at);
                ask_rules(&shape.values, &entry.node, path, report);
                path.pop();
            }
        }
        (Shape::List(list), Value::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index), item.at);
                ask_rules(&list.items, item, path, report);
                path.pop();
            }
        }
        _ => {}
    }
}
