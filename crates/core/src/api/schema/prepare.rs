//! Makes of what was written what the API server would store: the last of two equal names, no unknown fields, no nulls,
//! defaults in place.

use std::collections::HashSet;

use super::{
    finding::{Path, Report, Step, shorten},
    shape::{Map as MapShape, Need, Object, Schema, Shape},
    suggest,
    value::{Map, Node, Value},
};

/// Prunes and fills `node`, which stands at `path`, and everything in it.
pub(super) fn prepare(schema: &Schema, node: &mut Node, path: &mut Path, report: &mut Report) {
    match (&schema.shape, &mut node.value) {
        (Shape::Object(object), Value::Map(map)) => prepare_object(object, map, path, report),
        (Shape::Map(shape), Value::Map(map)) => prepare_map(shape, map, path, report),
        (Shape::List(list), Value::List(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                if let (Value::Null, Some(default)) = (&item.value, &list.items.default) {
                    item.value = default.value.clone();
                }
                path.push(Step::Index(index), item.at);
                prepare(&list.items, item, path, report);
                path.pop();
            }
        }
        // Scalars need nothing; what has another shape is refused later.
        _ => {}
    }
}

fn prepare_object(object: &Object, map: &mut Map, path: &mut Path, report: &mut Report) {
    drop_duplicates(map, path, report);
    map.entries.retain(|entry| {
        let Some(field) = object.fields.iter().find(|field| field.name == entry.key) else {
            path.push(Step::Unknown(entry.key.clone()), entry.key_at);
            let (problem, accepted) = unknown(&entry.key, object);
            report.warn_unknown_field(path, String::new(), problem, accepted);
            path.pop();
            return false;
        };
        path.push(Step::Field(field.name), entry.key_at);
        match field.need {
            Need::OtherChannel => report.warn_unknown_field(
                path,
                shorten(&entry.node),
                "has no effect: the standard channel does not know this field".into(),
                "the experimental channel".into(),
            ),
            Need::Unhonoured if !entry.node.is_null() => {
                report.warn(
                    path,
                    shorten(&entry.node),
                    "has no effect: Gatewright does not act on this field",
                    "its absence",
                );
            }
            Need::Required | Need::Optional | Need::Unhonoured => {}
        }
        path.pop();
        field.need != Need::OtherChannel && !entry.node.is_null()
    });
    for field in object.fields.iter().filter(|field| field.need != Need::OtherChannel) {
        if let (None, Some(default)) = (map.get(field.name), &field.schema.default) {
            map.push(field.name, path.at(), Node::new(default.value.clone(), path.at()));
        }
        if let Some(child) = map.get_mut(field.name) {
            path.push(Step::Field(field.name), child.at);
            prepare(&field.schema, child, path, report);
            path.pop();
        }
    }
}

fn prepare_map(shape: &MapShape, map: &mut Map, path: &mut Path, report: &mut Report) {
    drop_duplicates(map, path, report);
    map.entries.retain(|entry| !entry.node.is_null());
    for entry in &mut map.entries {
        path.push(Step::Key(entry.key.clone()), entry.node.at);
        prepare(&shape.values, &mut entry.node, path, report);
        path.pop();
    }
}

/// Keeps the last of the fields with one name.
fn drop_duplicates(map: &mut Map, path: &mut Path, report: &mut Report) {
    let mut seen = HashSet::new();
    if map.entries.iter().all(|entry| seen.insert(entry.key.as_str())) {
        return;
    }
    drop(seen);
    let mut last = HashSet::new();
    let mut kept = Vec::with_capacity(map.entries.len());
    for entry in std::mem::take(&mut map.entries).into_iter().rev() {
        if last.insert(entry.key.clone()) {
            kept.push(entry);
        } else {
            path.push(Step::Unknown(entry.key), entry.key_at);
            report.warn(path, shorten(&entry.node), "has no effect: the same name stands again below", "the name once");
            path.pop();
        }
    }
    kept.reverse();
    map.entries = kept;
}

/// Says of a field that there is none of that name, and which was meant; else which there are.
fn unknown(name: &str, object: &Object) -> (String, String) {
    let known: Vec<_> =
        object.fields.iter().filter(|field| field.need != Need::OtherChannel).map(|field| field.name).collect();
    let shown: String = name.chars().take(NAME_SHOWN_MAX).collect();
    let problem = format!("unknown field `{shown}` has no effect");
    match (suggest::closest(name, known.iter().copied()), known.as_slice()) {
        (Some(meant), _) => (format!("{problem}; did you mean `{meant}`?"), String::new()),
        (None, []) => (problem, "no fields at all".into()),
        (None, known) => (problem, known.join(", ")),
    }
}

/// Characters of a name that are shown; the longest name of a field in the API has 30.
const NAME_SHOWN_MAX: usize = 80;
