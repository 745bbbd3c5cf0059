//! HTTPRoute.

mod matches;

use std::time::Duration;

use super::{
    filter::FilterSpec,
    rule::{Share, Translator},
};
use crate::{
    api::{
        http_route::{HttpRouteRetry, HttpRouteRule, HttpRouteTimeouts},
        shared,
    },
    field::Field,
    plan::{Retry, Rule, Timeouts},
};

/// Before the first retry where the manifest does not say: long enough to let another endpoint take over, and small
/// beside a request timeout of half a second.
const BACKOFF: Duration = Duration::from_millis(25);

/// Translates every rule.
pub(super) fn translate(rules: &[HttpRouteRule], translator: &mut Translator<'_>) {
    let field = Field::root("spec.rules");
    for (index, rule) in rules.iter().enumerate() {
        one(index, rule, &field.index(index), translator);
    }
}

fn one(index: usize, spec: &HttpRouteRule, field: &Field<'_>, translator: &mut Translator<'_>) {
    let matches = match matches::translate(&spec.matches, &field.name("matches")) {
        Ok(matches) => matches,
        Err(fault) => return translator.drop_rule(index, fault),
    };
    if spec.session_persistence.is_some() {
        translator.fall_back(&field.name("sessionPersistence"), super::NO_SESSION_PERSISTENCE);
    }
    let rule = Rule {
        name: spec.name.as_deref().map(Into::into),
        matches,
        filters: Vec::new(),
        backends: Vec::new(),
        timeouts: spec.timeouts.as_ref().map_or_else(Timeouts::default, timeouts),
        retry: spec.retry.as_ref().map(retry).map(Box::new),
    };
    let filters: Vec<FilterSpec<'_>> = spec.filters.iter().map(Into::into).collect();
    let shares: Vec<Share<'_>> = spec.backend_refs.iter().map(Into::into).collect();
    translator.add(index, rule, &filters, &shares, field);
}

/// Zero means no limit (GEP-1742). That a request has none must be said to the proxy, which has one of its own.
fn timeouts(timeouts: &HttpRouteTimeouts) -> Timeouts {
    let limit = |limit: Option<shared::Duration>| limit.map(|limit| limit.0);
    Timeouts {
        request: limit(timeouts.request),
        backend_request: limit(timeouts.backend_request).filter(|limit| !limit.is_zero()),
    }
}

fn retry(retry: &HttpRouteRetry) -> Retry {
    let mut codes = retry.codes.clone();
    codes.sort_unstable();
    codes.dedup();
    Retry { codes, attempts: retry.attempts, backoff: retry.backoff.map_or(BACKOFF, |backoff| backoff.0) }
}
