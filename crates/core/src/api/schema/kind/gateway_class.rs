//! GatewayClass, and XMesh, whose spec is the same.

use super::{
    reference::{controller_name, object_in_namespace},
    root,
};
use crate::api::schema::{
    rule::Rule,
    shape::{Channel, Complete, Schema, object, optional, required, text},
};

pub(super) fn schema(_: Channel) -> Schema {
    // The CRD's rule compares with the stored object; here every object is new.
    let controller = controller_name().rule(Rule::new("has changed", "the name it was created with", |_| true));
    root([required(
        "spec",
        object([
            required("controllerName", controller),
            optional("parametersRef", object_in_namespace()),
            optional("description", text().length(0, 64)),
        ]),
    )])
}
