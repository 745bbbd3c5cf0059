//! Builds a [`Host`]: cuts the matches of its routes into runs that share a path, and sorts each. Runs in which no route
//! came or went are those of the host before.

use std::{
    collections::{BTreeMap, HashSet},
    hash::BuildHasher,
    sync::Arc,
};

use foldhash::fast::FixedState;

use super::{
    facet::{Clue, Facet, PathLengths, Readable, Reads, VALUE_SCOPE, choose_clues},
    host::{EXACT_SCOPE, Entry, Host, Many, PREFIX_SCOPE, Run},
    index::{Edit, Index, Node},
};
use crate::plan::{
    Match, PathMatch, Route, RouteKind, StringMatch,
    precedence::{Bucket, Rank},
};

/// Longer runs are divided by clue; a shorter one is tried as fast as it is divided.
const RUN_LEN_UNDIVIDED: usize = 8;

/// One match of a route, and where it belongs.
struct Candidate<'a, T> {
    /// Of its path: brings runs together without a comparison of texts.
    bucket_hash: u64,
    rank: Rank<'a>,
    found: &'a Match,
    route: &'a Arc<T>,
    rule: u16,
    matched: u16,
    conditional: bool,
}

impl<'a, T: AsRef<Route>> Candidate<'a, T> {
    fn new(route: &'a Arc<T>, rule: u16, matched: u16) -> Self {
        let of: &Route = (**route).as_ref();
        let found = &of.rules[usize::from(rule)].matches[usize::from(matched)];
        let rank = Rank::new(of, rule, matched, found);
        let conditional =
            of.kind == RouteKind::Grpc || matches!(found.path, PathMatch::Regex(_)) || !found.is_path_alone();
        let bucket_hash = FixedState::default().hash_one(rank.path.bucket());
        Self { bucket_hash, rank, found, route, rule, matched, conditional }
    }

    fn all(route: &'a Arc<T>) -> impl Iterator<Item = Self> {
        let rules = (0..=u16::MAX).zip(&(**route).as_ref().rules);
        rules.flat_map(move |(rule, of)| {
            (0..=u16::MAX).zip(&of.matches).map(move |(matched, _)| Self::new(route, rule, matched))
        })
    }

    fn bucket(&self) -> Bucket<'a> {
        self.rank.path.bucket()
    }

    fn answers_preflights(&self) -> bool {
        (**self.route).as_ref().rules[usize::from(self.rule)].answers_preflights()
    }

    fn entry(&self, order: u32) -> Entry<Arc<T>> {
        let Self { route, rule, matched, conditional, .. } = self;
        Entry { route: Arc::clone(route), order, rule: *rule, matched: *matched, conditional: *conditional }
    }
}

/// Builds what stands under a hostname from what stood there before: without the routes in `removed`, with those in
/// `added`. `None` when that is nothing.
pub(super) fn host<T: AsRef<Route>>(
    before: Option<&Host<T>>,
    removed: &[&Arc<T>],
    added: &[&Arc<T>],
) -> Option<Arc<Host<T>>> {
    let mut candidates: Vec<Candidate<'_, T>> = added.iter().flat_map(|route| Candidate::all(route)).collect();
    // Whatever is left in the end has lost its last match.
    let mut touched: HashSet<Bucket<'_>> = HashSet::new();
    if let Some(before) = before {
        let gone: HashSet<*const T> = removed.iter().map(|route| Arc::as_ptr(route)).collect();
        touched.extend(candidates.iter().map(Candidate::bucket));
        touched.extend(removed.iter().flat_map(|route| Candidate::all(route)).map(|candidate| candidate.bucket()));
        for entry in touched.iter().flat_map(|bucket| before.run(*bucket).entries()) {
            if !gone.contains(&Arc::as_ptr(&entry.route)) {
                candidates.push(Candidate::new(&entry.route, entry.rule, entry.matched));
            }
        }
    }
    candidates.sort_unstable_by(|a, b| a.bucket_hash.cmp(&b.bucket_hash).then_with(|| a.rank.cmp(&b.rank)));
    let mut runs: Vec<(Bucket<'_>, Run<Arc<T>>)> = Vec::with_capacity(candidates.len());
    for same_path in candidates.chunk_by(|a, b| a.bucket_hash == b.bucket_hash && a.bucket() == b.bucket()) {
        let bucket = same_path[0].bucket();
        touched.remove(&bucket);
        runs.push((bucket, run(same_path)));
    }
    runs.extend(touched.into_iter().map(|bucket| (bucket, Run::None)));
    let host = with_runs(before, runs);
    let is_empty =
        host.paths.is_empty() && host.root.is_none() && host.regexes.is_none() && host.grpc_regexes.is_none();
    (!is_empty).then(|| Arc::new(host))
}

/// Puts `runs` in their places.
fn with_runs<T: AsRef<Route>>(before: Option<&Host<T>>, runs: Vec<(Bucket<'_>, Run<Arc<T>>)>) -> Host<T> {
    let [mut root, mut regexes, mut grpc_regexes] = [Bucket::Root, Bucket::Regex, Bucket::GrpcRegex]
        .map(|bucket| before.map(|before| before.run(bucket).clone()).unwrap_or_default());
    let mut edits = Vec::with_capacity(runs.len());
    for (bucket, run) in runs {
        let (scope, path) = match bucket {
            Bucket::Exact(path) => (EXACT_SCOPE, path),
            Bucket::Prefix(path) => (PREFIX_SCOPE, path),
            Bucket::Regex => {
                regexes = run;
                continue;
            }
            Bucket::GrpcRegex => {
                grpc_regexes = run;
                continue;
            }
            Bucket::Root => {
                root = run;
                continue;
            }
        };
        edits.push(Edit { scope, text: Arc::clone(path), value: (!run.is_none()).then_some(run) });
    }
    let paths = match before {
        Some(before) => before.paths.changed(edits),
        None => Index::new(edits.into_iter().filter_map(Edit::into_node).collect()),
    };
    let (mut prefixes, mut has_exact_paths) = (PathLengths::default(), false);
    for node in paths.nodes() {
        match node.scope {
            PREFIX_SCOPE => prefixes.add(node.text().len()),
            _ => has_exact_paths = true,
        }
    }
    Host { prefixes, has_exact_paths, paths, root, regexes, grpc_regexes }
}

/// Makes a run of all candidates of one path, best first.
fn run<T: AsRef<Route>>(candidates: &[Candidate<'_, T>]) -> Run<Arc<T>> {
    let ordered: Vec<Ordered<'_, T>> = (0..).zip(candidates).collect();
    if let [(order, only)] = *ordered {
        return Run::One(only.entry(order));
    }
    let cors = divided(&preflighted(&ordered), Readable::AllButHeaders, Run::None);
    divided(&ordered, Readable::All, cors)
}

/// A candidate with its place in its run.
type Ordered<'c, T> = (u32, &'c Candidate<'c, T>);

/// Returns those whose rules answer preflights. Of several that differ in their headers alone only the first ever does.
fn preflighted<'c, T: AsRef<Route>>(ordered: &[Ordered<'c, T>]) -> Vec<Ordered<'c, T>> {
    let mut seen: HashSet<Target<'_>> = HashSet::new();
    let answering = ordered.iter().filter(|(_, candidate)| candidate.answers_preflights());
    answering.filter(|(_, candidate)| seen.insert(target(candidate.found))).copied().collect()
}

