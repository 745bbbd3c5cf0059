//! Finds the rule that serves a request among all routes of one listener.
//!
//! Every match of every route, under every hostname of its route, is one entry. The entries of a hostname are cut into
//! runs that share a path, each sorted by [`super::precedence`]; a request looks only at the runs that its host and path
//! name, most specific first, and takes the first entry whose other conditions hold. A long run is divided further, by
//! what its entries ask of headers, query or an expression's beginning. So a request costs a few hash lookups however
//! many routes there are, and nothing is allocated.
//!
//! The table knows neither listeners' ports nor backends, and a hostname is no closed box: what no match of the more
//! specific hostname wants falls through to the less specific one.

mod build;
mod condition;
mod facet;
mod host;
mod index;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use self::{
    host::Host,
    index::{Index, Node},
};
use super::{Hostname, Request, Route};

/// The routes of one listener, ready to be searched; `T` is what the caller keeps for a route.
pub struct RouteTable<T> {
    listener: Hostname,
    /// Exact names in [`EXACT_SCOPE`], the suffixes of wildcards with their leading dot in [`WILDCARD_SCOPE`].
    hosts: Index<Arc<Host<T>>>,
    wildcard_len_max: usize,
    any_host: Option<Arc<Host<T>>>,
}

const EXACT_SCOPE: u32 = 0;
const WILDCARD_SCOPE: u32 = 1;

/// Where a request's rule was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Hit<'t, T> {
    pub route: &'t Arc<T>,
    /// Index into [`Route::rules`].
    pub rule: u16,
    /// Index into [`super::Rule::matches`].
    pub matched: u16,
}

impl<T: AsRef<Route>> RouteTable<T> {
    /// Builds the table of a listener from its routes. Their order means nothing. Hostnames that do not meet the
    /// listener's are left out.
    pub fn build(listener: &Hostname, routes: impl IntoIterator<Item = Arc<T>>) -> Self {
        let empty =
            Self { listener: listener.clone(), hosts: Index::new(Vec::new()), wildcard_len_max: 0, any_host: None };
        empty.updated(&[], routes)
    }

    /// Builds the table with the routes of this one, apart from those in `removed`, and those in `added`. It shares with
    /// this one what stands under hostnames that no such route has.
    pub fn updated(&self, removed: &[Arc<T>], added: impl IntoIterator<Item = Arc<T>>) -> Self {
        let gone: HashSet<*const T> = removed.iter().map(Arc::as_ptr).collect();
        // By hostname: the routes that it has now.
        let mut changed: BTreeMap<Hostname, Vec<Arc<T>>> = BTreeMap::new();
        let before = |hostname: &Hostname| -> Vec<Arc<T>> {
            let routes = self.host(hostname).map_or(&[][..], |host| &host.routes);
            routes.iter().filter(|route| !gone.contains(&Arc::as_ptr(route))).cloned().collect()
        };
        for route in removed {
            for hostname in self.hostnames(route) {
                changed.entry(hostname.clone()).or_insert_with_key(before);
            }
        }
        for route in added {
            for hostname in self.hostnames(&route) {
                changed.entry(hostname.clone()).or_insert_with_key(before).push(Arc::clone(&route));
            }
        }
        self.with_hosts(changed)
    }

    fn hostnames<'a>(&self, route: &'a Arc<T>) -> impl Iterator<Item = &'a Hostname> {
        (**route).as_ref().hostnames.iter().filter(|hostname| hostname.intersects(&self.listener))
    }

    /// Replaces the hosts that have changed; one without routes is left out.
    fn with_hosts(&self, changed: BTreeMap<Hostname, Vec<Arc<T>>>) -> Self {
        let replaced: HashSet<(u32, &[u8])> = changed.keys().filter_map(key).collect();
        let kept = self.hosts.nodes().iter().filter(|node| !replaced.contains(&(node.scope, node.text())));
        let mut nodes: Vec<Node<Arc<Host<T>>>> = kept.cloned().collect();
        let mut any_host = self.any_host.clone();
        for (hostname, routes) in changed {
            let host = (!routes.is_empty()).then(|| Arc::new(build::host(routes.into())));
            match (hostname, host) {
                (Hostname::Any, host) => any_host = host,
                (Hostname::Exact(name), Some(host)) => nodes.push(Node::new(EXACT_SCOPE, &name, host)),
                (Hostname::Wildcard(suffix), Some(host)) => nodes.push(Node::new(WILDCARD_SCOPE, &suffix, host)),
                (Hostname::Exact(_) | Hostname::Wildcard(_), None) => {}
            }
        }
        let wildcards = nodes.iter().filter(|node| node.scope == WILDCARD_SCOPE);
        let wildcard_len_max = wildcards.map(|node| node.text().len()).max().unwrap_or(0);
        Self { listener: self.listener.clone(), hosts: Index::new(nodes), wildcard_len_max, any_host }
    }

    fn host(&self, hostname: &Hostname) -> Option<&Arc<Host<T>>> {
        match key(hostname) {
            Some((scope, text)) => self.hosts.get(scope, text),
            None => self.any_host.as_ref(),
        }
    }

    /// Returns the rule that serves `request`, if there is one.
    pub fn find(&self, request: &impl Request) -> Option<Hit<'_, T>> {
        let host = request.host();
        let exact = self.hosts.get(EXACT_SCOPE, host.as_bytes());
        if let Some(hit) = exact.and_then(|host| host.find(request)) {
            return Some(hit);
        }
        let wildcards = suffixes(host, self.wildcard_len_max)
            .filter_map(|suffix| self.hosts.get(WILDCARD_SCOPE, suffix.as_bytes()));
        wildcards.chain(&self.any_host).find_map(|host| host.find(request))
    }
}

/// Where a hostname stands in the index; any host stands beside it.
fn key(hostname: &Hostname) -> Option<(u32, &[u8])> {
    match hostname {
        Hostname::Exact(name) => Some((EXACT_SCOPE, name.as_bytes())),
        Hostname::Wildcard(suffix) => Some((WILDCARD_SCOPE, suffix.as_bytes())),
        Hostname::Any => None,
    }
}

/// Returns the suffixes of `host` that begin with a dot and leave a label before it, longest first, none longer than
/// `len_max`.
fn suffixes(host: &str, len_max: usize) -> impl Iterator<Item = &str> {
    let start = host.len().saturating_sub(len_max).max(1).min(host.len());
    memchr::memchr_iter(b'.', &host.as_bytes()[start..]).map(move |dot| &host[start + dot..])
}
