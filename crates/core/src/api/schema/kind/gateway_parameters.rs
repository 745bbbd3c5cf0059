//! GatewayParameters (gatewright.dev), and EnvoyProxy (gateway.envoyproxy.io), which is read in its place.

use super::root;
use crate::api::schema::shape::{Channel, Schema, anything, unhonoured};

pub(super) fn schema(_: Channel) -> Schema {
    root([unhonoured("spec", anything())])
}
