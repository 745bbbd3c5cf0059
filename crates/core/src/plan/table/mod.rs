//! Finds the rule that serves a request among all routes of one listener.
//!
//! Every match of every route, under every hostname of its route, is one entry. Entries are sorted by
//! [`super::precedence`] once, and cut into runs that share host and path; a request looks only at the runs that its
//! host and path name, most specific first, and takes the first entry whose other conditions hold. So a request costs a
//! few hash lookups however many routes there are, and nothing is allocated.
//!
//! The table knows neither listeners' ports nor backends, and a hostname is no closed box: what no match of the more
//! specific hostname wants falls through to the less specific one.

mod condition;
mod index;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::FixedState;

use self::index::{Key, Node, PathIndex};
use super::{
    Hostname, Request, Route, RouteKind,
    precedence::{PathRank, Rank},
};

/// The routes of one listener, ready to be searched.
pub struct RouteTable {
    /// The caller's number for each route beside it.
    routes: Box<[(u32, Arc<Route>)]>,
    exact_hosts: HashMap<Arc<str>, Host, FixedState>,
    /// By suffix, with its leading dot.
    wildcard_hosts: HashMap<Arc<str>, Host, FixedState>,
    wildcard_len_max: usize,
    any_host: Option<Host>,
    paths: PathIndex,
    /// In order of precedence.
    entries: Box<[Entry]>,
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
struct Entry {
    /// Index into [`RouteTable::routes`].
    route: u32,
    rule: u16,
    matched: u16,
    /// Something beside host and path is to be asked.
    conditional: bool,
}

/// A run of [`RouteTable::entries`].
#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    end: u32,
}

/// What stands under one hostname besides what [`PathIndex`] holds.
#[derive(Default)]
struct Host {
    id: u32,
    has_exact_paths: bool,
    prefixes: PrefixLengths,
    regexes: Span,
    grpc_regexes: Span,
    root: Span,
}

/// Which lengths the prefixes of a host have: what is not among them need not be looked up.
#[derive(Clone, Copy, Default)]
struct PrefixLengths {
    max: usize,
    /// Bit `length % 64`.
    present: u64,
}

impl RouteTable {
    /// Builds the table of a listener from its routes, each with a number of the caller's choice. Their order means
    /// nothing. Hostnames that do not meet the listener's are left out.
    pub fn build<'a>(listener: &Hostname, routes: impl IntoIterator<Item = (u32, &'a Arc<Route>)>) -> Self {
        let routes: Box<[_]> = routes.into_iter().map(|(number, route)| (number, Arc::clone(route))).collect();
        let ranked = rank(listener, &routes);
        let mut builder = Builder::default();
        for same_host in ranked.chunk_by(|(a, _), (b, _)| a.hostname == b.hostname) {
            builder.add_host(same_host);
        }
        let entries = ranked.into_iter().map(|(_, entry)| entry).collect();
        let Builder { exact_hosts, wildcard_hosts, any_host, nodes, .. } = builder;
        let wildcard_len_max = wildcard_hosts.keys().map(|suffix| suffix.len()).max().unwrap_or(0);
        let paths = PathIndex::new(nodes);
        Self { routes, exact_hosts, wildcard_hosts, wildcard_len_max, any_host, paths, entries }
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

    /// Tries what stands under one hostname, in the order of [`PathRank`].
    fn find_under(&self, host: &Host, request: &impl Request) -> Option<Hit> {
        let path = request.path();
        if host.has_exact_paths
            && let Some(entries) = self.paths.get(&Key { host: host.id, exact: true, path })
            && let Some(hit) = self.first(entries, request)
        {
            return Some(hit);
        }
        self.first_regex(host.regexes, request)
            .or_else(|| {
                host.prefixes
                    .of(path)
                    .filter_map(|path| self.paths.get(&Key { host: host.id, exact: false, path }))
                    .find_map(|entries| self.first(entries, request))
            })
            .or_else(|| self.first_regex(host.grpc_regexes, request))
            .or_else(|| self.first(host.root, request))
    }

    /// Returns the first of `entries`, whose paths are known to hold.
    fn first(&self, entries: Span, request: &impl Request) -> Option<Hit> {
        self.entries(entries)
            .find(|entry| !entry.conditional || self.holds(entry, request))
            .map(|entry| self.hit(entry))
    }

    fn first_regex(&self, entries: Span, request: &impl Request) -> Option<Hit> {
        self.entries(entries)
            .find(|entry| {
                self.route(entry).rules[usize::from(entry.rule)].matches[usize::from(entry.matched)]
                    .path
                    .matches(request.path())
                    && self.holds(entry, request)
            })
            .map(|entry| self.hit(entry))
    }

    fn holds(&self, entry: &Entry, request: &impl Request) -> bool {
        let route = self.route(entry);
        (route.kind == RouteKind::Http || request.is_grpc())
            && route.rules[usize::from(entry.rule)].matches[usize::from(entry.matched)].conditions_hold(request)
    }

    fn hit(&self, entry: &Entry) -> Hit {
        Hit { route: self.routes[entry.route as usize].0, rule: entry.rule, matched: entry.matched }
    }

    fn route(&self, entry: &Entry) -> &Route {
        &self.routes[entry.route as usize].1
    }

    fn entries(&self, span: Span) -> std::slice::Iter<'_, Entry> {
        self.entries[span.start as usize..span.end as usize].iter()
    }
}

