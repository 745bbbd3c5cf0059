//! Builds a [`Host`]: cuts the matches of its routes into runs that share a path, and sorts each.

use std::{collections::BTreeMap, hash::BuildHasher, sync::Arc};

use foldhash::fast::FixedState;

use super::{
    facet::{Clue, Facet, PathLengths, Reads, choose_clues},
    host::{EXACT_SCOPE, Entry, FACET_SCOPE_MIN, Host, PREFIX_SCOPE, Run, Span},
    index::{Index, Node},
};
use crate::plan::{
    Match, PathMatch, Route, RouteKind,
    precedence::{PathRank, Rank},
};

/// Longer runs are divided by clue; a shorter one is tried as fast as it is divided.
const RUN_LEN_UNDIVIDED: usize = 8;

struct Candidate<'a> {
    /// Of its path: brings runs together without a comparison of texts.
    bucket: u64,
    rank: Rank<'a>,
    found: &'a Match,
    entry: Entry,
}

/// Builds what stands under a hostname from all routes that have it.
pub(super) fn host<T: AsRef<Route>>(routes: Box<[Arc<T>]>) -> Host<T> {
    let mut builder = Builder::default();
    let mut candidates = candidates(&routes);
    candidates.sort_unstable_by(|a, b| a.bucket.cmp(&b.bucket).then_with(|| a.rank.cmp(&b.rank)));
    for same_path in candidates.chunk_by_mut(|a, b| a.bucket == b.bucket && a.rank.path.same_bucket(&b.rank.path)) {
        builder.add_path(same_path);
    }
    drop(candidates);
    let Builder { prefixes, has_exact_paths, nodes, root, regexes, grpc_regexes, entries, facets, .. } = builder;
    Host {
        prefixes,
        has_exact_paths,
        index: Index::new(nodes),
        routes,
        root,
        regexes,
        grpc_regexes,
        entries: entries.into(),
        facets: facets.into(),
    }
}

fn candidates<T: AsRef<Route>>(routes: &[Arc<T>]) -> Vec<Candidate<'_>> {
    let mut candidates = Vec::with_capacity(routes.len());
    for (number, route) in (0..).zip(routes) {
        let route: &Route = (**route).as_ref();
        for (rule_number, rule) in (0..=u16::MAX).zip(&route.rules) {
            for (match_number, found) in (0..=u16::MAX).zip(&rule.matches) {
                let conditional = route.kind == RouteKind::Grpc
                    || matches!(found.path, PathMatch::Regex(_))
                    || !found.is_path_alone();
                let rank = Rank::new(route, rule_number, match_number, found);
                let entry = Entry { order: 0, route: number, rule: rule_number, matched: match_number, conditional };
                candidates.push(Candidate { bucket: bucket(&rank.path), rank, found, entry });
            }
        }
    }
    candidates
}

/// Equal for paths of the same bucket; hardly ever for others.
fn bucket(path: &PathRank<'_>) -> u64 {
    let text = match path {
        PathRank::Exact(text) | PathRank::Prefix(_, text) => text.as_bytes(),
        PathRank::Regex(_) | PathRank::GrpcRegex(_) | PathRank::Root => &[],
    };
    FixedState::default().hash_one((std::mem::discriminant(path), text))
}

/// The parts of a [`Host`] while runs are added.
#[derive(Default)]
struct Builder {
    prefixes: PathLengths,
    has_exact_paths: bool,
    nodes: Vec<Node<Run>>,
    root: Run,
    regexes: Run,
    grpc_regexes: Run,
    entries: Vec<Entry>,
    facets: Vec<Facet>,
}

impl Builder {
    /// Adds all candidates of one path, best first.
    fn add_path(&mut self, candidates: &mut [Candidate<'_>]) {
        for (order, candidate) in (0..).zip(&mut *candidates) {
            candidate.entry.order = order;
        }
        let run = self.add_run(candidates);
        match candidates[0].rank.path {
            PathRank::Exact(path) => {
                self.has_exact_paths = true;
                self.nodes.push(Node::new(EXACT_SCOPE, path, run));
            }
            PathRank::Prefix(_, path) => {
                self.prefixes.add(path.len());
                self.nodes.push(Node::new(PREFIX_SCOPE, path, run));
            }
            PathRank::Regex(_) => self.regexes = run,
            PathRank::GrpcRegex(_) => self.grpc_regexes = run,
            PathRank::Root => self.root = run,
        }
    }

    fn add_run(&mut self, candidates: &[Candidate<'_>]) -> Run {
        if candidates.len() <= RUN_LEN_UNDIVIDED {
            return self.undivided(candidates.iter().map(|candidate| candidate.entry));
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
        Run::Many { entries, facets: Span { start: facets_start, end: self.facets.len() as u32 } }
    }

    /// Adds the divisions of a run whose clues have a facet in common.
    fn add_facet(&mut self, divisions: &[(Clue<'_>, Vec<Entry>)]) {
        let scope = FACET_SCOPE_MIN + self.facets.len() as u32;
        let mut lengths = PathLengths::default();
        for (clue, entries) in divisions {
            let text = clue.text();
            lengths.add(text.len());
            let run = self.undivided(entries.iter().copied());
            self.nodes.push(Node::new(scope, &text, run));
        }
        let reads = match divisions[0].0 {
            Clue::Header { name, .. } => Reads::Header(Arc::clone(name)),
            Clue::Query { name, .. } => Reads::Query(Arc::clone(name)),
            Clue::Below(_) => Reads::Path(lengths),
        };
        self.facets.push(Facet { scope, reads });
    }

    fn undivided(&mut self, mut entries: impl ExactSizeIterator<Item = Entry>) -> Run {
        match (entries.len(), entries.next()) {
            (1, Some(entry)) => Run::One(entry),
            (_, first) => {
                Run::Many { entries: self.add_entries(first.into_iter().chain(entries)), facets: Span::default() }
            }
        }
    }

    fn add_entries(&mut self, entries: impl Iterator<Item = Entry>) -> Span {
        let start = self.entries.len() as u32;
        self.entries.extend(entries);
        Span { start, end: self.entries.len() as u32 }
    }
}
