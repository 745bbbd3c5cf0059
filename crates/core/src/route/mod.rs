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
pub(crate) mod shadowed;
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
    backend::{Backends, Destination, Use},
    gateway::{Gateways, Parent, ResolvedListener, is_planned},
    plan::{CertificateId, Hostname, ListenerId, Precedence, Route, RouteId, RouteKind},
    policy::backend_tls::{Ancestor, BackendTlsPolicies},
    reference::{Reads, Referrer},
    status::{Problem, reason::RouteRejection, route::RouteParentVerdict},
    verdict::Verdict,
    world::{DataPlane, Kind, ObjectKey, ObjectRef, World},
};
use attach::Attaching;
use rule::{Rules, Translator};

/// Rule-level session persistence (GEP-1619) is experimental and deprecated.
const NO_SESSION_PERSISTENCE: &str = "session persistence is not supported yet; any endpoint may serve a session";

const NO_PARENTS: &str = "there is none, so no Gateway serves the route; name one";

/// What routes are judged by.
#[derive(Clone, Copy)]
pub(crate) struct Known<'w> {
    pub(crate) world: &'w World,
    pub(crate) gateways: &'w Gateways,
    pub(crate) tls: &'w BackendTlsPolicies,
}

/// All that follows from one route.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Routed {
    /// One for each parentRef whose parent is ours, in the manifest's order. Without any, the route gets no status.
    pub(crate) verdicts: Vec<RouteParentVerdict>,
    pub(crate) findings: Vec<Verdict>,
    pub(crate) planned: Vec<Planned>,
    /// The listeners that count it as attached.
    pub(crate) attached: BTreeSet<ListenerId>,
    /// The Gateways that lead to `services` through it.
    pub(crate) ancestors: BTreeSet<Ancestor>,
    /// Those of its Services that policies name.
    pub(crate) services: BTreeSet<ObjectKey>,
    /// Nothing else, apart from the route itself, would make this another answer.
    pub(crate) reads: Reads,
}

/// One form of a route in Plans.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) id: RouteId,
    /// Those that serve it, whether they are served themselves or not.
    pub(crate) listeners: BTreeSet<ListenerId>,
    /// As the data planes of the served ones have it.
    pub(crate) routes: BTreeMap<DataPlane, Arc<Route>>,
    /// All that the route's rules lead to, each once.
    pub(crate) destinations: Vec<Destination>,
}

/// Names every route, by kind and then by name.
pub(crate) fn all(world: &World) -> impl Iterator<Item = ObjectRef> {
    let named = |kind| move |key: &ObjectKey| ObjectRef { kind, key: key.clone() };
    let http = world.http_routes.keys().map(named(Kind::HttpRoute));
    let grpc = world.grpc_routes.keys().map(named(Kind::GrpcRoute));
    let tls = world.tls_routes.keys().map(named(Kind::TlsRoute));
    let tcp = world.tcp_routes.keys().map(named(Kind::TcpRoute));
    http.chain(grpc).chain(tls).chain(tcp).chain(world.udp_routes.keys().map(named(Kind::UdpRoute)))
}

/// Judges one route and translates what Plans need of it. `None` if there is no such route.
pub(crate) fn resolve<'w>(known: Known<'w>, object: &'w ObjectRef) -> Option<Routed> {
    let mut resolver = Resolver { known, routed: Routed::default() };
    let (world, key) = (known.world, &object.key);
    match object.kind {
        Kind::HttpRoute => {
            let route = world.http_routes.get(key)?;
            let form = Form::new(object, &route.metadata, &route.spec.common, &route.spec.hostnames);
            resolver.request_route(&form, RouteKind::Http, |translator| http::translate(&route.spec.rules, translator));
        }
        Kind::GrpcRoute => {
            let route = world.grpc_routes.get(key)?;
            let form = Form::new(object, &route.metadata, &route.spec.common, &route.spec.hostnames);
            resolver.request_route(&form, RouteKind::Grpc, |translator| grpc::translate(&route.spec.rules, translator));
        }
        Kind::TlsRoute | Kind::TcpRoute | Kind::UdpRoute => stream::resolve(&mut resolver, object)?,
        Kind::GatewayClass
        | Kind::Gateway
        | Kind::ListenerSet
        | Kind::BackendTlsPolicy
        | Kind::ReferenceGrant
        | Kind::XBackend
        | Kind::XBackendTrafficPolicy
        | Kind::XTelemetryPolicy
        | Kind::XMesh
        | Kind::GatewayParameters
        | Kind::EnvoyProxy
        | Kind::Service
        | Kind::EndpointSlice
        | Kind::Secret
        | Kind::ConfigMap
        | Kind::ClusterTrustBundle
        | Kind::Namespace => return None,
    }
    Some(resolver.routed)
}

