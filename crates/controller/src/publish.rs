//! Plans onto the control channel, and what the proxies say of them back into facts.

mod trail;

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
use gatewright_xds::{Change, Resource, Server, Standing, Version};
use tokio::time::Instant;

use self::trail::Trail;
use crate::provision::Seen;

/// Remembers what was published, so that only what changed is made into bytes.
pub(crate) struct Publisher {
    server: Server,
    published: BTreeMap<DataPlane, Published>,
    /// What proxies rejected when it was last looked, so that it is said once.
    rejected: BTreeSet<(String, String)>,
}

/// One data plane.
struct Published {
    plan: Arc<Plan>,
    trail: Trail,
}

impl Publisher {
    pub(crate) fn new(server: Server) -> Self {
        Self { server, published: BTreeMap::new(), rejected: BTreeSet::new() }
    }

    /// Publishes every Plan, and forgets those of data planes that are gone.
    pub(crate) fn publish(&mut self, plans: BTreeMap<DataPlane, Arc<Plan>>) {
        let now = Instant::now();
        self.published.retain(|data_plane, _| {
            let is_kept = plans.contains_key(data_plane);
            if !is_kept {
                self.server.remove(&data_plane.to_string());
            }
            is_kept
        });
        for (data_plane, plan) in plans {
            self.publish_one(data_plane, plan, now);
        }
    }

    fn publish_one(&mut self, data_plane: DataPlane, plan: Arc<Plan>, now: Instant) {
        let published = self.published.get_mut(&data_plane);
        if published.as_ref().is_some_and(|published| Arc::ptr_eq(&published.plan, &plan)) {
            return;
        }
        let nothing = Plan::default();
        let before = published.as_ref().map_or(&nothing, |published| &*published.plan);
        let Difference { added, removed } = difference(before, &plan);
        let change = Change {
            added: added.into_iter().map(|(name, body)| Resource::new(name.to_string(), body.0)).collect(),
            removed: removed.into_iter().map(|name| Arc::from(name.to_string())).collect(),
        };
        let is_same = change.added.is_empty() && change.removed.is_empty();
        match published {
            Some(published) => {
                published.plan = plan;
                if !is_same {
                    let version = self.server.publish(&data_plane.to_string(), change);
                    published.trail.publish(version, now);
                }
            }
            // Also a Plan that is empty is published: it serves nothing.
            None => {
                let trail = Trail::new(self.server.publish(&data_plane.to_string(), change));
                self.published.insert(data_plane, Published { plan, trail });
            }
        }
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
        let now = Instant::now();
        let mut states = BTreeMap::new();
        let mut rejected = BTreeSet::new();
        for (data_plane, Published { trail, .. }) in &mut self.published {
            let standing = self.server.standing(&data_plane.to_string());
            let seen = seen.get(data_plane).cloned().unwrap_or_default();
            let mut state = DataPlaneState {
                // Until a Pod is ready the Service leads nowhere.
                confirmed: trail.observe(&standing, now) && seen.available,
                addresses: seen.addresses,
                cluster_addresses: seen.cluster_addresses,
                problems: seen.problems,
                ..DataPlaneState::default()
            };
            let said = note_rejected(&mut state, &standing, |version| trail.is_recent(version, now));
            rejected.extend(said.into_iter().map(|(name, why)| (format!("{data_plane}: {name}"), why)));
            states.insert(data_plane.clone(), state);
        }
        for (resource, why) in rejected.difference(&self.rejected) {
            tracing::error!(resource, why, "a proxy does not take a resource; it keeps the last good one");
        }
        self.rejected = rejected;
        states
    }

    /// Whether proxies that are expected to follow do not have yet what was published up to `then`, as last observed.
    pub(crate) fn is_anybody_behind(&self, then: Instant) -> bool {
        self.published.values().any(|published| published.trail.is_behind(then))
    }

    /// When to observe again though nothing happened: somebody is no longer waited for.
    pub(crate) fn patience_ends(&self) -> Option<Instant> {
        self.published.values().filter_map(|published| published.trail.patience_ends()).min()
    }
}

/// Enters into `state` what proxies reject whose version `counts`, and returns it by name.
fn note_rejected(
    state: &mut DataPlaneState,
    standing: &Standing,
    counts: impl Fn(Version) -> bool,
) -> Vec<(String, String)> {
    let rejected: Vec<_> = standing.rejected(counts).into_iter().collect();
    for &(name, why) in &rejected {
        match Name::parse(name) {
            Some(Name::Port(port)) => _ = state.ports_failed.insert(port, why.to_owned()),
            Some(Name::Certificate(id)) => _ = state.certificates_failed.insert(id, why.to_owned()),
            Some(Name::Route(_) | Name::Backend(_) | Name::Endpoints(_)) | None => {
                state.problems.push(format!("{name} is not in force: {why}"));
            }
        }
    }
    rejected.into_iter().map(|(name, why)| (name.to_owned(), why.to_owned())).collect()
}