/// What of a match can be held against a preflight.
type Target<'a> = (Option<&'a str>, Value<'a>, Vec<(&'a str, Value<'a>)>);

/// A text, and whether it is an expression.
type Value<'a> = (bool, &'a str);

fn target(found: &Match) -> Target<'_> {
    let method = found.method.as_ref().map(|method| &*method.0);
    let path = match &found.path {
        PathMatch::Exact(text) | PathMatch::Prefix(text) => (false, &**text),
        PathMatch::Regex(pattern) => (true, pattern.as_str()),
    };
    let query = found.query.iter().map(|query| match &query.value {
        StringMatch::Exact(text) => (&*query.name, (false, &**text)),
        StringMatch::Regex(pattern) => (&*query.name, (true, pattern.as_str())),
    });
    (method, path, query.collect())
}

/// Divides a run by what can be read of a request, if it is long.
fn divided<T: AsRef<Route>>(ordered: &[Ordered<'_, T>], readable: Readable, cors: Run<Arc<T>>) -> Run<Arc<T>> {
    let entries = ordered.iter().map(|(order, candidate)| candidate.entry(*order));
    if ordered.len() <= RUN_LEN_UNDIVIDED {
        return undivided(entries.collect(), cors);
    }
    let matches: Vec<&Match> = ordered.iter().map(|(_, candidate)| candidate.found).collect();
    let mut divisions: BTreeMap<Option<Clue<'_>>, Vec<Entry<Arc<T>>>> = BTreeMap::new();
    for (clue, entry) in choose_clues(&matches, readable).into_iter().zip(entries) {
        divisions.entry(clue).or_default().push(entry);
    }
    let entries = divisions.remove(&None).unwrap_or_default().into();
    let divisions: Vec<_> = divisions.into_iter().filter_map(|(clue, entries)| Some((clue?, entries))).collect();
    let facets = divisions.chunk_by(|(a, _), (b, _)| a.same_facet(b)).map(facet).collect();
    Run::Many(Arc::new(Many { entries, facets, cors }))
}

/// Makes a facet of the divisions of a run whose clues have it in common.
fn facet<R: Clone>(divisions: &[(Clue<'_>, Vec<Entry<R>>)]) -> Facet<R> {
    let mut lengths = PathLengths::default();
    let nodes = divisions.iter().map(|(clue, entries)| {
        let text = clue.text();
        lengths.add(text.len());
        Node::new(VALUE_SCOPE, &text, undivided(entries.clone(), Run::None))
    });
    let index = Index::new(nodes.collect());
    let reads = match divisions[0].0 {
        Clue::Header { name, .. } => Reads::Header(Arc::clone(name)),
        Clue::Query { name, .. } => Reads::Query(Arc::clone(name)),
        Clue::Below(_) => Reads::Path(lengths),
    };
    Facet { reads, index }
}

fn undivided<R>(mut entries: Vec<Entry<R>>, cors: Run<R>) -> Run<R> {
    match (entries.len(), entries.pop()) {
        (_, None) => Run::None,
        (1, Some(entry)) => Run::One(entry),
        (_, Some(last)) => {
            entries.push(last);
            Run::Many(Arc::new(Many { entries: entries.into(), facets: Box::default(), cors }))
        }
    }
}
