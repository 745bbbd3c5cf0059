//! A Plan as named resources, for the control channel: each with a name and a body of JSON.
//!
//! One changed route, endpoint or certificate is one changed resource; a [`Store`] makes a Plan of them again. Fields that
//! a reader does not know are skipped, and a rule that it does not understand answers 500 while the others work, so that a
//! controller may be one version ahead. Bodies of certificates hold private
//! keys: this is the one form of a Plan that does. It knows nothing of versions or connections.

mod body;
mod later;
mod store;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::Arc,
};

use super::{BackendId, CertificateId, EndpointsId, ListenerId, Plan, RouteId};
pub use store::Store;

/// What a resource is called: its kind, then its id in the Plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    Port(u16),
    Route(RouteId),
    Backend(BackendId),
    Endpoints(EndpointsId),
    Certificate(CertificateId),
}

impl Name {
    /// Reads a name. A kind that a later version brings is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once('/')?;
        match kind {
            "port" => id.parse().ok().map(Self::Port),
            "route" => Some(Self::Route(RouteId::new(id))),
            "backend" => Some(Self::Backend(BackendId::new(id))),
            "endpoints" => Some(Self::Endpoints(EndpointsId::new(id))),
            "certificate" => Some(Self::Certificate(CertificateId::new(id))),
            _ => None,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(number) => write!(f, "port/{number}"),
            Self::Route(id) => write!(f, "route/{id}"),
            Self::Backend(id) => write!(f, "backend/{id}"),
            Self::Endpoints(id) => write!(f, "endpoints/{id}"),
            Self::Certificate(id) => write!(f, "certificate/{id}"),
        }
    }
}

/// What makes one Plan of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// New resources, and those that are not what they were; what is referred to stands before what refers to it.
    pub added: Vec<(Name, Body)>,
    pub removed: Vec<Name>,
}

/// A resource's bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Body(pub Vec<u8>);

/// It may hold a private key.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Returns what makes `after` of `before`. What both share by pointer costs a comparison of pointers.
pub fn difference(before: &Plan, after: &Plan) -> Difference {
    let mut difference = Difference::default();
    each_added(before, after, |name, body| difference.added.push((name, body)));
    let removed = &mut difference.removed;
    removed.extend(gone(&before.ports, &after.ports).map(|number| Name::Port(*number)));
    removed.extend(gone(&before.routes, &after.routes).cloned().map(Name::Route));
    removed.extend(gone(&before.backends, &after.backends).cloned().map(Name::Backend));
    removed.extend(gone(&before.endpoints, &after.endpoints).cloned().map(Name::Endpoints));
    removed.extend(gone(&before.certificates, &after.certificates).cloned().map(Name::Certificate));
    difference
}

/// Calls `take` with every resource of `plan`, one after the other.
pub fn each(plan: &Plan, take: impl FnMut(Name, Body)) {
    each_added(&Plan::default(), plan, take);
}

fn each_added(before: &Plan, after: &Plan, mut take: impl FnMut(Name, Body)) {
    for (id, certificate) in &after.certificates {
        if before.certificates.get(id) != Some(certificate) {
            take(Name::Certificate(id.clone()), body::certificate(certificate));
        }
    }
    for (id, endpoints) in &after.endpoints {
        if !is_same(before.endpoints.get(id), endpoints) {
            take(Name::Endpoints(id.clone()), body::of(endpoints));
        }
    }
    for (id, backend) in &after.backends {
        if !is_same(before.backends.get(id), backend) {
            take(Name::Backend(id.clone()), body::of(backend));
        }
    }
    // A listener may have thousands of routes: which they are is told with each route, so that one more is no news of
    // the others.
    let moved = moved(before, after);
    let changed: HashSet<&RouteId> = after
        .routes
        .iter()
        .filter(|(id, route)| !is_same(before.routes.get(id), route) || moved.contains(id))
        .map(|(id, _)| id)
        .collect();
    let mut listeners = listeners_of(after, &changed);
    for (id, route) in after.routes.iter().filter(|(id, _)| changed.contains(id)) {
        take(Name::Route(id.clone()), body::route(route, listeners.remove(id).unwrap_or_default()));
    }
    for (number, port) in &after.ports {
        let port = body::bare(port);
        if before.ports.get(number).map(body::bare).as_ref() != Some(&port) {
            take(Name::Port(*number), body::of(&port));
        }
    }
}

fn is_same<T: PartialEq>(before: Option<&Arc<T>>, after: &Arc<T>) -> bool {
    before.is_some_and(|before| Arc::ptr_eq(before, after) || before == after)
}

fn gone<'a, K: Ord, V>(before: &'a BTreeMap<K, V>, after: &'a BTreeMap<K, V>) -> impl Iterator<Item = &'a K> {
    before.keys().filter(|key| !after.contains_key(key))
}

/// Returns the routes that are attached to other listeners than before.
fn moved<'a>(before: &'a Plan, after: &'a Plan) -> HashSet<&'a RouteId> {
    let (before, after) = (by_listener(before), by_listener(after));
    let mut moved = HashSet::new();
    for id in before.keys().chain(after.keys()) {
        let (was, is) = (before.get(id).copied().unwrap_or_default(), after.get(id).copied().unwrap_or_default());
        if was != is {
            let (was, is): (HashSet<_>, HashSet<_>) = (was.iter().collect(), is.iter().collect());
            moved.extend(was.symmetric_difference(&is).copied());
        }
    }
    moved
}

fn by_listener(plan: &Plan) -> HashMap<&ListenerId, &[RouteId]> {
    plan.ports.values().flat_map(|port| &port.listeners).map(|listener| (&listener.id, &*listener.routes)).collect()
}

/// Returns the listeners that each of `routes` is attached to.
fn listeners_of<'a>(plan: &'a Plan, routes: &HashSet<&RouteId>) -> HashMap<&'a RouteId, Vec<&'a ListenerId>> {
    let mut listeners: HashMap<&RouteId, Vec<&ListenerId>> = HashMap::new();
    if routes.is_empty() {
        return listeners;
    }
    for listener in plan.ports.values().flat_map(|port| &port.listeners) {
        for id in listener.routes.iter().filter(|id| routes.contains(id)) {
            listeners.entry(id).or_default().push(&listener.id);
        }
    }
    listeners
}
