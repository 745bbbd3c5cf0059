//! Routes as a proxy executes them: matches, filters and where the request goes.

use std::{borrow::Cow, sync::Arc, time::Duration};

use regex::bytes::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BackendId, Hostname, Precedence, RouteId};
use crate::filter::Filter;

/// Reads a list into just the room that it takes: a proxy has thousands of lists, most of them of one item, where one that
/// grows by itself has room for four.
pub(crate) fn tight<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Vec::deserialize(deserializer).map(|list| list.into_boxed_slice().into_vec())
}

/// One HTTPRoute or GRPCRoute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub id: RouteId,
    pub kind: RouteKind,
    /// The route's own hostnames, those that meet no listener of this Plan left out; never empty ([`Hostname::Any`]).
    #[serde(deserialize_with = "tight")]
    pub hostnames: Vec<Hostname>,
    pub precedence: Precedence,
    /// In the manifest's order, which decides between equals.
    #[serde(deserialize_with = "tight")]
    pub rules: Vec<Rule>,
}

impl Route {
    /// Names every backend that its rules send requests to, or copies of them, or ask about them, as often as they do.
    pub fn backends(&self) -> impl Iterator<Item = &BackendId> {
        self.rules.iter().flat_map(|rule| {
            let targets = rule.backends.iter().filter_map(|share| match &share.target {
                Target::Backend(id) => Some(id),
                Target::Refused(_) => None,
            });
            let filters = rule.filters.iter().chain(rule.backends.iter().flat_map(|share| &share.filters));
            targets.chain(filters.filter_map(|filter| match filter {
                Filter::Mirror(mirror) => Some(&mirror.backend),
                Filter::ExternalAuth(auth) => Some(&auth.backend),
                Filter::RequestHeader(_)
                | Filter::ResponseHeader(_)
                | Filter::Redirect(_)
                | Filter::Rewrite(_)
                | Filter::Cors(_)
                | Filter::Refuse(_) => None,
            }))
        })
    }
}

impl AsRef<Route> for Route {
    fn as_ref(&self) -> &Route {
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RouteKind {
    Http,
    /// Matches gRPC requests alone; whatever the gateway answers itself is a gRPC status.
    Grpc,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: Option<Arc<str>>,
    /// Any of them; never empty (the API's default is the prefix `/`).
    #[serde(deserialize_with = "tight")]
    pub matches: Vec<Match>,
    /// In the manifest's order.
    #[serde(deserialize_with = "tight")]
    pub filters: Vec<Filter>,
    /// Where the request goes by weight. Empty, or with no weight at all, the answer is 500, unless a filter answers.
    #[serde(deserialize_with = "tight")]
    pub backends: Vec<WeightedBackend>,
    pub timeouts: Timeouts,
    /// Few rules have one, and there are thousands of rules.
    pub retry: Option<Box<Retry>>,
}

impl Rule {
    /// Whether the gateway answers the preflights of its requests, because whatever serves them has a CORS filter.
    pub fn answers_preflights(&self) -> bool {
        let has_cors = |filters: &[Filter]| filters.iter().any(|filter| matches!(filter, Filter::Cors(_)));
        has_cors(&self.filters)
            || (!self.backends.is_empty() && self.backends.iter().all(|share| has_cors(&share.filters)))
    }
}

/// All that is given must hold. What a later version asks beyond that is no field to skip: it would match too much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    pub path: PathMatch,
    pub method: Option<MethodMatch>,
    /// No name twice (the API: the first entry of a name counts).
    #[serde(deserialize_with = "tight")]
    pub headers: Vec<HeaderMatch>,
    /// No name twice.
    #[serde(deserialize_with = "tight")]
    pub query: Vec<QueryMatch>,
}

/// Matches the canonical path (HARDENING P1), without the query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PathMatch {
    Exact(Arc<str>),
    /// By path element: `/abc` is `/abc` and `/abc/...`. No trailing slash, except the root's `/`.
    Prefix(Arc<str>),
    /// Anchored at both ends.
    Regex(Pattern),
}

