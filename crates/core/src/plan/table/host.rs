//! What stands under one hostname: its matches, by path, and how a request finds its own among them.
//!
//! Built once and never modified, so that the tables of several listeners, and of one Plan after the other, share it.

use std::sync::Arc;

use super::{
    Hit, condition,
    facet::{Facet, PathLengths, Reads, VALUE_SCOPE},
    index::Index,
};
use crate::plan::{Match, Request, Route, RouteKind, precedence::Bucket};

/// The matches of one hostname.
pub(super) struct Host<T> {
    /// Of prefixes' texts; the root's is not among them.
    pub(super) prefixes: PathLengths,
    pub(super) has_exact_paths: bool,
    /// By path in [`EXACT_SCOPE`] and [`PREFIX_SCOPE`].
    pub(super) paths: Index<Run<Arc<T>>>,
    pub(super) root: Run<Arc<T>>,
    pub(super) regexes: Run<Arc<T>>,
    pub(super) grpc_regexes: Run<Arc<T>>,
}

pub(super) const EXACT_SCOPE: u32 = 0;
pub(super) const PREFIX_SCOPE: u32 = 1;

/// One match of one route; `R` points to the route.
#[derive(Clone)]
pub(super) struct Entry<R> {
    pub(super) route: R,
    /// Its place in the order of precedence within its run.
    pub(super) order: u32,
    pub(super) rule: u16,
    pub(super) matched: u16,
    /// Something is to be asked of the request besides what the entry was found by.
    pub(super) conditional: bool,
}

/// Entries with the same path.
#[derive(Clone, Default)]
pub(super) enum Run<R> {
    #[default]
    None,
    /// Most runs: then it is where the run is.
    One(Entry<R>),
    Many(Arc<Many<R>>),
}

pub(super) struct Many<R> {
    /// To be tried one after the other: in order of precedence.
    pub(super) entries: Box<[Entry<R>]>,
    /// The others: their own runs have no facets.
    pub(super) facets: Box<[Facet<R>]>,
}

impl<R> Run<R> {
    /// Those that are tried one after the other.
    fn undivided(&self) -> &[Entry<R>] {
        match self {
            Self::None => &[],
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Many(many) => &many.entries,
        }
    }

    fn facets(&self) -> &[Facet<R>] {
        match self {
            Self::None | Self::One(_) => &[],
            Self::Many(many) => &many.facets,
        }
    }

    /// Returns all, in no order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry<R>> {
        let divided = self.facets().iter().flat_map(|facet| facet.index.nodes());
        self.undivided().iter().chain(divided.flat_map(|node| node.value.undivided()))
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl<T: AsRef<Route>> Host<T> {
    /// Tries what stands here, in the order of [`crate::plan::precedence::PathRank`].
    pub(super) fn find(&self, request: &impl Request) -> Option<Hit<'_, T>> {
        let path = request.path();
        if self.has_exact_paths
            && let Some(run) = self.paths.get(EXACT_SCOPE, path.as_bytes())
            && let Some(hit) = best(run, request)
        {
            return Some(hit);
        }
        best(&self.regexes, request)
            .or_else(|| {
                let prefixes = self.prefixes.beginnings(path);
                prefixes
                    .filter_map(|prefix| self.paths.get(PREFIX_SCOPE, prefix.as_bytes()))
                    .find_map(|run| best(run, request))
            })
            .or_else(|| best(&self.grpc_regexes, request))
            .or_else(|| best(&self.root, request))
    }

    /// Returns the entries whose path is in `bucket`.
    pub(super) fn run(&self, bucket: Bucket<'_>) -> &Run<Arc<T>> {
        match bucket {
            Bucket::Exact(path) => self.paths.get(EXACT_SCOPE, path.as_bytes()).unwrap_or(&Run::None),
            Bucket::Prefix(path) => self.paths.get(PREFIX_SCOPE, path.as_bytes()).unwrap_or(&Run::None),
            Bucket::Regex => &self.regexes,
            Bucket::GrpcRegex => &self.grpc_regexes,
            Bucket::Root => &self.root,
        }
    }
}

/// Returns the first entry of `run` in the order of precedence whose conditions hold.
fn best<'a, T: AsRef<Route>>(run: &'a Run<Arc<T>>, request: &impl Request) -> Option<Hit<'a, T>> {
    let entry = match run {
        Run::None => None,
        Run::One(entry) => first(std::slice::from_ref(entry), request),
        Run::Many(many) => best_of_many(many, request),
    };
    entry.map(|entry| Hit { route: &entry.route, rule: entry.rule, matched: entry.matched })
}

fn best_of_many<'a, T: AsRef<Route>>(many: &'a Many<Arc<T>>, request: &impl Request) -> Option<&'a Entry<Arc<T>>> {
    let mut best = first(&many.entries, request);
    for facet in &many.facets {
        let mut open = |text: &[u8]| {
            let found = facet.index.get(VALUE_SCOPE, text).and_then(|run| first(run.undivided(), request));
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

fn first<'a, T: AsRef<Route>>(entries: &'a [Entry<Arc<T>>], request: &impl Request) -> Option<&'a Entry<Arc<T>>> {
    entries.iter().find(|entry| !entry.conditional || holds(entry, request))
}

fn holds<T: AsRef<Route>>(entry: &Entry<Arc<T>>, request: &impl Request) -> bool {
    let route = (*entry.route).as_ref();
    let found: &Match = &route.rules[usize::from(entry.rule)].matches[usize::from(entry.matched)];
    (route.kind == RouteKind::Http || request.is_grpc()) && found.conditions_hold(request)
}
