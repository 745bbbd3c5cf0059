//! GRPCRoute.

mod matches;

use super::{
    filter::FilterSpec,
    rule::{Share, Translator},
};
use crate::{
    api::grpc_route::GrpcRouteRule,
    field::Field,
    plan::{Rule, Timeouts},
};

/// Translates every rule.
pub(super) fn translate(rules: &[GrpcRouteRule], translator: &mut Translator<'_>) {
    let field = Field::root("spec.rules");
    for (index, rule) in rules.iter().enumerate() {
        one(index, rule, &field.index(index), translator);
    }
}

fn one(index: usize, spec: &GrpcRouteRule, field: &Field<'_>, translator: &mut Translator<'_>) {
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
        timeouts: Timeouts::default(),
        retry: None,
    };
    let filters: Vec<FilterSpec<'_>> = spec.filters.iter().map(Into::into).collect();
    let shares: Vec<Share<'_>> = spec.backend_refs.iter().map(Into::into).collect();
    translator.add(index, rule, &filters, &shares, field);
}
