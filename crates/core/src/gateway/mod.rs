//! From GatewayClasses, Gateways and ListenerSets to the listeners that routes attach to.
//!
//! Decides which listeners there are, what each one takes and whether it is served. Knows nothing of routes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    api::{gateway::Protocol, meta::LabelSelector},
    plan::{CertificateId, GatewayId, Hostname, ListenerId},
    world::{DataPlane, Kind, ObjectKey, ObjectRef, World},
};

/// Something that a route can name as its parent: a Gateway or a ListenerSet that is ours to serve.
#[derive(Clone, Debug)]
pub struct Parent {
    /// The Gateway or ListenerSet.
    pub owner: ObjectRef,
    /// The Gateway itself, or the one that the ListenerSet extends.
    pub gateway: ObjectKey,
    /// Of the Gateway's class; statuses are written in its name.
    pub controller_name: String,
    pub data_plane: DataPlane,
    /// In the manifest's order. Those that are not served are here, too: routes attach to them all the same.
    pub listeners: Vec<ResolvedListener>,
}

/// A listener of a Gateway or ListenerSet, with all that its manifest decides.
#[derive(Clone, Debug)]
pub struct ResolvedListener {
    pub id: ListenerId,
    pub gateway: GatewayId,
    /// The Gateway or ListenerSet that declares it.
    pub owner: ObjectRef,
    pub name: String,
    pub port: u16,
    pub protocol: Protocol,
    pub hostname: Hostname,
    /// The kinds of route that may attach, among those that fit the protocol.
    pub allowed_kinds: BTreeSet<Kind>,
    pub allowed_namespaces: AllowedNamespaces,
    /// Whether it is in the Plan: accepted, without a conflict, with a certificate if it needs one.
    pub served: bool,
    /// Those of its `certificateRefs` that could be resolved, in the manifest's order.
    pub certificates: Vec<CertificateId>,
}

/// Which namespaces something is allowed to come from.
#[derive(Clone, Debug, PartialEq)]
pub enum AllowedNamespaces {
    All,
    /// One alone.
    Same(String),
    Selector(LabelSelector),
    None,
}

impl AllowedNamespaces {
    pub fn allows(&self, world: &World, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Same(own) => own == namespace,
            Self::Selector(selector) => selector.matches(&world.namespace_labels(namespace)),
            Self::None => false,
        }
    }
}

/// Every parent that routes can attach to. One that is absent is nobody's, or another controller's: no status for it.
pub type Parents = BTreeMap<ObjectRef, Parent>;
