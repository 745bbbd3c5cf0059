//! The parts of a rule that HTTPRoute and GRPCRoute share: filters and backendRefs.
//!
//! A rule whose matches are understood keeps its requests, whatever else is wrong with it: they are refused, and never
//! fall through to a less specific rule that its owner did not mean.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, filter::FilterSpec};
use crate::{
    api::{
        grpc_route::GrpcBackendRef,
        http_route::HttpBackendRef,
        shared::{BackendObjectReference, BackendRef, ExternalAuthProtocol},
    },
    backend::{Backends, Destination, Unusable, Use},
    field::Field,
    filter::{Filter, cors, external_auth, header, mirror, redirect, rewrite},
    plan::{BackendId, Match, Refusal, Rule, Target, Timeouts, WeightedBackend},
    reference::Reads,
    status::reason::RouteUnresolved,
    world::ObjectKey,
};

/// A route's rules as they stand in a Plan, and all that was found out on the way.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Those whose matches are understood.
    pub(super) rules: Vec<Rule>,
    /// How many the route has.
    pub(super) total: usize,
    /// Of the rules that are not used as written, in order.
    pub(super) faults: Vec<RuleFault>,
    /// What is not honoured although the rule is used; each says what happens instead.
    pub(super) fallbacks: Vec<Fallback>,
    /// What is legal and yet has no effect.
    pub(super) idle: Vec<Idle>,
    /// References that lead nowhere, in order.
    pub(super) unresolved: Vec<Unresolved>,
    /// The Services that the rules lead to.
    pub(super) services: BTreeSet<ObjectKey>,
    pub(super) destinations: BTreeMap<BackendId, Destination>,
    pub(super) reads: Reads,
}

/// What is wrong with one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuleFault {
    pub(super) rule: usize,
    pub(super) fault: Fault,
    /// Whether its requests are known and refused; otherwise nothing is known of them.
    pub(super) refuses: bool,
}

/// Something that a rule asks for and does not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fallback {
    pub(super) field: String,
    pub(super) message: String,
}

/// A field that has no effect, or that leaves a rule without anything to serve its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Idle {
    pub(super) field: String,
    pub(super) message: &'static str,
}

/// A reference of a rule that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unresolved {
    pub(super) field: String,
    pub(super) why: Unusable,
}

/// A backendRef with its filters.
pub(super) struct Share<'a> {
    pub(super) backend: &'a BackendRef,
    pub(super) filters: Vec<FilterSpec<'a>>,
}

impl<'a> From<&'a HttpBackendRef> for Share<'a> {
    fn from(share: &'a HttpBackendRef) -> Self {
        Self { backend: &share.backend, filters: share.filters.iter().map(Into::into).collect() }
    }
}

impl<'a> From<&'a GrpcBackendRef> for Share<'a> {
    fn from(share: &'a GrpcBackendRef) -> Self {
        Self { backend: &share.backend, filters: share.filters.iter().map(Into::into).collect() }
    }
}

/// Translates the rules of one route, one after the other.
pub(super) struct Translator<'t> {
    pub(super) backends: Backends<'t>,
    pub(super) usage: Use<'t>,
    pub(super) found: Rules,
}

