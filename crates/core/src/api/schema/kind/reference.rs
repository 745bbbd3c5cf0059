//! References to other objects, and the names they are made of.

use serde_json::json;

use crate::api::schema::{
    pattern,
    shape::{Complete, Field, Object, Schema, Text, int32, object, optional, required, text},
};

/// Name of another object; what it really is called is its own kind's business.
pub(super) fn name() -> Text {
    text().length(1, 253)
}

pub(super) fn group() -> Text {
    text().length(0, 253).pattern(&pattern::GROUP)
}

pub(super) fn kind() -> Text {
    text().length(1, 63).pattern(&pattern::KIND)
}

pub(super) fn namespace() -> Text {
    text().length(1, 63).pattern(&pattern::DNS_LABEL)
}

/// Name of a part of an object: a listener, a rule, a port.
pub(super) fn section_name() -> Text {
    text().length(1, 253).pattern(&pattern::DNS_SUBDOMAIN)
}

pub(super) fn port() -> Schema {
    int32().range(1, 65535).into()
}

/// A host name without wildcard.
pub(super) fn precise_hostname() -> Text {
    text().length(1, 253).pattern(&pattern::DNS_SUBDOMAIN)
}

/// A host name, or a wildcard for those below it.
pub(super) fn hostname() -> Text {
    text().length(1, 253).pattern(&pattern::HOSTNAME)
}

pub(super) fn duration() -> Text {
    text().pattern(&pattern::DURATION)
}

/// Name of an implementation and a part of it, as in `example.com/gateway`.
pub(super) fn controller_name() -> Text {
    text().length(1, 253).pattern(&pattern::CONTROLLER_NAME)
}

/// `LocalObjectReference`: group, kind and name, all of them given.
pub(super) fn local_object() -> Object {
    object([required("group", group()), required("kind", kind()), required("name", name())])
}

/// `ObjectReference`: the same, in any namespace.
pub(super) fn object_in_namespace() -> Object {
    with(local_object(), [optional("namespace", namespace())])
}

/// `SecretObjectReference`.
pub(super) fn secret() -> Object {
    object([
        optional("group", group().default_to(json!(""))),
        optional("kind", kind().default_to(json!("Secret"))),
        required("name", name()),
        optional("namespace", namespace()),
    ])
}

/// The object with further fields.
pub(super) fn with<const N: usize>(mut object: Object, fields: [Field; N]) -> Object {
    object.fields.extend(fields);
    object
}
