//! XTelemetryPolicy.

use serde_json::json;

use super::{
    backend_ref::backend_object,
    header::{header_name, headers},
    mirror::fraction,
    reference::local_object,
    root,
};
use crate::api::schema::{
    pattern,
    rule::{Rule, exactly_when, forbidden_unless},
    shape::{Channel, Complete, Schema, Text, choice, list, object, optional, required, text},
};

pub(super) fn schema(channel: Channel) -> Schema {
    let spec =
        object([required("targetRefs", list(local_object()).size(1, 16)), optional("tracing", tracing(channel))])
            .rule(Rule::new("asks for nothing", "tracing", |spec| spec.has("tracing")));
    root([required("spec", spec)])
}

fn tracing(channel: Channel) -> Schema {
    let provider = object([required("backendRef", backend_object(channel)), optional("headers", headers(channel))]);
    object([
        optional("mode", mode()),
        optional("provider", provider),
        optional("samplingRate", fraction()),
        optional("parentBasedSampling", parent_based_sampling()),
        optional("serviceName", text().length(1, 253).pattern(&pattern::TELEMETRY_NAME)),
        optional("spanName", text().length(1, 256).pattern(&pattern::SPAN_NAME)),
        optional("attributes", list(attribute()).keyed(&["name"])),
    ])
    .rule(exactly_when("mode", "Enabled", "provider"))
    .rules(
        ["samplingRate", "parentBasedSampling", "serviceName", "spanName", "attributes"]
            .map(|field| forbidden_unless("mode", "Enabled", field)),
    )
}

fn mode() -> Schema {
    choice(&["Enabled", "Disabled", "ImplementationDefault"]).default_to(json!("ImplementationDefault"))
}

fn parent_based_sampling() -> Schema {
    object([optional("mode", mode()), optional("samplingRate", fraction())]).rule(forbidden_unless(
        "mode",
        "Enabled",
        "samplingRate",
    ))
}

fn attribute() -> Schema {
    let name: Text = text().length(1, 256).pattern(&pattern::TELEMETRY_NAME);
    object([
        required("name", name),
        required("sourceType", choice(&["Header", "Literal", "Attribute"])),
        optional("headerName", header_name()),
        optional("literalValue", text().length(1, 1024)),
        optional("attributeKey", text().length(1, 256).pattern(&pattern::ATTRIBUTE_KEY)),
    ])
    .rules([
        exactly_when("sourceType", "Header", "headerName"),
        exactly_when("sourceType", "Literal", "literalValue"),
        exactly_when("sourceType", "Attribute", "attributeKey"),
    ])
}
