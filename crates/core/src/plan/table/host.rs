//! What stands under one hostname: its matches, by path, and how a request finds its own among them.
//!
//! Built whole and never changed, so that the tables of several listeners, and of one Plan after the other, share it.

use std::sync::Arc;

use super::{
    Hit, condition,
    facet::{Facet, PathLengths, Reads},
    index::Index,
};
use crate::plan::{Match, Request, Route, RouteKind};

/// The matches of one hostname.
pub(super) struct Host<T> {
    /// Of prefixes' texts; the root's is not among them.
    pub(super) prefixes: PathLengths,
    pub(super) has_exact_paths: bool,
    /// By path in [`EXACT_SCOPE`] and [`PREFIX_SCOPE`]; every facet has a scope of its own.
    pub(super) index: Index<Run>,
    /// Every route that has a match here.
    pub(super) routes: Box<[Arc<T>]>,
    pub(super) root: Run,
    pub(super) regexes: Run,
    pub(super) grpc_regexes: Run,
    pub(super) entries: Box<[Entry]>,
    pub(super) facets: Box<[Facet]>,
}

pub(super) const EXACT_SCOPE: u32 = 0;
pub(super) const PREFIX_SCOPE: u32 = 1;
pub(super) const FACET_SCOPE_MIN: u32 = 2;

/// One match of one route.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// Its place in the order of precedence within its run.
    pub(super) order: u32,
    /// Index into [`Host::routes`].
    pub(super) route: u32,
    pub(super) rule: u16,
    pub(super) matched: u16,
    /// Something is to be asked of the request besides what the entry was found by.
    pub(super) conditional: bool,
}

/// Entries with the same path.
#[derive(Clone, Copy, Default)]
pub(super) enum Run {
    #[default]
    None,
    /// Most runs: then it is where the run is.
    One(Entry),
    Many {
        /// To be tried one after the other: in order of precedence.
        entries: Span,
        /// The others: of [`Host::facets`], whose own runs have none.
        facets: Span,
    },
}

/// A stretch of a boxed slice.
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl<T: AsRef<Route>> Host<T> {
    /// Tries what stands here, in the order of [`crate::plan::precedence::PathRank`].
    pub(super) fn find(&self, request: &impl Request) -> Option<Hit<'_, T>> {
        let path = request.path();
        if self.has_exact_paths
            && let Some(run) = self.index.get(EXACT_SCOPE, path.as_bytes())
            && let Some(hit) = self.best(run, request)
        {
            return Some(hit);
        }
        self.best(&self.regexes, request)
            .or_else(|| {
                let prefixes = self.prefixes.beginnings(path);
                prefixes
                    .filter_map(|prefix| self.index.get(PREFIX_SCOPE, prefix.as_bytes()))
                    .find_map(|run| self.best(run, request))
            })
            .or_else(|| self.best(&self.grpc_regexes, request))
            .or_else(|| self.best(&self.root, request))
    }

    /// Returns the first entry of `run` in the order of precedence whose conditions hold.
    fn best(&self, run: &Run, request: &impl Request) -> Option<Hit<'_, T>> {
        let entry = match run {
            Run::None => None,
            Run::One(entry) => self.first(std::slice::from_ref(entry), request),
            Run::Many { entries, facets } => self.best_of_many(*entries, *facets, request),
        };
        entry.map(|entry| Hit { route: &self.routes[entry.route as usize], rule: entry.rule, matched: entry.matched })
    }

    fn best_of_many<'a>(&'a self, entries: Span, facets: Span, request: &impl Request) -> Option<&'a Entry> {
        let mut best = self.first(&self.entries[entries.range()], request);
        for facet in &self.facets[facets.range()] {
            let mut open = |text: &[u8]| {
                let found = match self.index.get(facet.scope, text) {
                    None | Some(Run::None) => None,
                    Some(Run::One(entry)) => self.first(std::slice::from_ref(entry), request),
                    Some(Run::Many { entries, .. }) => self.first(&self.entries[entries.range()], request),
                };
                best = [best, found].into_iter().flatten().min_by_key(|entry| entry.order);
            };
            match &facet.reads {
                Reads::Header(name) => drop(request.header(name).map(|value| open(&value))),
                Reads::Query(name) => drop(condition::query_value(request, name).map(|value| open(&value))),
                Reads::Path(lengths) => lengths.beginnings(request.path()).for_each(|path| open(path.as_bytes())),
            }
        }
        best
    }

    fn first<'a>(&self, entries: &'a [Entry], request: &impl Request) -> Option<&'a Entry> {
        entries.iter().find(|entry| !entry.conditional || self.holds(entry, request))
    }

    fn holds(&self, entry: &Entry, request: &impl Request) -> bool {
        let route = (*self.routes[entry.route as usize]).as_ref();
        let found: &Match = &route.rules[usize::from(entry.rule)].matches[usize::from(entry.matched)];
        (route.kind == RouteKind::Http || request.is_grpc()) && found.conditions_hold(request)
    }
}