/// Returns an entry for every match under every hostname, best first.
fn rank<'a>(listener: &Hostname, routes: &'a [(u32, Arc<Route>)]) -> Vec<(Rank<'a>, Entry)> {
    let mut ranked = Vec::new();
    for (number, (_, route)) in (0..).zip(routes) {
        for hostname in route.hostnames.iter().filter(|hostname| hostname.intersects(listener)) {
            for (rule_number, rule) in (0..=u16::MAX).zip(&route.rules) {
                for (match_number, found) in (0..=u16::MAX).zip(&rule.matches) {
                    let conditional = route.kind == RouteKind::Grpc || !found.is_path_alone();
                    ranked.push((
                        Rank::new(hostname, route, rule_number, match_number, found),
                        Entry { route: number, rule: rule_number, matched: match_number, conditional },
                    ));
                }
            }
        }
    }
    ranked.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    ranked
}

/// The parts of a [`RouteTable`] while hosts are added in order of precedence.
#[derive(Default)]
struct Builder {
    exact_hosts: HashMap<Arc<str>, Host, FixedState>,
    wildcard_hosts: HashMap<Arc<str>, Host, FixedState>,
    any_host: Option<Host>,
    nodes: Vec<Node>,
    hosts: u32,
    entries: u32,
}

impl Builder {
    /// Adds all entries of one hostname.
    fn add_host(&mut self, ranked: &[(Rank<'_>, Entry)]) {
        let mut host = Host { id: self.hosts, ..Host::default() };
        self.hosts += 1;
        for bucket in ranked.chunk_by(|(a, _), (b, _)| a.path.same_bucket(&b.path)) {
            self.add_bucket(&mut host, &bucket[0].0.path, bucket.len());
        }
        match ranked[0].0.hostname {
            Hostname::Exact(name) => drop(self.exact_hosts.insert(Arc::clone(name), host)),
            Hostname::Wildcard(suffix) => drop(self.wildcard_hosts.insert(Arc::clone(suffix), host)),
            Hostname::Any => self.any_host = Some(host),
        }
    }

    fn add_bucket(&mut self, host: &mut Host, path: &PathRank<'_>, count: usize) {
        let entries = Span { start: self.entries, end: self.entries + count as u32 };
        self.entries = entries.end;
        match path {
            PathRank::Exact(path) => {
                host.has_exact_paths = true;
                self.nodes.push(Node { key: Key { host: host.id, exact: true, path: Arc::clone(path) }, entries });
            }
            PathRank::Prefix(_, path) => {
                host.prefixes.add(path.len());
                self.nodes.push(Node { key: Key { host: host.id, exact: false, path: Arc::clone(path) }, entries });
            }
            PathRank::Regex(_) => host.regexes = entries,
            PathRank::GrpcRegex(_) => host.grpc_regexes = entries,
            PathRank::Root => host.root = entries,
        }
    }
}

impl PrefixLengths {
    fn add(&mut self, length: usize) {
        self.max = self.max.max(length);
        self.present |= 1 << (length % 64);
    }

    /// Returns the prefixes of `path` that end with an element and may be in the table, longest first.
    fn of(self, path: &str) -> impl Iterator<Item = &str> {
        let whole = (path.len() <= self.max).then_some(path.len());
        // A boundary at `max` is the longest of interest.
        let reach = &path.as_bytes()[..path.len().min(self.max + 1)];
        whole
            .into_iter()
            .chain(memchr::memrchr_iter(b'/', reach))
            .filter(move |length| self.present >> (length % 64) & 1 == 1)
            .map(move |length| &path[..length])
    }
}

/// Returns the suffixes of `host` that begin with a dot and leave a label before it, longest first, none longer than
/// `len_max`.
fn suffixes(host: &str, len_max: usize) -> impl Iterator<Item = &str> {
    let start = host.len().saturating_sub(len_max).max(1).min(host.len());
    memchr::memchr_iter(b'.', &host.as_bytes()[start..]).map(move |dot| &host[start + dot..])
}