/// A route of any kind, apart from its rules.
struct Form<'w> {
    object: &'w ObjectRef,
    created: u64,
    parent_refs: &'w [ParentReference],
    wants_default_gateways: bool,
    hostnames: Vec<Hostname>,
}

impl<'w> Form<'w> {
    fn new(object: &'w ObjectRef, metadata: &ObjectMeta, common: &'w CommonRouteSpec, hostnames: &[String]) -> Self {
        let mut hostnames: Vec<Hostname> = hostnames.iter().map(|name| Hostname::parse(Some(name))).collect();
        if hostnames.is_empty() {
            hostnames.push(Hostname::Any);
        }
        hostnames.sort();
        hostnames.dedup();
        Self {
            object,
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

/// Resolves one route.
struct Resolver<'w> {
    known: Known<'w>,
    routed: Routed,
}

impl<'w> Resolver<'w> {
    /// Judges an HTTPRoute or GRPCRoute, and plans it for the listeners that it attaches to.
    fn request_route(&mut self, form: &Form<'w>, kind: RouteKind, translate: impl Fn(&mut Translator<'_>)) {
        let attachments = self.attach(form);
        // Backends in TLS are shown the certificate of the Gateway, so a route has one form per certificate.
        let mut forms: BTreeMap<Option<&'w CertificateId>, Rules> = BTreeMap::new();
        for attachment in &attachments {
            let certificate = self.client_certificate(attachment);
            forms.entry(certificate).or_insert_with(|| {
                let from = Referrer::new(form.object);
                let usage = Use { from, client_certificate: certificate, grpc: kind == RouteKind::Grpc };
                let mut translator = Translator { backends: self.backends(), usage, found: Rules::default() };
                translate(&mut translator);
                translator.found
            });
        }
        let Some(rules) = forms.values_mut().next() else { return };
        let rejection = judge::rejection(rules);
        judge::find(rules, form.object, &mut self.routed.findings);
        self.routed.verdicts =
            attachments.iter().map(|attachment| judge::verdict(attachment, rules, &rejection)).collect();
        if rejection.is_none() {
            self.routed.attached = listeners(attachments.iter()).map(|listener| listener.id.clone()).collect();
            self.routed.ancestors = attachments.iter().filter(|found| found.listeners.is_ok()).map(ancestor).collect();
            self.routed.services = std::mem::take(&mut rules.services);
            self.routed.services.retain(|service| self.known.tls.name(service));
        }
        for (certificate, mut rules) in forms {
            self.routed.reads.0.append(&mut rules.reads.0);
            let serving = attachments.iter().filter(|found| self.client_certificate(found) == certificate);
            if let Some(planned) = plan(form, kind, certificate, rules, serving) {
                self.routed.planned.push(planned);
            }
        }
    }

    fn backends(&self) -> Backends<'w> {
        Backends { world: self.known.world, tls: self.known.tls }
    }

