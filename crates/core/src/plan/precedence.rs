//! Which of several matches serves a request: the one order that decides it, as an `Ord`.
//!
//! All matches of all routes stand in one list in this order, and the first that holds wins (Gateway API, HTTPRoute and
//! GRPCRoute `rules`). It knows nothing of requests or of how the list is searched.

use std::{cmp::Reverse, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Match, PathMatch, Route, RouteId, RouteKind};

/// What decides between routes whose matches are equally specific: the oldest, then the first by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precedence {
    /// Seconds since 1970; an object without a creation time is the youngest (`u64::MAX`).
    pub created: u64,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

/// The rank of one match among those of the same hostname; the smaller goes first. The fields stand by weight.
///
/// Before all of it goes the hostname, by its own order: the route's, not its intersection with the listener's
/// (GatewayRouteHostnameIntersectionPrecedence).
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank<'a> {
    pub(super) path: PathRank<'a>,
    method: Reverse<bool>,
    headers: Reverse<usize>,
    query: Reverse<usize>,
    route: &'a Precedence,
    /// Tells an HTTPRoute from the GRPCRoute that has its name and age.
    id: &'a RouteId,
    rule: u16,
    matched: u16,
}

/// How specific a path is.
///
/// The API ranks Exact over the longest Prefix and leaves Regex open: it goes between, the longer expression first. Of a
/// GRPCRoute it goes behind the prefixes, because there a prefix names a service, and more characters of a service go
/// before anything a method says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathRank<'a> {
    Exact(&'a Arc<str>),
    Regex(Reverse<usize>),
    /// The text only keeps equal prefixes together: two that hold for one request and are equally long are the same.
    Prefix(Reverse<usize>, &'a Arc<str>),
    GrpcRegex(Reverse<usize>),
    /// The prefix `/`: every path.
    Root,
}

/// What the paths of a run have in common: they are equal, or expressions to be tried one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Bucket<'a> {
    Exact(&'a Arc<str>),
    Regex,
    Prefix(&'a Arc<str>),
    GrpcRegex,
    Root,
}

impl<'a> Rank<'a> {
    pub(super) fn new(route: &'a Route, rule: u16, matched: u16, found: &'a Match) -> Self {
        Self {
            path: PathRank::new(&found.path, route.kind),
            method: Reverse(found.method.is_some()),
            headers: Reverse(found.headers.len()),
            query: Reverse(found.query.len()),
            route: &route.precedence,
            id: &route.id,
            rule,
            matched,
        }
    }
}

impl<'a> PathRank<'a> {
    fn new(path: &'a PathMatch, kind: RouteKind) -> Self {
        match (path, kind) {
            (PathMatch::Exact(text), _) => Self::Exact(text),
            (PathMatch::Prefix(text), _) if **text == *"/" => Self::Root,
            (PathMatch::Prefix(text), _) => Self::Prefix(Reverse(text.len()), text),
            (PathMatch::Regex(pattern), RouteKind::Http) => Self::Regex(Reverse(pattern.as_str().len())),
            (PathMatch::Regex(pattern), RouteKind::Grpc) => Self::GrpcRegex(Reverse(pattern.as_str().len())),
        }
    }

    pub(super) fn bucket(&self) -> Bucket<'a> {
        match *self {
            Self::Exact(path) => Bucket::Exact(path),
            Self::Regex(_) => Bucket::Regex,
            Self::Prefix(_, path) => Bucket::Prefix(path),
            Self::GrpcRegex(_) => Bucket::GrpcRegex,
            Self::Root => Bucket::Root,
        }
    }
}
