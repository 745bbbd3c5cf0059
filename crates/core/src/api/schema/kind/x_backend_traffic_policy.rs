//! XBackendTrafficPolicy.

use serde_json::json;

use super::{
    reference::{duration, local_object},
    root,
    session_persistence::session_persistence,
};
use crate::api::schema::{
    format,
    rule::Rule,
    shape::{Channel, Complete, Schema, integer, list, object, optional, required},
    value::Node,
};

pub(super) fn schema(_: Channel) -> Schema {
    root([required(
        "spec",
        object([
            required("targetRefs", list(local_object()).size(1, 16).keyed(&["group", "kind", "name"])),
            optional("retryConstraint", retry_constraint()),
            optional("sessionPersistence", session_persistence()),
        ]),
    )])
}

const HOUR_MS: u64 = 3_600_000;

fn retry_constraint() -> Schema {
    let budget_interval = duration()
        .rule(Rule::new("is out of range", "a duration from 1s to 1h", |interval| {
            (1_000..=HOUR_MS).contains(&milliseconds(interval))
        }))
        .default_to(json!("10s"));
    let rate_interval = duration().rule(Rule::new("is out of range", "a duration above 0s and up to 1h", |interval| {
        (1..=HOUR_MS).contains(&milliseconds(interval))
    }));
    let budget = object([
        optional("percent", integer().range(0, 100).default_to(json!(20))),
        optional("interval", budget_interval),
    ])
    .default_to(json!({ "percent": 20, "interval": "10s" }));
    let rate = object([optional("count", integer().range(1, 1_000_000)), optional("interval", rate_interval)])
        .default_to(json!({ "count": 10, "interval": "1s" }));
    object([optional("budget", budget), optional("minRetryRate", rate)]).into()
}

fn milliseconds(interval: &Node) -> u64 {
    interval.as_str().and_then(format::duration_ms).unwrap_or_default()
}