impl PathMatch {
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(text) => **text == *path,
            Self::Prefix(text) => {
                **text == *"/"
                    || path.strip_prefix(&**text).is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'/', ..]))
            }
            Self::Regex(pattern) => pattern.is_match(path.as_bytes()),
        }
    }
}

/// A method, upper-case as HTTP has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodMatch(pub Arc<str>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderMatch {
    /// Lower-case.
    pub name: Arc<str>,
    /// Of the field's value; several lines of one name count as one, joined by `,`.
    pub value: StringMatch,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryMatch {
    /// Case-sensitive.
    pub name: Arc<str>,
    /// Of the first value of the name, percent-decoded.
    pub value: StringMatch,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StringMatch {
    Exact(Arc<str>),
    /// Anchored at both ends.
    Regex(Pattern),
}

impl StringMatch {
    pub fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(text) => text.as_bytes() == value,
            Self::Regex(pattern) => pattern.is_match(value),
        }
    }
}

/// A regular expression that is linear in its input, with its source text for comparison and display.
#[derive(Clone, Debug)]
pub struct Pattern(Arc<Expression>);

/// Apart from where it is used: most matches have none, and take no room for one.
#[derive(Debug)]
struct Expression {
    text: Box<str>,
    literal_prefix: Box<str>,
    compiled: Regex,
}

impl Pattern {
    /// Bytes a compiled expression may take; what is over is refused at admission (HARDENING D5).
    pub const COMPILED_BYTES_MAX: usize = 256 * 1024;

    /// Compiles `text`, anchored at both ends; the dialect is GEP-4359's (ASCII classes, leftmost-first).
    ///
    /// # Errors
    /// Says what is wrong with the expression, or that it is too large.
    pub fn new(text: &str) -> Result<Self, String> {
        let anchored = format!("^(?:{text})$");
        let compiled = regex::bytes::RegexBuilder::new(&anchored)
            .unicode(false)
            .size_limit(Self::COMPILED_BYTES_MAX)
            .dfa_size_limit(Self::COMPILED_BYTES_MAX)
            .build()
            .map_err(|error| error.to_string())?;
        let expression = Expression { text: text.into(), literal_prefix: literal_prefix(&anchored).into(), compiled };
        Ok(Self(Arc::new(expression)))
    }

    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Returns text that every value which matches begins with; it may be empty, and need not be the longest.
    pub(super) fn literal_prefix(&self) -> &str {
        &self.0.literal_prefix
    }

    pub fn is_match(&self, value: &[u8]) -> bool {
        self.0.compiled.is_match(value)
    }
}

fn literal_prefix(pattern: &str) -> String {
    let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern);
    let prefixes = parsed.map(|parsed| regex_syntax::hir::literal::Extractor::new().extract(&parsed));
    let prefix = prefixes.ok().and_then(|prefixes| Some(prefixes.longest_common_prefix()?.to_vec()));
    prefix.and_then(|prefix| String::from_utf8(prefix).ok()).unwrap_or_default()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// One share of a rule's traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedBackend {
    /// Above 0: entries of weight 0 are left out.
    pub weight: u32,
    pub target: Target,
    /// Apply after the rule's, to this share alone.
    #[serde(deserialize_with = "tight")]
    pub filters: Vec<Filter>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target {
    Backend(BackendId),
    /// The reference could not be honoured: its share of the traffic is answered so. Why is status' affair.
    Refused(Refusal),
}

/// An answer that the gateway gives instead of a backend. gRPC requests get the status that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// 500; gRPC UNAVAILABLE: a reference that is missing, forbidden or of an unknown kind, or a filter that is.
    Broken,
    /// 503; gRPC UNAVAILABLE.
    Unavailable,
}

/// How long a rule gives its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// From the request's head to the end of the response. Zero is no limit, and the route asks for that; `None` leaves
    /// it to the proxy.
    pub request: Option<Duration>,
    /// Of one try; `None` is no limit of its own.
    pub backend_request: Option<Duration>,
}

/// GEP-1731.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Status codes that are tried again, ascending.
    pub codes: Vec<u16>,
    /// Tries beyond the first; 0 is none.
    pub attempts: u32,
    /// Before the first retry; it grows from there.
    pub backoff: Duration,
}
