//! From routes to their status and to what a Plan holds of them.
//!
//! Each route is attached to its parents, its rules are translated once, and both together are judged per parentRef.
//! Knows nothing of how listeners came to be or of how requests are matched.

mod attach;
mod fault;
mod filter;
mod grpc;
mod header_match;
mod http;
mod judge;
mod rule;
mod stream;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) use fault::Fault;

use crate::{
    api::{
        meta::ObjectMeta,
        shared::{CommonRouteSpec, GatewayDefaultScope, ParentReference},
    },
    backend::{Backends, Use},
    gateway::{Gateways, Parent, ResolvedListener},
    plan::{CertificateId, Hostname, ListenerId, Precedence, Route, RouteId, RouteKind},
    policy::backend_tls::{Ancestor, BackendTlsPolicies, ServiceUsers},
    reference::Referrer,
    status::{Problem, Verdicts, reason::RouteRejection},
    verdict::Verdict,
    world::{Kind, ObjectKey, ObjectRef, World},
};
use attach::Attaching;
use rule::{Rules, Translator};

/// Rule-level session persistence (GEP-1619) is experimental and deprecated.
const NO_SESSION_PERSISTENCE: &str = "session persistence is not supported yet; any endpoint may serve a session";

/// What the route half of the compiler hands on.
pub(crate) struct Routes<'w> {
    pub(crate) verdicts: Verdicts,
    pub(crate) findings: Vec<Verdict>,
    pub(crate) planned: BTreeMap<RouteId, Arc<Route>>,
    /// The routes that a listener serves, whether it is served itself or not.
    pub(crate) by_listener: BTreeMap<ListenerId, Vec<RouteId>>,
    pub(crate) backends: Backends<'w>,
}

/// Judges every route and BackendTLSPolicy, and translates what Plans need of them.
pub(crate) fn resolve<'w>(world: &'w World, gateways: &'w Gateways) -> Routes<'w> {
    let tls = Arc::new(BackendTlsPolicies::new(world));
    let routes = Routes {
        verdicts: Verdicts::default(),
        findings: Vec::new(),
        planned: BTreeMap::new(),
        by_listener: BTreeMap::new(),
        backends: Backends::new(world, Arc::clone(&tls)),
    };
    let mut resolver = Resolver { world, gateways, users: ServiceUsers::new(), routes };
    for (key, route) in &world.http_routes {
        let form = Form::new(Kind::HttpRoute, key, &route.metadata, &route.spec.common, &route.spec.hostnames);
        resolver.request_route(&form, RouteKind::Http, |translator| http::translate(&route.spec.rules, translator));
    }
    for (key, route) in &world.grpc_routes {
        let form = Form::new(Kind::GrpcRoute, key, &route.metadata, &route.spec.common, &route.spec.hostnames);
        resolver.request_route(&form, RouteKind::Grpc, |translator| grpc::translate(&route.spec.rules, translator));
    }
    stream::resolve(&mut resolver);
    let mut routes = resolver.routes;
    routes.verdicts.policies = tls.verdicts(&resolver.users);
    routes.findings.extend(tls.findings());
    routes
}

/// A route of any kind, apart from its rules.
struct Form<'w> {
    object: ObjectRef,
    created: u64,
    parent_refs: &'w [ParentReference],
    wants_default_gateways: bool,
    hostnames: Vec<Hostname>,
}

impl<'w> Form<'w> {
    fn new(
        kind: Kind,
        key: &ObjectKey,
        metadata: &ObjectMeta,
        common: &'w CommonRouteSpec,
        hostnames: &[String],
    ) -> Self {
        let mut hostnames: Vec<Hostname> = hostnames.iter().map(|name| Hostname::parse(Some(name))).collect();
        if hostnames.is_empty() {
            hostnames.push(Hostname::Any);
        }
        hostnames.sort();
        hostnames.dedup();
        Self {
            object: ObjectRef { kind, key: key.clone() },
            created: metadata.creation_timestamp.map_or(u64::MAX, |time| time.0),
            parent_refs: &common.parent_refs,
            wants_default_gateways: common.use_default_gateways == Some(GatewayDefaultScope::All),
            hostnames,
        }
    }

    fn precedence(&self) -> Precedence {
        let ObjectKey { namespace, name } = &self.object.key;
        Precedence { created: self.created, namespace: namespace.as_str().into(), name: name.as_str().into() }
    }
}

/// What one parentRef comes to.
struct Attachment<'w> {
    parent_ref: ParentReference,
    parent: &'w Parent,
    listeners: Result<Vec<&'w ResolvedListener>, Problem<RouteRejection>>,
}

struct Resolver<'w> {
    world: &'w World,
    gateways: &'w Gateways,
    users: ServiceUsers,
    routes: Routes<'w>,
}