    /// Finds the listeners of each parentRef whose parent is ours. One that is not gets no entry in the status.
    fn attach(&mut self, form: &Form<'w>) -> Vec<Attachment<'w>> {
        let route =
            Attaching { kind: form.object.kind, namespace: &form.object.key.namespace, hostnames: &form.hostnames };
        if form.parent_refs.is_empty() && !form.wants_default_gateways {
            self.routed.findings.push(Verdict::warning(form.object, "spec.parentRefs", NO_PARENTS));
        }
        let mut attachments = Vec::with_capacity(form.parent_refs.len());
        for (index, reference) in form.parent_refs.iter().enumerate() {
            let owner = attach::owner(reference, route.namespace);
            owner.iter().for_each(|owner| self.routed.reads.object(owner));
            match owner.as_ref().and_then(|owner| self.known.gateways.parents.get(owner)) {
                Some(parent) => {
                    let listeners = attach::attach(self.known.world, parent, reference, route);
                    if let Err(problem) = &listeners {
                        judge::find_unattached(form.object, index, problem, &mut self.routed.findings);
                    }
                    attachments.push(Attachment { parent_ref: reference.clone(), parent, listeners });
                }
                None => {
                    judge::find_no_parent(self.known.world, form, index, owner.as_ref(), &mut self.routed.findings);
                }
            }
        }
        if form.wants_default_gateways {
            self.routed.reads.every_gateway();
            let defaults = self.default_gateways(route, &attachments);
            attachments.extend(defaults);
        }
        if attachments.iter().any(|found| found.parent.selects_namespaces()) {
            self.routed.reads.namespace_labels(route.namespace);
        }
        attachments
    }

    /// Attaches to the Gateways that offer themselves to every route that asks (GEP-3793), except the `declared` ones.
    fn default_gateways(&self, route: Attaching<'_>, declared: &[Attachment<'w>]) -> Vec<Attachment<'w>> {
        let offers = |parent: &&'w Parent| {
            parent.owner.kind == Kind::Gateway
                && !declared.iter().any(|other| other.parent.owner == parent.owner)
                && self.known.world.gateways.get(&parent.owner.key).and_then(|gateway| gateway.spec.default_scope)
                    == Some(GatewayDefaultScope::All)
        };
        let attachment = |parent: &'w Parent| {
            let parent_ref = crate::policy::backend_tls::gateway_reference(&parent.owner.key);
            let listeners = attach::attach(self.known.world, parent, &parent_ref, route);
            Attachment { parent_ref, parent, listeners }
        };
        self.known.gateways.parents.values().filter(offers).map(attachment).collect()
    }

    /// What the attachment's Gateway shows to backends.
    fn client_certificate(&self, attachment: &Attachment<'w>) -> Option<&'w CertificateId> {
        self.known.gateways.gateways.get(&attachment.parent.gateway)?.client_certificate.as_ref()
    }
}

fn ancestor(attachment: &Attachment<'_>) -> Ancestor {
    let Parent { gateway, controller_name, .. } = attachment.parent;
    Ancestor { gateway: gateway.clone(), controller_name: controller_name.clone() }
}

fn listeners<'a, 'w: 'a>(
    attachments: impl Iterator<Item = &'a Attachment<'w>>,
) -> impl Iterator<Item = &'w ResolvedListener> {
    attachments.filter_map(|found| found.listeners.as_ref().ok()).flatten().copied()
}

/// Plans a route for the listeners that it attaches to by these parentRefs, if there are any.
fn plan<'a, 'w: 'a>(
    form: &Form<'_>,
    kind: RouteKind,
    certificate: Option<&CertificateId>,
    mut rules: Rules,
    attachments: impl Iterator<Item = &'a Attachment<'w>> + Clone,
) -> Option<Planned> {
    let serving: BTreeSet<ListenerId> = listeners(attachments.clone()).map(|listener| listener.id.clone()).collect();
    if serving.is_empty() || rules.rules.is_empty() {
        return None;
    }
    let name = format!("{}/{}", form.object.kind.name().to_ascii_lowercase(), form.object.key);
    let id = match certificate {
        None => RouteId::new(name),
        Some(certificate) => RouteId::new(format!("{name}/as/{certificate}")),
    };
    let hostnames = form.hostnames.clone();
    let route = Arc::new(Route { id: id.clone(), kind, hostnames, precedence: form.precedence(), rules: rules.rules });
    let mut hostnames: BTreeMap<&DataPlane, Vec<&Hostname>> = BTreeMap::new();
    for attachment in attachments {
        let planned = listeners(std::iter::once(attachment)).filter(|listener| is_planned(listener));
        for listener in planned {
            hostnames.entry(&attachment.parent.data_plane).or_default().push(&listener.hostname);
        }
    }
    let routes =
        hostnames.into_iter().map(|(plane, hostnames)| (plane.clone(), narrowed(&route, &hostnames))).collect();
    let destinations = route.backends().filter_map(|id| rules.destinations.remove(id)).collect();
    Some(Planned { id, listeners: serving, routes, destinations })
}

/// Leaves out the hostnames that no listener serves. Most routes keep all, and are shared as they are.
fn narrowed(route: &Arc<Route>, listeners: &[&Hostname]) -> Arc<Route> {
    let meets = |hostname: &Hostname| listeners.iter().any(|listener| listener.intersects(hostname));
    if route.hostnames.iter().all(meets) {
        return Arc::clone(route);
    }
    let hostnames = route.hostnames.iter().filter(|hostname| meets(hostname)).cloned().collect();
    Arc::new(Route { hostnames, ..Route::clone(route) })
}
