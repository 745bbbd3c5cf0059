//! Builds a [`RouteTable`]: sorts every match of every route once, and cuts the list into runs.

use std::{collections::BTreeMap, collections::HashMap, sync::Arc};

use foldhash::fast::FixedState;

use super::{
    Entry, Host, RouteTable, Run, Span,
    facet::{Clue, Facet, PathLengths, Reads, choose_clues},
    index::{Index, Node},
};
use crate::plan::{
    Hostname, Match, PathMatch, Route, RouteKind,
    precedence::{PathRank, Rank},
};

/// Longer runs are divided by clue; a shorter one is tried as fast as it is divided.
const RUN_LEN_UNDIVIDED: usize = 8;

/// A match under one of its route's hostnames.
struct Candidate<'a> {
    rank: Rank<'a>,
    found: &'a Match,
    entry: Entry,
}

pub(super) fn build(listener: &Hostname, routes: Box<[(u32, Arc<Route>)]>) -> RouteTable {
    let candidates = sort(listener, &routes);
    let mut builder = Builder::default();
    for same_host in candidates.chunk_by(|a, b| a.rank.hostname == b.rank.hostname) {
        builder.add_host(same_host);
    }
    let Builder { exact_hosts, wildcard_hosts, any_host, nodes, entries, facets, .. } = builder;
    RouteTable {
        wildcard_len_max: wildcard_hosts.keys().map(|suffix| suffix.len()).max().unwrap_or(0),
        exact_hosts,
        wildcard_hosts,
        any_host,
        index: Index::new(nodes),
        entries: entries.into(),
        facets: facets.into(),
        routes,
    }
}

/// Returns every match under every hostname, best first.
fn sort<'a>(listener: &Hostname, routes: &'a [(u32, Arc<Route>)]) -> Vec<Candidate<'a>> {
    let mut candidates = Vec::new();
    for (number, (_, route)) in (0..).zip(routes) {
        for hostname in route.hostnames.iter().filter(|hostname| hostname.intersects(listener)) {
            for (rule_number, rule) in (0..=u16::MAX).zip(&route.rules) {
                for (match_number, found) in (0..=u16::MAX).zip(&rule.matches) {
                    let conditional = route.kind == RouteKind::Grpc
                        || matches!(found.path, PathMatch::Regex(_))
                        || !found.is_path_alone();
                    candidates.push(Candidate {
                        rank: Rank::new(hostname, route, rule_number, match_number, found),
                        found,
                        entry: Entry { order: 0, route: number, rule: rule_number, matched: match_number, conditional },
                    });
                }
            }
        }
    }
    candidates.sort_unstable_by(|a, b| a.rank.cmp(&b.rank));
    for (order, candidate) in (0..).zip(&mut candidates) {
        candidate.entry.order = order;
    }
    candidates
}

/// The parts of a [`RouteTable`] while hosts are added in order of precedence.
#[derive(Default)]
struct Builder {
    exact_hosts: HashMap<Arc<str>, Host, FixedState>,
    wildcard_hosts: HashMap<Arc<str>, Host, FixedState>,
    any_host: Option<Host>,
    nodes: Vec<Node>,
    entries: Vec<Entry>,
    facets: Vec<Facet>,
    scopes: u32,
}

impl Builder {
    /// Adds all candidates of one hostname.
    fn add_host(&mut self, candidates: &[Candidate<'_>]) {
        let mut host = Host { exact_scope: self.new_scope(), prefix_scope: self.new_scope(), ..Host::default() };
        for same_path in candidates.chunk_by(|a, b| a.rank.path.same_bucket(&b.rank.path)) {
            let run = self.add_run(same_path);
            match same_path[0].rank.path {
                PathRank::Exact(path) => {
                    host.has_exact_paths = true;
                    self.nodes.push(Node { scope: host.exact_scope, text: Arc::clone(path), run });
                }
                PathRank::Prefix(_, path) => {
                    host.prefixes.add(path.len());
                    self.nodes.push(Node { scope: host.prefix_scope, text: Arc::clone(path), run });
                }
                PathRank::Regex(_) => host.regexes = run,
                PathRank::GrpcRegex(_) => host.grpc_regexes = run,
                PathRank::Root => host.root = run,
            }
        }
        match candidates[0].rank.hostname {
            Hostname::Exact(name) => drop(self.exact_hosts.insert(Arc::clone(name), host)),
            Hostname::Wildcard(suffix) => drop(self.wildcard_hosts.insert(Arc::clone(suffix), host)),
            Hostname::Any => self.any_host = Some(host),
        }
    }

    fn add_run(&mut self, candidates: &[Candidate<'_>]) -> Run {
        if candidates.len() <= RUN_LEN_UNDIVIDED {
            return Run {
                entries: self.add_entries(candidates.iter().map(|candidate| candidate.entry)),
                facets: Span::default(),
            };
        }
        let matches: Vec<&Match> = candidates.iter().map(|candidate| candidate.found).collect();
        let mut divisions: BTreeMap<Option<Clue<'_>>, Vec<Entry>> = BTreeMap::new();
        for (clue, candidate) in choose_clues(&matches).into_iter().zip(candidates) {
            divisions.entry(clue).or_default().push(candidate.entry);
        }
        let undivided = divisions.remove(&None).unwrap_or_default();
        let entries = self.add_entries(undivided.into_iter());
        let divisions: Vec<_> = divisions.into_iter().filter_map(|(clue, entries)| Some((clue?, entries))).collect();
        let facets_start = self.facets.len() as u32;
        for same_facet in divisions.chunk_by(|(a, _), (b, _)| a.same_facet(b)) {
            self.add_facet(same_facet);
        }
        Run { entries, facets: Span { start: facets_start, end: self.facets.len() as u32 } }
    }

    /// Adds the divisions of a run whose clues have a facet in common.
    fn add_facet(&mut self, divisions: &[(Clue<'_>, Vec<Entry>)]) {
        let scope = self.new_scope();
        let mut lengths = PathLengths::default();
        for (clue, entries) in divisions {
            let entries = self.add_entries(entries.iter().copied());
            let text = clue.text();
            lengths.add(text.len());
            self.nodes.push(Node { scope, text, run: Run { entries, facets: Span::default() } });
        }
        let reads = match divisions[0].0 {
            Clue::Header { name, .. } => Reads::Header(Arc::clone(name)),
            Clue::Query { name, .. } => Reads::Query(Arc::clone(name)),
            Clue::Below(_) => Reads::Path(lengths),
        };
        self.facets.push(Facet { scope, reads });
    }

    fn add_entries(&mut self, entries: impl Iterator<Item = Entry>) -> Span {
        let start = self.entries.len() as u32;
        self.entries.extend(entries);
        Span { start, end: self.entries.len() as u32 }
    }

    fn new_scope(&mut self) -> u32 {
        self.scopes += 1;
        self.scopes
    }
}
