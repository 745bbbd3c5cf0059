//! A route that a later version sent: the rules that this version understands work, the others answer 500.
//!
//! A filter that is not known is never skipped, and neither is a match: whoever might have been meant is refused.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::body::RouteIn;
use crate::{
    filter::Filter,
    plan::{Hostname, Match, PathMatch, Precedence, Refusal, Route, RouteId, RouteKind, Rule, Timeouts},
};

/// What must be understood of a route: without it nobody knows whose requests it takes.
#[derive(Deserialize)]
struct Head {
    id: RouteId,
    kind: RouteKind,
    hostnames: Vec<Hostname>,
    precedence: Precedence,
    rules: Vec<Value>,
}

/// Reads a route, and says which rules answer 500 and why.
///
/// # Errors
/// When it is not known whose requests it takes.
pub(super) fn route(body: &[u8]) -> Result<(RouteIn, Vec<String>), String> {
    let read: RouteIn<Head> = super::body::read(body)?;
    let Head { id, kind, hostnames, precedence, rules } = read.route;
    let mut refused = Vec::new();
    let mut understood = Vec::with_capacity(rules.len());
    for (index, mut value) in rules.into_iter().enumerate() {
        drop_unused(&mut value);
        understood.push(match Rule::deserialize(&value) {
            Ok(rule) => rule,
            Err(error) => {
                refused.push(format!("rule {index}: {error}"));
                refusing(&value)?
            }
        });
    }
    let route = Route { id, kind, hostnames, precedence, rules: understood };
    Ok((RouteIn { route, listeners: read.listeners }, refused))
}

/// Takes out of a rule's matches the fields that are not known and ask nothing, as they stand where they are not used.
fn drop_unused(rule: &mut Value) {
    for found in rule.get_mut("matches").and_then(Value::as_array_mut).into_iter().flatten() {
        found.as_object_mut().into_iter().for_each(drop_empty);
        for list in ["headers", "query"] {
            let parts = found.get_mut(list).and_then(Value::as_array_mut);
            parts.into_iter().flatten().filter_map(Value::as_object_mut).for_each(drop_empty);
        }
    }
}

fn drop_empty(fields: &mut Map<String, Value>) {
    const KNOWN: [&str; 6] = ["path", "method", "headers", "query", "name", "value"];
    let asks = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
    };
    fields.retain(|name, value| KNOWN.contains(&name.as_str()) || asks(value));
}

/// Returns a rule that takes all requests that the rule may be meant for, and answers 500.
fn refusing(rule: &Value) -> Result<Rule, String> {
    let matches = rule["matches"].as_array().ok_or("a rule has no matches")?;
    Ok(Rule {
        name: rule["name"].as_str().map(Into::into),
        matches: matches.iter().map(widened).collect(),
        filters: vec![Filter::Refuse(Refusal::Broken)],
        backends: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
    })
}

/// Returns a match without what is not understood of it.
fn widened(found: &Value) -> Match {
    Match {
        path: read(&found["path"]).unwrap_or_else(|| PathMatch::Prefix("/".into())),
        method: read(&found["method"]),
        headers: readable(&found["headers"]),
        query: readable(&found["query"]),
    }
}

fn readable<T: DeserializeOwned>(list: &Value) -> Vec<T> {
    list.as_array().into_iter().flatten().filter_map(read).collect()
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}
