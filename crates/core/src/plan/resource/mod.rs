//! A Plan as named resources, for the control channel: each with a name and a body of JSON.
//!
//! One changed route, endpoint or certificate is one changed resource; a [`Store`] makes a Plan of them again. Bodies of
//! certificates hold private keys: this is the one form of a Plan that does. It knows nothing of versions or connections.
//!
//! # Versions
//!
//! A controller may be one version ahead of its proxies, and a cache one version behind or ahead of its reader. A field
//! changes what a proxy does, so whoever does not know it must not skip it:
//!
//! - Every struct of a Plan has `#[serde(deny_unknown_fields)]`. A resource with a field or variant that its reader does not
//!   know is rejected under its name, and the last good one stays. A rule of a route answers 500 instead while the other rules
//!   work, and so does a listener of a port that there is no last good one of.
//! - A new field has `#[serde(default, skip_serializing_if = "...")]`: it is not sent where it has its default, so that older
//!   proxies reject only what uses it. A test holds the fields that are always sent.
//! - A field that only informs has a name that begins with `?`, by `#[serde(rename = "?zone")]`. It is skipped by those who
//!   do not know it.

mod body;
mod later;
mod store;
#[cfg(test)]
mod tests;
mod texts;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use gatewright_shared_map::SharedSet;

use super::{BackendId, CertificateId, EndpointsId, ListenerId, Plan, Route, RouteId};
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
    let routes = after.routes.differences(&before.routes).filter(|found| found.now.is_none());
    removed.extend(routes.map(|found| Name::Route(found.key.clone())));
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
    for (id, certificate, _) in
        paired(&after.certificates, &before.certificates).filter(|(_, is, was)| Some(*is) != *was)
    {
        take(Name::Certificate(id.clone()), body::certificate(certificate));
    }
    for (id, endpoints, _) in paired(&after.endpoints, &before.endpoints).filter(is_new) {
        take(Name::Endpoints(id.clone()), body::of(endpoints));
    }
    for (id, backend, _) in paired(&after.backends, &before.backends).filter(is_new) {
        take(Name::Backend(id.clone()), body::of(backend));
    }
    // A listener may have thousands of routes: which they are is told with each route, so that one more is no news of
    // the others.
    let changed =
        after.routes.differences(&before.routes).filter_map(|found| Some((found.key, found.now?, found.before)));
    let mut changed: BTreeMap<&RouteId, &Arc<Route>> =
        changed.filter(is_new).map(|(id, route, _)| (id, route)).collect();
    changed.extend(moved(before, after).into_iter().filter_map(|id| Some((id, after.routes.get(id)?))));
    let mut listeners = listeners_of(after, &changed);
    for (id, route) in changed {
        take(Name::Route(id.clone()), body::route(route, listeners.remove(id).unwrap_or_default()));
    }
    for (number, port) in &after.ports {
        let port = body::bare(port);
        if before.ports.get(number).map(body::bare).as_ref() != Some(&port) {
            take(Name::Port(*number), body::of(&port));
        }
    }
}

/// Returns every entry of `map` with what `other` has under its key. Both are in order: it is one walk through both.
fn paired<'a, K: Ord, V>(
    map: &'a BTreeMap<K, V>,
    other: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, &'a V, Option<&'a V>)> {
    let mut other = other.iter().peekable();
    map.iter().map(move |(key, value)| {
        while other.next_if(|(before, _)| *before < key).is_some() {}
        (key, value, other.next_if(|(same, _)| *same == key).map(|(_, value)| value))
    })
}

fn is_new<K, T: PartialEq>((_, is, was): &(&K, &Arc<T>, Option<&Arc<T>>)) -> bool {
    !was.is_some_and(|was| Arc::ptr_eq(was, is) || was == *is)
}

fn gone<'a, K: Ord, V>(before: &'a BTreeMap<K, V>, after: &'a BTreeMap<K, V>) -> impl Iterator<Item = &'a K> {
    paired(before, after).filter(|(_, _, is)| is.is_none()).map(|(key, _, _)| key)
}

/// Returns the routes that are attached to other listeners than before.
fn moved<'a>(before: &'a Plan, after: &'a Plan) -> BTreeSet<&'a RouteId> {
    let nothing = const { &SharedSet::new() };
    let (before, after) = (by_listener(before), by_listener(after));
    let mut moved = BTreeSet::new();
    for id in before.keys().chain(after.keys()) {
        let routes = |plan: &HashMap<&ListenerId, &'a SharedSet<RouteId>>| plan.get(id).copied().unwrap_or(nothing);
        let (before, after) = (routes(&before), routes(&after));
        moved.extend(after.added_since(before).chain(after.removed_since(before)));
    }
    moved
}

fn by_listener(plan: &Plan) -> HashMap<&ListenerId, &SharedSet<RouteId>> {
    plan.ports.values().flat_map(|port| &port.listeners).map(|listener| (&listener.id, &listener.routes)).collect()
}

/// Returns the listeners that each of `routes` is attached to.
fn listeners_of<'a>(
    plan: &'a Plan,
    routes: &BTreeMap<&'a RouteId, &Arc<Route>>,
) -> HashMap<&'a RouteId, Vec<&'a ListenerId>> {
    let mut listeners: HashMap<&RouteId, Vec<&ListenerId>> = HashMap::new();
    for listener in plan.ports.values().flat_map(|port| &port.listeners) {
        let mut attached = |id| listeners.entry(id).or_default().push(&listener.id);
        // Whichever are fewer are looked up among the others.
        if routes.len() < listener.routes.len() {
            routes.keys().copied().filter(|id| listener.routes.contains(id)).for_each(&mut attached);
        } else {
            listener.routes.iter().filter(|id| routes.contains_key(id)).for_each(&mut attached);
        }
    }
    listeners
}
