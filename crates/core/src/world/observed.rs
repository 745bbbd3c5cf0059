//! Facts from the running world, which statuses report and no manifest holds.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, ObjectKey, ObjectRef};
use crate::plan::CertificateId;

/// What executes one Plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataPlane {
    /// All Gateways together.
    Merged,
    /// One Gateway's own.
    Gateway(ObjectKey),
    /// Of all Gateways of the GatewayClass of this name, whose parameters merge them.
    Class(String),
}

impl std::fmt::Display for DataPlane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Merged => f.write_str("merged"),
            Self::Gateway(key) => write!(f, "{key}"),
            // No namespace has this name: it has upper-case letters.
            Self::Class(name) => write!(f, "GatewayClass/{name}"),
        }
    }
}

/// What was observed outside the manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// A data plane that is absent here has not been heard of yet.
    pub data_planes: BTreeMap<DataPlane, DataPlaneState>,
    /// Classes whose Gateways share a data plane that runs, whatever their parameters say now.
    pub shared_classes: BTreeSet<String>,
    /// Kinds that RBAC keeps from being read: in a namespace, or everywhere (`None`).
    pub forbidden: BTreeSet<(Kind, Option<String>)>,
    /// Kinds that the API server does not know. Without an API server, none.
    pub unserved: BTreeSet<Kind>,
    pub bundle: Bundle,
}

/// What the cluster's CRDs of the Gateway API say of themselves. The default is what this program was written for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// Their `bundle-version`.
    pub version: Option<String>,
    /// Whether they are of the Standard channel, or do not say: what is experimental cannot be written, and no status holds
    /// it.
    pub standard: bool,
}

impl Observed {
    /// Whether RBAC keeps an object from being read, so that nobody knows whether it exists.
    pub fn is_forbidden(&self, object: &ObjectRef) -> bool {
        let is_in = |namespace| self.forbidden.contains(&(object.kind, namespace));
        !self.forbidden.is_empty() && (is_in(None) || is_in(Some(object.key.namespace.clone())))
    }
}

/// What a data plane says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataPlaneState {
    /// Whether every proxy enforces the Plan that these objects compile to, or one that it was a moment ago: who says so of
    /// the objects waits until proxies have come so far.
    pub confirmed: bool,
    /// IP addresses at which it can be reached, or DNS names where its load balancer has no address.
    pub addresses: Vec<String>,
    /// ClusterIPs of its Service, by which the cluster reaches it. They are among `addresses` where it has no others.
    pub cluster_addresses: Vec<String>,
    /// Why it is not as it should be: an object that cannot be made or is somebody else's, a part of the Plan that proxies do
    /// not take.
    pub problems: Vec<String>,
    /// Ports that it could not serve, with the reason.
    pub ports_failed: BTreeMap<u16, String>,
    /// Certificates that it could not use, with the reason.
    pub certificates_failed: BTreeMap<CertificateId, String>,
}
