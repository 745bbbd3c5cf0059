//! The reader's end: resources come and go, and make a Plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Name, body, later, texts::Texts};
use crate::plan::{ListenerId, Plan, RouteId};

/// Which listeners' routes may be different by now.
#[derive(Debug, Default)]
enum Stale {
    #[default]
    Nothing,
    /// Wherever these are attached, or were.
    Routes(BTreeSet<RouteId>),
    Everything,
}

/// More routes than these are not put in their places one by one.
const ONE_BY_ONE_MAX: usize = 64;

impl Stale {
    fn add(&mut self, route: &RouteId) {
        match self {
            Self::Nothing => *self = Self::Routes(BTreeSet::from([route.clone()])),
            Self::Routes(routes) if routes.len() < ONE_BY_ONE_MAX => _ = routes.insert(route.clone()),
            Self::Routes(_) | Self::Everything => *self = Self::Everything,
        }
    }
}

/// The resources that a reader has. What is not changed is the same [`Arc`] from one Plan to the next.
///
/// It keeps what bodies mean, never the bodies. A resource that cannot be read is rejected under its name; the last good
/// one of that name stays. A route of which single rules cannot be read is taken, and those rules answer 500; a port of which
/// single listeners cannot be read is taken, and those stay as they were or let nobody in.
#[derive(Debug, Default)]
pub struct Store {
    /// Its listeners' routes are as [`Store::plan`] last saw them.
    plan: Plan,
    attached: BTreeMap<RouteId, Box<[ListenerId]>>,
    texts: Texts,
    stale: Stale,
    rejected: BTreeMap<String, String>,
}

impl Store {
    /// Takes a resource, in place of the one that has its name.
    pub fn add(&mut self, name: &str, body: &[u8]) {
        match self.try_add(name, body) {
            Ok(()) => _ = self.rejected.remove(name),
            Err(reason) => _ = self.rejected.insert(name.into(), reason),
        }
    }

    fn try_add(&mut self, name: &str, body: &[u8]) -> Result<(), String> {
        let name = Name::parse(name).ok_or("this version knows no such kind of resource")?;
        match name {
            Name::Port(number) => {
                let (port, refused) = match body::read(body) {
                    Ok(port) => (port, Vec::new()),
                    Err(error) => later::port(body, self.plan.ports.get(&number)).map_err(|_| error)?,
                };
                self.plan.ports.insert(number, port);
                self.stale = Stale::Everything;
                if !refused.is_empty() {
                    return Err(format!(
                        "listeners that this version does not understand stay as they were or refuse everything: {}",
                        refused.join("; ")
                    ));
                }
            }
            Name::Route(id) => {
                let (mut read, refused) = match body::read::<body::RouteIn>(body) {
                    Ok(read) => (read, Vec::new()),
                    Err(error) => later::route(body).map_err(|_| error)?,
                };
                if read.route.id != id {
                    return Err(format!("it holds the route {}", read.route.id));
                }
                read.route.id = id.clone();
                self.texts.share_of_route(&mut read.route);
                self.attach(&id, read.listeners);
                if self.plan.routes.get(&id).is_none_or(|before| **before != read.route) {
                    self.plan.routes.insert(id, Arc::new(read.route));
                }
                if !refused.is_empty() {
                    return Err(format!(
                        "rules that this version does not understand answer 500: {}",
                        refused.join("; ")
                    ));
                }
            }
            Name::Backend(id) => put(&mut self.plan.backends, id, body::read(body)?),
            Name::Endpoints(id) => put(&mut self.plan.endpoints, id, body::read(body)?),
            Name::Certificate(id) => _ = self.plan.certificates.insert(id, body::read_certificate(body)?),
        }
        Ok(())
    }

    fn attach(&mut self, route: &RouteId, mut listeners: Vec<ListenerId>) {
        if self.attached.get(route).is_some_and(|before| **before == *listeners) {
            return;
        }
        listeners.iter_mut().for_each(|id| self.texts.share(id.as_arc_mut()));
        self.attached.insert(route.clone(), listeners.into());
        self.stale.add(route);
    }

    /// Takes a resource away. One that is not there is no error.
    pub fn remove(&mut self, name: &str) {
        self.rejected.remove(name);
        match Name::parse(name) {
            Some(Name::Port(number)) => _ = self.plan.ports.remove(&number),
            Some(Name::Route(id)) => {
                self.plan.routes.remove(&id);
                self.attached.remove(&id);
                self.stale.add(&id);
            }
            Some(Name::Backend(id)) => _ = self.plan.backends.remove(&id),
            Some(Name::Endpoints(id)) => _ = self.plan.endpoints.remove(&id),
            Some(Name::Certificate(id)) => _ = self.plan.certificates.remove(&id),
            None => {}
        }
    }

    /// Returns the Plan that the resources make now.
    pub fn plan(&mut self) -> Plan {
        match std::mem::take(&mut self.stale) {
            Stale::Nothing => {}
            Stale::Routes(routes) => routes.iter().for_each(|route| self.attach_one(route)),
            Stale::Everything => self.attach_all(),
        }
        self.plan.clone()
    }

    /// Returns what could not be read, by name, and why.
    pub fn rejected(&self) -> &BTreeMap<String, String> {
        &self.rejected
    }

    /// Puts a route among those of its listeners, and takes it away from all others.
    fn attach_one(&mut self, route: &RouteId) {
        let attached = self.attached.get(route).map(AsRef::as_ref).unwrap_or_default();
        for listener in self.plan.ports.values_mut().flat_map(|port| &mut port.listeners) {
            match attached.contains(&listener.id) {
                true => listener.routes.insert(route.clone()),
                false => listener.routes.remove(route),
            };
        }
    }

    /// Brings the routes of every listener up to date.
    fn attach_all(&mut self) {
        let mut routes: BTreeMap<&ListenerId, Vec<RouteId>> = BTreeMap::new();
        for (route, listeners) in &self.attached {
            for listener in listeners {
                routes.entry(listener).or_default().push(route.clone());
            }
        }
        for listener in self.plan.ports.values_mut().flat_map(|port| &mut port.listeners) {
            listener.routes = routes.remove(&listener.id).into_iter().flatten().collect();
        }
    }
}

/// Puts a value in its place, unless an equal one is there.
fn put<K: Ord, V: PartialEq>(map: &mut BTreeMap<K, Arc<V>>, id: K, value: V) {
    match map.get(&id) {
        Some(before) if **before == value => {}
        Some(_) | None => _ = map.insert(id, Arc::new(value)),
    }
}
