//! How a long run of entries is divided, so that a request need not try them all.
//!
//! Where many routes share host and path they mostly differ in one thing: a header's value, a query parameter's, or how
//! their expression begins. That thing is an entry's [`Clue`]: unless the request has it, the entry cannot match. A run
//! is divided by clue, and a [`Facet`] says what to read off a request to find the divisions worth trying.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::FixedState;

use super::{
    super::{Match, PathMatch, StringMatch},
    host::Run,
    index::Index,
};

/// What a request must have for an entry to match. The order keeps the clues of one facet together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Clue<'a> {
    Header {
        name: &'a Arc<str>,
        value: &'a Arc<str>,
    },
    Query {
        name: &'a Arc<str>,
        value: &'a Arc<str>,
    },
    /// The path goes on below this one.
    Below(&'a str),
}

/// What the clues of some entries of a run have in common.
pub(super) struct Facet<R> {
    pub(super) reads: Reads,
    /// By what was read, in [`VALUE_SCOPE`].
    pub(super) index: Index<Run<R>>,
}

pub(super) const VALUE_SCOPE: u32 = 0;

pub(super) enum Reads {
    Header(Arc<str>),
    Query(Arc<str>),
    Path(PathLengths),
}

/// Which lengths the paths of a scope have: what is not among them need not be looked up.
#[derive(Clone, Copy, Default)]
pub(super) struct PathLengths {
    max: u32,
    /// Bit `length % 64`.
    present: u64,
}

impl Clue<'_> {
    pub(super) fn same_facet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header { name: a, .. }, Self::Header { name: b, .. })
            | (Self::Query { name: a, .. }, Self::Query { name: b, .. }) => a == b,
            (Self::Below(_), Self::Below(_)) => true,
            _ => false,
        }
    }

    pub(super) fn text(&self) -> Arc<str> {
        match *self {
            Self::Header { value, .. } | Self::Query { value, .. } => Arc::clone(value),
            Self::Below(path) => path.into(),
        }
    }
}

/// Which clues a request can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readable {
    All,
    /// A preflight has none of the headers that it announces.
    AllButHeaders,
}

/// Returns for each match the clue that it shares with the fewest others, or `None` for one that has none.
pub(super) fn choose_clues<'a>(matches: &[&'a Match], readable: Readable) -> Vec<Option<Clue<'a>>> {
    let clues = |found: &&'a Match| {
        let is_readable = move |clue: &Clue<'_>| readable == Readable::All || !matches!(clue, Clue::Header { .. });
        clues(found).filter(is_readable)
    };
    let mut sharers: HashMap<Clue<'a>, usize, FixedState> = HashMap::default();
    for clue in matches.iter().flat_map(clues) {
        *sharers.entry(clue).or_default() += 1;
    }
    matches.iter().map(|found| clues(found).min_by_key(|clue| (sharers[clue], *clue))).collect()
}

fn clues(found: &Match) -> impl Iterator<Item = Clue<'_>> {
    let headers = found.headers.iter().filter_map(|header| match &header.value {
        StringMatch::Exact(value) => Some(Clue::Header { name: &header.name, value }),
        StringMatch::Regex(_) => None,
    });
    let query = found.query.iter().filter_map(|query| match &query.value {
        StringMatch::Exact(value) => Some(Clue::Query { name: &query.name, value }),
        StringMatch::Regex(_) => None,
    });
    let path = match &found.path {
        PathMatch::Regex(pattern) => pattern.literal_prefix().rsplit_once('/').map(|(path, _)| path),
        PathMatch::Exact(_) | PathMatch::Prefix(_) => None,
    };
    headers.chain(query).chain(path.filter(|path| !path.is_empty()).map(Clue::Below))
}

impl PathLengths {
    pub(super) fn add(&mut self, length: usize) {
        self.max = self.max.max(length as u32);
        self.present |= 1 << (length % 64);
    }

    /// Returns the beginnings of `path` that end with an element and may be in the scope, longest first.
    pub(super) fn beginnings(self, path: &str) -> impl Iterator<Item = &str> {
        let max = self.max as usize;
        let whole = (path.len() <= max).then_some(path.len());
        // A boundary at `max` is the last of interest.
        let reach = &path.as_bytes()[..path.len().min(max + 1)];
        whole
            .into_iter()
            .chain(memchr::memrchr_iter(b'/', reach))
            .filter(move |length| self.present >> (length % 64) & 1 == 1)
            .map(move |length| &path[..length])
    }
}
