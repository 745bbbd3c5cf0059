//! `HTTPExternalAuthFilter`, of routes and of listeners.

use super::backend_ref::backend_object;
use crate::api::schema::{
    pattern,
    rule::{forbidden_unless, needed_when},
    shape::{Channel, Complete, Schema, choice, int32, list, object, optional, required, text},
};

pub(super) fn external_auth(channel: Channel) -> Schema {
    object([
        required("protocol", choice(&["HTTP", "GRPC"])),
        required("backendRef", backend_object(channel)),
        optional("grpc", object([optional("allowedHeaders", names())])),
        optional(
            "http",
            object([
                optional("path", text().length(0, 1024).pattern(&pattern::PATH)),
                optional("allowedHeaders", names()),
                optional("allowedResponseHeaders", names()),
            ]),
        ),
        optional("forwardBody", object([optional("maxSize", int32().min(0))])),
    ])
    .rules([
        needed_when("protocol", "GRPC", "grpc"),
        forbidden_unless("protocol", "GRPC", "grpc"),
        needed_when("protocol", "HTTP", "http"),
        forbidden_unless("protocol", "HTTP", "http"),
    ])
}

/// Header names, whose syntax the API leaves open here.
fn names() -> Schema {
    list(text()).size(0, 64).set().into()
}
