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
    /// Those of all whose rules answer preflights, once more, one for each method, path and query: see
    /// [`super::preflight`].
    pub(super) cors: Run<R>,
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
    pub(super) fn find(&self, request: &impl Request) -> Option<Hit<'_, T>> {
        self.search(request.path(), |run| best(run, request).map(Entry::hit))
    }

    /// Shows `look` the runs that `path` may be in, in the order of [`crate::plan::precedence::PathRank`], until it has
    /// found something.
    pub(super) fn search<'t, F>(&'t self, path: &str, mut look: impl FnMut(&'t Run<Arc<T>>) -> Option<F>) -> Option<F> {
        if self.has_exact_paths
            && let Some(run) = self.paths.get(EXACT_SCOPE, path.as_bytes())
            && let Some(found) = look(run)
        {
            return Some(found);
        }
        if let Some(found) = look(&self.regexes) {
            return Some(found);
        }
        for prefix in self.prefixes.beginnings(path) {
            if let Some(run) = self.paths.get(PREFIX_SCOPE, prefix.as_bytes())
                && let Some(found) = look(run)
            {
                return Some(found);
            }
        }
        look(&self.grpc_regexes).or_else(|| look(&self.root))
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

impl<T: AsRef<Route>> Entry<Arc<T>> {
    pub(super) fn hit(&self) -> Hit<'_, T> {
        Hit { route: &self.route, rule: self.rule, matched: self.matched }
    }

    pub(super) fn found(&self) -> (&Route, &Match) {
        let route = (*self.route).as_ref();
        (route, &route.rules[usize::from(self.rule)].matches[usize::from(self.matched)])
    }

    fn holds(&self, request: &impl Request) -> bool {
        let (route, found) = self.found();
        (route.kind == RouteKind::Http || request.is_grpc()) && found.conditions_hold(request)
    }
}

/// Returns the first entry of `run` in the order of precedence whose conditions hold.
pub(super) fn best<'a, T: AsRef<Route>>(run: &'a Run<Arc<T>>, request: &impl Request) -> Option<&'a Entry<Arc<T>>> {
    best_by(run, request, &|entry| !entry.conditional || entry.holds(request))
}

/// Returns the first entry of `run` in the order of precedence for which `holds` says so.
pub(super) fn best_by<'a, R>(
    run: &'a Run<R>,
    request: &impl Request,
    holds: &impl Fn(&Entry<R>) -> bool,
) -> Option<&'a Entry<R>> {
    match run {
        Run::None => None,
        Run::One(entry) => holds(entry).then_some(entry),
        Run::Many(many) => best_of_many(many, request, holds),
    }
}

fn best_of_many<'a, R>(
    many: &'a Many<R>,
    request: &impl Request,
    holds: &impl Fn(&Entry<R>) -> bool,
) -> Option<&'a Entry<R>> {
    let first = |entries: &'a [Entry<R>]| entries.iter().find(|entry| holds(entry));
    let mut best = first(&many.entries);
    for facet in &many.facets {
        let mut open = |text: &[u8]| {
            let found = facet.index.get(VALUE_SCOPE, text).and_then(|run| first(run.undivided()));
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
