//! Plans onto the control channel, and what the proxies say of them back into facts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gatewright_core::{
    plan::{
        Plan,
        resource::{Difference, Name, difference},
    },
    world::{DataPlane, DataPlaneState},
};
use gatewright_xds::{Change, Resource, Server};

use crate::provision::Seen;

/// Remembers what was published, so that only what changed is made into bytes.
pub(crate) struct Publisher {
    server: Server,
    published: BTreeMap<DataPlane, Arc<Plan>>,
    /// What proxies rejected when it was last looked, so that it is said once.
    rejected: BTreeSet<(String, String)>,
}

impl Publisher {
    pub(crate) fn new(server: Server) -> Self {
        Self { server, published: BTreeMap::new(), rejected: BTreeSet::new() }
    }

    /// Publishes every Plan, and forgets those of data planes that are gone.
    pub(crate) fn publish(&mut self, plans: BTreeMap<DataPlane, Arc<Plan>>) {
        for gone in self.published.keys().filter(|data_plane| !plans.contains_key(data_plane)) {
            self.server.remove(&gone.to_string());
        }
        let nothing = Plan::default();
        for (data_plane, plan) in &plans {
            let before = self.published.get(data_plane).map(AsRef::as_ref);
            if before.is_some_and(|before| std::ptr::eq(before, &raw const **plan)) {
                continue;
            }
            let Difference { added, removed } = difference(before.unwrap_or(&nothing), plan);
            if before.is_some() && added.is_empty() && removed.is_empty() {
                continue;
            }
            let change = Change {
                added: added.into_iter().map(|(name, body)| Resource::new(name.to_string(), body.0)).collect(),
                removed: removed.into_iter().map(|name| Arc::from(name.to_string())).collect(),
            };
            self.server.publish(&data_plane.to_string(), change);
        }
        self.published = plans;
    }

    /// Returns the classes whose Gateways share a data plane: one that is published, or that still runs.
    pub(crate) fn shared_classes(&self, seen: &BTreeMap<DataPlane, Seen>) -> BTreeSet<String> {
        let running = seen.iter().filter(|(_, seen)| seen.available).map(|(data_plane, _)| data_plane);
        let class = |data_plane: &DataPlane| match data_plane {
            DataPlane::Class(class) => Some(class.clone()),
            DataPlane::Gateway(_) | DataPlane::Merged => None,
        };
        self.published.keys().chain(running).filter_map(class).collect()
    }

    /// Returns what is known of every published data plane.
    pub(crate) fn observe(&mut self, seen: &BTreeMap<DataPlane, Seen>) -> BTreeMap<DataPlane, DataPlaneState> {
        let mut states = BTreeMap::new();
        let mut rejected = BTreeSet::new();
        for data_plane in self.published.keys() {
            let standing = self.server.standing(&data_plane.to_string());
            let seen = seen.get(data_plane).cloned().unwrap_or_default();
            let mut state = DataPlaneState {
                // Until a Pod is ready the Service leads nowhere.
                confirmed: standing.is_confirmed() && seen.available,
                addresses: seen.addresses,
                cluster_addresses: seen.cluster_addresses,
                problems: seen.problems,
                ..DataPlaneState::default()
            };
            for (name, why) in standing.rejected() {
                match Name::parse(name) {
                    Some(Name::Port(port)) => _ = state.ports_failed.insert(port, why.to_owned()),
                    Some(Name::Certificate(id)) => _ = state.certificates_failed.insert(id, why.to_owned()),
                    Some(Name::Route(_) | Name::Backend(_) | Name::Endpoints(_)) | None => {
                        state.problems.push(format!("{name} is not in force: {why}"));
                    }
                }
                rejected.insert((format!("{data_plane}: {name}"), why.to_owned()));
            }
            states.insert(data_plane.clone(), state);
        }
        for (resource, why) in rejected.difference(&self.rejected) {
            tracing::error!(resource, why, "a proxy does not take a resource; it keeps the last good one");
        }
        self.rejected = rejected;
        states
    }
}