impl Translator<'_> {
    /// Adds a rule. One whose filters are at fault refuses its requests.
    pub(super) fn add(
        &mut self,
        index: usize,
        mut rule: Rule,
        filters: &[FilterSpec<'_>],
        shares: &[Share<'_>],
        field: &Field<'_>,
    ) {
        self.found.total += 1;
        match self.act(&rule.matches, filters, shares, field) {
            Ok((filters, backends)) => {
                rule.filters = filters;
                rule.backends = backends;
            }
            Err(fault) => {
                rule.filters = vec![Filter::Refuse(Refusal::Broken)];
                rule.timeouts = Timeouts::default();
                rule.retry = None;
                self.found.faults.push(RuleFault { rule: index, fault, refuses: true });
            }
        }
        self.found.rules.push(rule);
    }

    /// Notes a rule that matches nothing that could be understood.
    pub(super) fn drop_rule(&mut self, index: usize, fault: Fault) {
        self.found.total += 1;
        self.found.faults.push(RuleFault { rule: index, fault, refuses: false });
    }

    pub(super) fn fall_back(&mut self, field: &Field<'_>, message: &str) {
        self.found.fallbacks.push(Fallback { field: field.to_string(), message: message.to_owned() });
    }

    /// Notes what of a rule is legal and has no effect.
    fn note_idle(&mut self, specs: &[FilterSpec<'_>], filters: &[Filter], shares: &[Share<'_>], field: &Field<'_>) {
        let mut note = |field: &Field<'_>, message| self.found.idle.push(Idle { field: field.to_string(), message });
        let answers = |filter: &Filter| matches!(filter, Filter::Redirect(_) | Filter::Refuse(_));
        if !filters.iter().any(answers) {
            let backends = field.name("backendRefs");
            if shares.is_empty() {
                note(&backends, "there is none, so requests get 500");
            } else if shares.iter().all(|share| share.backend.weight == 0) {
                note(&backends, "every weight is 0, so requests get 500; give one of them a weight");
            }
        }
        // Only a copy, or a question about the request, shows a redirected request's fields to anybody.
        let is_shown = |filter: &Filter| matches!(filter, Filter::Mirror(_) | Filter::ExternalAuth(_));
        if filters.iter().any(|filter| matches!(filter, Filter::Redirect(_))) && !filters.iter().any(is_shown) {
            let is_idle = |spec: &FilterSpec<'_>| matches!(spec, FilterSpec::RequestHeader(_));
            if let Some(index) = specs.iter().position(is_idle) {
                let message = "it has no effect: the rule's RequestRedirect answers, and no backend gets the request";
                note(&field.name("filters").index(index), message);
            }
        }
    }

    fn act(
        &mut self,
        matches: &[Match],
        filters: &[FilterSpec<'_>],
        shares: &[Share<'_>],
        field: &Field<'_>,
    ) -> Result<(Vec<Filter>, Vec<WeightedBackend>), Fault> {
        let specs = filters;
        let filters = self.filters(specs, matches, &field.name("filters"))?;
        self.note_idle(specs, &filters, shares, field);
        let field = field.name("backendRefs");
        let mut backends = Vec::with_capacity(shares.len());
        for (index, share) in shares.iter().enumerate() {
            let field = field.index(index);
            let target = self.target(&share.backend.object, &field);
            let filters = self.filters(&share.filters, matches, &field.name("filters"))?;
            if share.backend.weight > 0 {
                backends.push(WeightedBackend { weight: share.backend.weight, target, filters });
            }
        }
        Ok((filters, backends))
    }

    fn filters(
        &mut self,
        specs: &[FilterSpec<'_>],
        matches: &[Match],
        field: &Field<'_>,
    ) -> Result<Vec<Filter>, Fault> {
        compatible(specs, field)?;
        let mut filters = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            filters.extend(self.filter(spec, matches, &field.index(index))?);
        }
        Ok(filters)
    }

    /// `None` is a filter that has nothing to do.
    fn filter(&mut self, spec: &FilterSpec<'_>, matches: &[Match], field: &Field<'_>) -> Result<Option<Filter>, Fault> {
        let own = field.name(spec.field());
        let missing = || Fault::unsupported(&own, "is missing; the filter's `type` needs it");
        Ok(Some(match spec {
            FilterSpec::RequestHeader(filter) => {
                Filter::RequestHeader(header::translate::translate(filter.ok_or_else(missing)?, &own)?)
            }
            FilterSpec::ResponseHeader(filter) => {
                Filter::ResponseHeader(header::translate::translate(filter.ok_or_else(missing)?, &own)?)
            }
            FilterSpec::Redirect(filter) => {
                Filter::Redirect(redirect::translate::translate(filter.ok_or_else(missing)?, matches, &own)?)
            }
            FilterSpec::Rewrite(filter) => {
                Filter::Rewrite(rewrite::translate::translate(filter.ok_or_else(missing)?, matches, &own)?)
            }
            FilterSpec::Cors(filter) => {
                Filter::Cors(Box::new(cors::translate::translate(filter.ok_or_else(missing)?, &own)?))
            }
            FilterSpec::Mirror(filter) => {
                let filter = filter.ok_or_else(missing)?;
                let share = mirror::translate::share(filter, &own)?;
                // A copy that cannot be sent is no reason to fail the request itself.
                let Some(backend) = self.resolve(self.usage, &filter.backend_ref, &own.name("backendRef")) else {
                    return Ok(None);
                };
                Filter::Mirror(mirror::translate::translate(backend, share))
            }
            FilterSpec::Extension(reference) => {
                let reference = reference.ok_or_else(missing)?;
                let message = format!(
                    "kind {:?} of group {:?} is no filter that is known here; the requests that it is for are refused",
                    reference.kind, reference.group,
                );
                let why = Unusable::new(RouteUnresolved::InvalidKind, message);
                self.found.unresolved.push(Unresolved { field: own.to_string(), why });
                Filter::Refuse(Refusal::Broken)
            }
            FilterSpec::ExternalAuth(filter) => {
                let filter = filter.ok_or_else(missing)?;
                let terms = external_auth::translate::translate(filter, self.usage.from.namespace, &own)?;
                let usage = Use { grpc: filter.protocol == ExternalAuthProtocol::Grpc, ..self.usage };
                match self.resolve(usage, &filter.backend_ref, &own.name("backendRef")) {
                    Some(backend) => Filter::ExternalAuth(Box::new(terms.with(backend))),
                    // Nobody is there to say that a request may pass.
                    None => Filter::Refuse(Refusal::Broken),
                }
            }
            FilterSpec::Unknown(text) => {
                return Err(Fault::unsupported(&own, format!("`{text}` is no filter that is known here")));
            }
        }))
    }

    fn target(&mut self, reference: &BackendObjectReference, field: &Field<'_>) -> Target {
        match self.resolve(self.usage, reference, field) {
            Some(backend) => Target::Backend(backend),
            None => Target::Refused(Refusal::Broken),
        }
    }

    fn resolve(&mut self, usage: Use<'_>, reference: &BackendObjectReference, field: &Field<'_>) -> Option<BackendId> {
        match self.backends.resolve(usage, reference, &mut self.found.reads) {
            Ok(destination) => {
                self.found.services.insert(destination.service.clone());
                let id = destination.id.clone();
                self.found.destinations.entry(id.clone()).or_insert(destination);
                Some(id)
            }
            Err(why) => {
                self.found.services.extend(why.service.clone());
                self.found.unresolved.push(Unresolved { field: field.to_string(), why });
                None
            }
        }
    }
}

fn compatible(specs: &[FilterSpec<'_>], field: &Field<'_>) -> Result<(), Fault> {
    let redirects = specs.iter().any(|spec| matches!(spec, FilterSpec::Redirect(_)));
    let rewrites = specs.iter().any(|spec| matches!(spec, FilterSpec::Rewrite(_)));
    if redirects && rewrites {
        let message = "RequestRedirect and URLRewrite cannot be combined; give the redirect's own hostname and path";
        return Err(Fault::incompatible(field, message));
    }
    for (index, spec) in specs.iter().enumerate() {
        let same = |other: &FilterSpec<'_>| std::mem::discriminant(other) == std::mem::discriminant(spec);
        if !spec.is_repeatable() && specs[..index].iter().any(same) {
            let message = format!("{} occurs twice; merge the two", spec.field());
            return Err(Fault::incompatible(&field.index(index), message));
        }
    }
    Ok(())
}
