//! Finds the rule that serves a request among all routes of one listener.
//!
//! Every match of every route, under every hostname of its route, is one entry. Entries are sorted by
//! [`super::precedence`] once, and cut into runs that share host and path; a request looks only at the runs that its
//! host and path name, most specific first, and takes the first entry whose other conditions hold. A long run is divided
//! further, by what its entries ask of headers, query or an expression's beginning. So a request costs a few hash
//! lookups however many routes there are, and nothing is allocated.
//!
//! The table knows neither listeners' ports nor backends, and a hostname is no closed box: what no match of the more
//! specific hostname wants falls through to the less specific one.

mod build;
mod condition;
mod facet;
mod index;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::FixedState;

use self::{
    facet::{Facet, PathLengths, Reads},
    index::Index,
};
use super::{Hostname, Match, Request, Route, RouteKind};

/// The routes of one listener, ready to be searched.
pub struct RouteTable {
    /// The caller's number for each route beside it.
    routes: Box<[(u32, Arc<Route>)]>,
    exact_hosts: HashMap<Arc<str>, Host, FixedState>,
    /// By suffix, with its leading dot.
    wildcard_hosts: HashMap<Arc<str>, Host, FixedState>,
    wildcard_len_max: usize,
    any_host: Option<Host>,
    index: Index,
    entries: Box<[Entry]>,
    facets: Box<[Facet]>,
}

/// Where a request's rule was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The number that the route was given to [`RouteTable::build`] with.
    pub route: u32,
    /// Index into [`Route::rules`].
    pub rule: u16,
    /// Index into [`super::Rule::matches`].
    pub matched: u16,
}

/// One match of one route.
#[derive(Clone, Copy)]
struct Entry {
    /// Its place in the order of precedence.
    order: u32,
    /// Index into [`RouteTable::routes`].
    route: u32,
    rule: u16,
    matched: u16,
    /// Something is to be asked of the request besides what the entry was found by.
    conditional: bool,
}

/// Entries with the same host and path: some to be tried one after the other, and the others by facet.
#[derive(Clone, Copy, Default)]
struct Run {
    /// In order of precedence.
    entries: Span,
    /// Of [`RouteTable::facets`]; their runs in the index have none of their own.
    facets: Span,
}

/// A stretch of a boxed slice.
#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    end: u32,
}

/// What stands under one hostname.
#[derive(Default)]
struct Host {
    /// In the index, of exact paths.
    exact_scope: u32,
    has_exact_paths: bool,
    /// In the index, of prefixes.
    prefix_scope: u32,
    prefixes: PathLengths,
    regexes: Run,
    grpc_regexes: Run,
    root: Run,
}

impl RouteTable {
    /// Builds the table of a listener from its routes, each with a number of the caller's choice. Their order means
    /// nothing. Hostnames that do not meet the listener's are left out.
    pub fn build<'a>(listener: &Hostname, routes: impl IntoIterator<Item = (u32, &'a Arc<Route>)>) -> Self {
        build::build(listener, routes.into_iter().map(|(number, route)| (number, Arc::clone(route))).collect())
    }

    /// Returns the rule that serves `request`, if there is one.
    pub fn find(&self, request: &impl Request) -> Option<Hit> {
        let host = request.host();
        if let Some(hit) = self.exact_hosts.get(host).and_then(|host| self.find_under(host, request)) {
            return Some(hit);
        }
        let wildcards = suffixes(host, self.wildcard_len_max).filter_map(|suffix| self.wildcard_hosts.get(suffix));
        wildcards.chain(&self.any_host).find_map(|host| self.find_under(host, request))
    }

    /// Tries what stands under one hostname, in the order of [`super::precedence::PathRank`].
    fn find_under(&self, host: &Host, request: &impl Request) -> Option<Hit> {
        let path = request.path();
        if host.has_exact_paths
            && let Some(run) = self.index.get(host.exact_scope, path.as_bytes())
            && let Some(hit) = self.best(run, request)
        {
            return Some(hit);
        }
        self.best(&host.regexes, request)
            .or_else(|| {
                let prefixes = host.prefixes.beginnings(path);
                prefixes
                    .filter_map(|prefix| self.index.get(host.prefix_scope, prefix.as_bytes()))
                    .find_map(|run| self.best(run, request))
            })
            .or_else(|| self.best(&host.grpc_regexes, request))
            .or_else(|| self.best(&host.root, request))
    }

    /// Returns the first entry of `run` in the order of precedence whose conditions hold.
    fn best(&self, run: &Run, request: &impl Request) -> Option<Hit> {
        let mut best = self.first(run.entries, request);
        for facet in &self.facets[run.facets.range()] {
            let mut open = |text: &[u8]| {
                let division = self.index.get(facet.scope, text);
                let found = division.and_then(|division| self.first(division.entries, request));
                best = [best, found].into_iter().flatten().min_by_key(|entry| entry.order);
            };
            match &facet.reads {
                Reads::Header(name) => drop(request.header(name).map(|value| open(&value))),
                Reads::Query(name) => drop(condition::query_value(request, name).map(|value| open(&value))),
                Reads::Path(lengths) => lengths.beginnings(request.path()).for_each(|path| open(path.as_bytes())),
            }
        }
        let entry = best?;
        Some(Hit { route: self.routes[entry.route as usize].0, rule: entry.rule, matched: entry.matched })
    }

    fn first(&self, entries: Span, request: &impl Request) -> Option<&Entry> {
        self.entries[entries.range()].iter().find(|entry| !entry.conditional || self.holds(entry, request))
    }

    fn holds(&self, entry: &Entry, request: &impl Request) -> bool {
        let route = &*self.routes[entry.route as usize].1;
        let found: &Match = &route.rules[usize::from(entry.rule)].matches[usize::from(entry.matched)];
        (route.kind == RouteKind::Http || request.is_grpc()) && found.conditions_hold(request)
    }
}

impl Span {
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Returns the suffixes of `host` that begin with a dot and leave a label before it, longest first, none longer than
/// `len_max`.
fn suffixes(host: &str, len_max: usize) -> impl Iterator<Item = &str> {
    let start = host.len().saturating_sub(len_max).max(1).min(host.len());
    memchr::memchr_iter(b'.', &host.as_bytes()[start..]).map(move |dot| &host[start + dot..])
}
