//! Labels and annotations by which the objects of data planes are found, ours and the API's.

pub(super) const NAME: &str = "app.kubernetes.io/name";
pub(super) const INSTANCE: &str = "app.kubernetes.io/instance";
pub(super) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// GEP-1762.
pub(super) const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
pub(super) const GATEWAY_CLASS_NAME: &str = "gateway.networking.k8s.io/gateway-class-name";
/// The namespace of the controller that made the object: two installations leave each other's objects alone.
pub(super) const INSTALLATION: &str = "gatewright.dev/installation";
/// An annotation: which data plane the object is of.
pub(super) const DATA_PLANE: &str = "gatewright.dev/data-plane";

/// Who manages what we made.
pub(super) const GATEWRIGHT: &str = "gatewright";
