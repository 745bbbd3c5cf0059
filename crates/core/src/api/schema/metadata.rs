//! Checks `metadata`, which every kind has: names, namespace, labels, annotations.

use super::{
    finding::{Path, Report, Step, shorten},
    format,
    kind::{NameForm, Scope},
    pattern,
    prepare::prepare,
    rule::Rule,
    shape::{Complete, Schema, anything, boolean, integer, list, map, object, optional, required, text},
    structure,
    value::{Map, Node, Position, Value},
};

/// Bytes of all keys and values of an object's annotations together, as the API server has it.
const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;

/// Namespace of an object that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// Prunes, fills and checks the `metadata` of `root`, the object's fields.
pub(super) fn check(root: &mut Map, schema: &Schema, scope: Scope, path: &mut Path, report: &mut Report) {
    if root.get("metadata").is_none_or(Node::is_null) {
        root.remove("metadata");
        root.push("metadata", Position::default(), Node { value: Value::Map(Map::default()), at: path.at() });
    }
    let Some(metadata) = root.get_mut("metadata") else { return };
    path.push(Step::Field("metadata"), metadata.at);
    for field in ["labels", "annotations"] {
        if let Value::Map(map) = &mut metadata.value
            && let Some(Node { value: Value::Map(entries), .. }) = map.get_mut(field)
        {
            empty_nulls(entries);
        }
    }
    prepare(schema, metadata, path, report);
    place(metadata, scope, path, report);
    structure::check(schema, metadata, path, report);
    structure::ask_rules(schema, metadata, path, report);
    path.pop();
}

/// Reads null as the API server does in a map of strings: as an empty one.
fn empty_nulls(map: &mut Map) {
    for entry in map.entries.iter_mut().filter(|entry| entry.node.is_null()) {
        entry.node.value = Value::String(String::new());
    }
}

/// Gives a namespaced object a namespace, and takes it from a cluster-scoped one.
fn place(metadata: &mut Node, scope: Scope, path: &mut Path, report: &mut Report) {
    let at = metadata.at;
    let Value::Map(map) = &mut metadata.value else { return };
    match scope {
        Scope::Namespaced => {
            if map.get("namespace").is_none_or(|namespace| namespace.as_str() == Some("")) {
                map.remove("namespace");
                map.push("namespace", at, Node::new(Value::String(DEFAULT_NAMESPACE.into()), at));
            }
        }
        Scope::Cluster => {
            if let Some(namespace) = map.remove("namespace")
                && namespace.as_str() != Some("")
            {
                path.push(Step::Field("namespace"), namespace.at);
                report.warn(
                    path,
                    shorten(&namespace),
                    "has no effect: the kind belongs to no namespace",
                    "its absence",
                );
                path.pop();
            }
        }
    }
}

/// The shape of `metadata` for a kind whose names have the given form.
pub(super) fn schema(form: NameForm) -> Schema {
    let name = match form {
        NameForm::Subdomain => text().length(1, 253).pattern(&pattern::DNS_SUBDOMAIN),
        NameForm::Label => text().length(1, 63).pattern(&pattern::DNS_LABEL),
        NameForm::Signed => text().length(1, 253),
        NameForm::AlphabeticLabel => text().length(1, 63).pattern(&pattern::DNS_LABEL_ALPHABETIC),
    };
    object([
        required("name", name),
        optional("generateName", text()),
        optional("namespace", text().length(1, 63).pattern(&pattern::DNS_LABEL)),
        optional("labels", labels()),
        optional("annotations", annotations()),
        optional("finalizers", list(text())),
        optional("ownerReferences", list(owner())),
        optional("creationTimestamp", anything()),
        optional("deletionTimestamp", anything()),
        optional("deletionGracePeriodSeconds", anything()),
        optional("generation", integer()),
        optional("managedFields", anything()),
        optional("resourceVersion", text()),
        optional("selfLink", text()),
        optional("uid", text()),
    ])
    .into()
}

fn labels() -> Schema {
    map(text().length(0, 63).pattern(&pattern::LABEL_VALUE)).rule(Rule::each_key(
        "is no label key",
        "a name of up to 63 characters, after an optional domain and '/'",
        format::is_qualified_name,
    ))
}

fn annotations() -> Schema {
    map(text()).rules([
        Rule::each_key(
            "is no annotation key",
            "a name of up to 63 characters, after an optional domain and '/'",
            |key| format::is_qualified_name(&key.to_ascii_lowercase()),
        ),
        Rule::new("is too large", "keys and values of 256 KiB together", |annotations| {
            let entries = annotations.as_map().map_or(&[][..], |map| &map.entries);
            let bytes: usize =
                entries.iter().map(|entry| entry.key.len() + entry.node.as_str().map_or(0, str::len)).sum();
            bytes <= ANNOTATIONS_BYTES_MAX
        }),
    ])
}

fn owner() -> Schema {
    object([
        required("apiVersion", text().length(1, 253)),
        required("kind", text().length(1, 253)),
        required("name", text().length(1, 253)),
        required("uid", text().length(1, 253)),
        optional("controller", boolean()),
        optional("blockOwnerDeletion", boolean()),
    ])
    .into()
}
