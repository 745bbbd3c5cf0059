//! What the schemas of all kinds of routes share.

use super::parent_ref::parent_refs;
use crate::api::schema::{
    rule::Rule,
    shape::{Channel, Field, choice, experimental, optional},
};

/// Fields of every route's `spec`.
pub(super) fn common(channel: Channel) -> [Field; 2] {
    [
        optional("parentRefs", parent_refs(channel)),
        experimental(channel, "useDefaultGateways", choice(&["All", "None"])),
    ]
}

/// A route's rules may not share a name.
pub(super) fn unique_rule_names() -> Rule {
    Rule::each("has a name that another rule has too", "a name of its own for each rule, or none", |rule, rules| {
        !rule.has("name") || rules.iter().filter(|other| other.get("name") == rule.get("name")).count() == 1
    })
    .blame("name")
}

/// Matches that all rules of a route may have together.
const MATCHES_MAX: usize = 128;

pub(super) fn matches_total() -> Rule {
    Rule::new("have too many matches together", "128 matches in all rules of a route", |rules| {
        rules.items().iter().map(|rule| rule.list("matches").len()).sum::<usize>() <= MATCHES_MAX
    })
}