impl<'w> Resolver<'w> {
    /// Judges an HTTPRoute or GRPCRoute, and plans it for the listeners that it attaches to.
    fn request_route(&mut self, form: &Form<'w>, kind: RouteKind, translate: impl Fn(&mut Translator<'_, 'w>)) {
        let attachments = self.attach(form);
        // Backends in TLS are shown the certificate of the Gateway, so a route has one form per certificate.
        let mut forms: BTreeMap<Option<&'w CertificateId>, Rules> = BTreeMap::new();
        for attachment in &attachments {
            let certificate = self.client_certificate(attachment);
            forms.entry(certificate).or_insert_with(|| {
                let from = Referrer::new(&form.object);
                let usage = Use { from, client_certificate: certificate };
                let mut translator = Translator { backends: &mut self.routes.backends, usage, found: Rules::default() };
                translate(&mut translator);
                translator.found
            });
        }
        let Some(rules) = forms.values().next() else { return };
        let rejection = judge::rejection(rules);
        judge::find(rules, &form.object, &mut self.routes.findings);
        let verdicts = attachments.iter().map(|attachment| judge::verdict(attachment, rules, &rejection)).collect();
        self.routes.verdicts.routes.insert(form.object.clone(), verdicts);
        if rejection.is_none() {
            self.count(&attachments);
            self.note_users(&attachments, rules);
        }
        for (certificate, rules) in forms {
            let serves = |found: &&Attachment<'w>| self.client_certificate(found) == certificate;
            let listeners: BTreeSet<&ListenerId> = listeners(attachments.iter().filter(serves)).collect();
            if !listeners.is_empty() && !rules.rules.is_empty() {
                self.plan(form, kind, certificate, rules, &listeners);
            }
        }
    }

    fn plan(
        &mut self,
        form: &Form<'w>,
        kind: RouteKind,
        certificate: Option<&CertificateId>,
        rules: Rules,
        listeners: &BTreeSet<&ListenerId>,
    ) {
        let name = format!("{}/{}", form.object.kind.name().to_ascii_lowercase(), form.object.key);
        let id = match certificate {
            None => RouteId::new(name),
            Some(certificate) => RouteId::new(format!("{name}/as/{certificate}")),
        };
        for &listener in listeners {
            self.routes.by_listener.entry(listener.clone()).or_default().push(id.clone());
        }
        let hostnames = form.hostnames.clone();
        let route = Route { id: id.clone(), kind, hostnames, precedence: form.precedence(), rules: rules.rules };
        self.routes.planned.insert(id, Arc::new(route));
    }

    /// Finds the listeners of each parentRef whose parent is ours. One that is not gets no entry in the status.
    fn attach(&mut self, form: &Form<'w>) -> Vec<Attachment<'w>> {
        let route =
            Attaching { kind: form.object.kind, namespace: &form.object.key.namespace, hostnames: &form.hostnames };
        let mut attachments = Vec::with_capacity(form.parent_refs.len());
        for (index, reference) in form.parent_refs.iter().enumerate() {
            let owner = attach::owner(reference, route.namespace);
            match owner.as_ref().and_then(|owner| self.gateways.parents.get(owner)) {
                Some(parent) => {
                    let listeners = attach::attach(self.world, parent, reference, route);
                    if let Err(problem) = &listeners {
                        judge::find_unattached(&form.object, index, problem, &mut self.routes.findings);
                    }
                    attachments.push(Attachment { parent_ref: reference.clone(), parent, listeners });
                }
                None => judge::find_no_parent(self.world, form, index, owner.as_ref(), &mut self.routes.findings),
            }
        }
        if form.wants_default_gateways {
            let defaults = self.default_gateways(route, &attachments);
            attachments.extend(defaults);
        }
        attachments
    }

    /// Attaches to the Gateways that offer themselves to every route that asks (GEP-3793), except the `declared` ones.
    fn default_gateways(&self, route: Attaching<'_>, declared: &[Attachment<'w>]) -> Vec<Attachment<'w>> {
        let offers = |parent: &&'w Parent| {
            parent.owner.kind == Kind::Gateway
                && !declared.iter().any(|other| other.parent.owner == parent.owner)
                && self.world.gateways.get(&parent.owner.key).and_then(|gateway| gateway.spec.default_scope)
                    == Some(GatewayDefaultScope::All)
        };
        let attachment = |parent: &'w Parent| {
            let parent_ref = crate::policy::backend_tls::gateway_reference(&parent.owner.key);
            let listeners = attach::attach(self.world, parent, &parent_ref, route);
            Attachment { parent_ref, parent, listeners }
        };
        self.gateways.parents.values().filter(offers).map(attachment).collect()
    }

    /// What the attachment's Gateway shows to backends.
    fn client_certificate(&self, attachment: &Attachment<'w>) -> Option<&'w CertificateId> {
        self.gateways.gateways.get(&attachment.parent.gateway)?.client_certificate.as_ref()
    }

    /// A route counts once per listener, however many of its parentRefs lead there.
    fn count(&mut self, attachments: &[Attachment<'w>]) {
        let listeners: BTreeSet<&ListenerId> = listeners(attachments.iter()).collect();
        for listener in listeners {
            *self.routes.verdicts.attached_routes.entry(listener.clone()).or_default() += 1;
        }
    }

    fn note_users(&mut self, attachments: &[Attachment<'w>], rules: &Rules) {
        for Attachment { parent, listeners, .. } in attachments {
            if listeners.is_ok() {
                let ancestor =
                    Ancestor { gateway: parent.gateway.clone(), controller_name: parent.controller_name.clone() };
                for service in &rules.services {
                    self.users.entry(service.clone()).or_default().insert(ancestor.clone());
                }
            }
        }
    }
}

fn listeners<'a, 'w: 'a>(
    attachments: impl Iterator<Item = &'a Attachment<'w>>,
) -> impl Iterator<Item = &'w ListenerId> {
    attachments.filter_map(|found| found.listeners.as_ref().ok()).flatten().map(|listener| &listener.id)
}
