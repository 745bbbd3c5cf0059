//! Finds the rule that serves a request among all routes of one listener.
//!
//! Every match of every route, under every hostname of its route, is one entry. The entries of a hostname are cut into
//! runs that share a path, each sorted by [`super::precedence`]; a request looks only at the runs that its host and path
//! name, most specific first, and takes the first entry whose other conditions hold. A long run is divided further, by
//! what its entries ask of headers, query or an expression's beginning. So a request costs a few hash lookups however
//! many routes there are, and nothing is allocated. A table is never modified: the next one shares with it all but what
//! an edit touches, so that a stream which lives long keeps little alive.
//!
//! The table knows neither listeners' ports nor backends, and a hostname is no closed box: what no match of the more
//! specific hostname wants falls through to the less specific one.

mod build;
mod condition;
mod facet;
mod host;
mod index;
mod preflight;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

pub use self::preflight::Preflight;
use self::{
    host::Host,
    index::{Edit, Index},
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

/// Routes that leave a hostname, and routes that come.
struct Changes<'a, T> {
    removed: Vec<&'a Arc<T>>,
    added: Vec<&'a Arc<T>>,
}

impl<T> Default for Changes<'_, T> {
    fn default() -> Self {
        Self { removed: Vec::new(), added: Vec::new() }
    }
}

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
    /// this one what stands under hostnames and paths that no such route has.
    pub fn updated(&self, removed: &[Arc<T>], added: impl IntoIterator<Item = Arc<T>>) -> Self {
        let added: Vec<Arc<T>> = added.into_iter().collect();
        let mut changes: BTreeMap<&Hostname, Changes<'_, T>> = BTreeMap::new();
        for route in removed {
            self.hostnames(route).for_each(|hostname| changes.entry(hostname).or_default().removed.push(route));
        }
        for route in &added {
            self.hostnames(route).for_each(|hostname| changes.entry(hostname).or_default().added.push(route));
        }
        let mut any_host = self.any_host.clone();
        let mut edits = Vec::with_capacity(changes.len());
        for (hostname, Changes { removed, added }) in changes {
            let value = build::host(self.host(hostname).map(|host| &**host), &removed, &added);
            match hostname {
                Hostname::Any => any_host = value,
                Hostname::Exact(name) => edits.push(Edit { scope: EXACT_SCOPE, text: name.clone(), value }),
                Hostname::Wildcard(suffix) => edits.push(Edit { scope: WILDCARD_SCOPE, text: suffix.clone(), value }),
            }
        }
        let hosts = self.hosts.changed(edits);
        let wildcards = hosts.nodes().filter(|node| node.scope == WILDCARD_SCOPE);
        let wildcard_len_max = wildcards.map(|node| node.text().len()).max().unwrap_or(0);
        Self { listener: self.listener.clone(), hosts, wildcard_len_max, any_host }
    }

    fn hostnames<'a>(&self, route: &'a Arc<T>) -> impl Iterator<Item = &'a Hostname> {
        (**route).as_ref().hostnames.iter().filter(|hostname| hostname.intersects(&self.listener))
    }

    fn host(&self, hostname: &Hostname) -> Option<&Arc<Host<T>>> {
        match key(hostname) {
            Some((scope, text)) => self.hosts.get(scope, text),
            None => self.any_host.as_ref(),
        }
    }

    /// Returns the rule that serves `request`, if there is one.
    pub fn find(&self, request: &impl Request) -> Option<Hit<'_, T>> {
        self.search(request.host(), |host| host.find(request))
    }

    /// Shows `look` what stands under the hostnames that mean `host`, most specific first, until it has found something.
    fn search<'t, F>(&'t self, host: &str, mut look: impl FnMut(&'t Host<T>) -> Option<F>) -> Option<F> {
        let exact = self.hosts.get(EXACT_SCOPE, host.as_bytes());
        if let Some(found) = exact.and_then(|host| look(host)) {
            return Some(found);
        }
        let wildcards = suffixes(host, self.wildcard_len_max)
            .filter_map(|suffix| self.hosts.get(WILDCARD_SCOPE, suffix.as_bytes()));
        wildcards.chain(&self.any_host).find_map(|host| look(host))
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
