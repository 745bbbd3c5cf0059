//! ReferenceGrant.

use super::{
    reference::{group, kind, name, namespace},
    root,
};
use crate::api::schema::shape::{Channel, Schema, list, object, optional, required};

pub(super) fn schema(_: Channel) -> Schema {
    let from = object([required("group", group()), required("kind", kind()), required("namespace", namespace())]);
    let to = object([required("group", group()), required("kind", kind()), optional("name", name())]);
    root([required("spec", object([required("from", list(from).size(1, 16)), required("to", list(to).size(1, 16))]))])
}
