//! `HTTPRequestMirrorFilter`, and the fraction it shares with telemetry.

use serde_json::json;

use super::backend_ref::backend_object;
use crate::api::schema::{
    rule::Rule,
    shape::{Channel, Complete, Schema, int32, object, optional, required},
};

pub(super) fn mirror(channel: Channel) -> Schema {
    object([
        required("backendRef", backend_object(channel)),
        optional("percent", int32().range(0, 100)),
        optional("fraction", fraction()),
    ])
    .rule(
        Rule::new("has both percent and fraction", "one of the two, or neither (all requests)", |mirror| {
            !(mirror.has("percent") && mirror.has("fraction"))
        })
        .blame("fraction"),
    )
}

pub(super) fn fraction() -> Schema {
    object([required("numerator", int32().min(0)), optional("denominator", int32().min(1).default_to(json!(100)))])
        .rule(
            Rule::new("is more than the whole", "a numerator up to the denominator", |fraction| {
                fraction.number("numerator") <= fraction.number("denominator")
            })
            .blame("numerator"),
        )
}
