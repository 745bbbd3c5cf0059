//! HTTP headers: names, values, matches, and the filters that change them.

use serde_json::json;

use crate::api::schema::{
    pattern,
    shape::{Channel, Complete, List, Object, Schema, Text, choice, list, object, optional, required, text},
};

pub(super) fn header_name() -> Text {
    text().length(1, 256).pattern(&pattern::HEADER_NAME)
}

/// The standard channel takes any text.
pub(super) fn header_value(channel: Channel) -> Text {
    let text = text().length(1, 4096);
    match channel {
        Channel::Standard => text,
        Channel::Experimental => text.pattern(&pattern::HEADER_VALUE),
    }
}

/// `HTTPHeader`s, each name once.
pub(super) fn headers(channel: Channel) -> List {
    let header = object([required("name", header_name()), required("value", header_value(channel))]);
    list(header).size(0, 16).keyed(&["name"])
}

/// A list of matches by name and value, each name once.
pub(super) fn matches(value: Text) -> List {
    let match_type = choice(&["Exact", "RegularExpression"]).default_to(json!("Exact"));
    let entry = object([required("name", header_name()), optional("type", match_type), required("value", value)]);
    list(entry).size(0, 16).keyed(&["name"])
}

/// `HTTPHeaderFilter`.
pub(super) fn modifier(channel: Channel) -> Object {
    object([
        optional("set", headers(channel)),
        optional("add", headers(channel)),
        optional("remove", list(text()).size(0, 16).set()),
    ])
}

/// Names of headers, each once.
pub(super) fn header_names() -> Schema {
    list(header_name()).size(0, 64).set().into()
}
