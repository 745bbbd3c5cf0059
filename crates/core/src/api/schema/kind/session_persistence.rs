//! `SessionPersistence`, of routes (deprecated there), XBackends and XBackendTrafficPolicies.

use serde_json::json;

use super::{header::header_name, reference::duration};
use crate::api::schema::{
    rule::{Rule, member},
    shape::{Complete, Schema, choice, object, optional, required, text},
};

pub(super) fn session_persistence() -> Schema {
    let cookie = object([
        optional("name", header_name()),
        optional("path", text().length(0, 1024).default_to(json!("/"))),
        optional("lifetimeType", choice(&["Permanent", "Session"]).default_to(json!("Session"))),
    ]);
    object([
        optional("type", choice(&["Cookie", "Header"]).default_to(json!("Cookie"))),
        optional("absoluteTimeout", duration()),
        optional("cookie", cookie),
        optional("header", object([required("name", header_name())])),
    ])
    .rule(
        Rule::new("has a permanent cookie without end", "absoluteTimeout, or lifetimeType: Session", |persistence| {
            let lifetime = persistence.get("cookie").map_or("", |cookie| cookie.text("lifetimeType"));
            lifetime != "Permanent" || persistence.has("absoluteTimeout")
        })
        .blame("cookie"),
    )
    .rules(member("type", "Cookie", "cookie"))
    .rules(member("type", "Header", "header"))
}
