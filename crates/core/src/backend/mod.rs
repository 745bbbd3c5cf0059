//! From a backendRef to what a proxy connects to: protocol, TLS and endpoints, or the reason there is none.
//!
//! Backends are made once however many routes use them, and named by what they are, so that a rule moved or renamed
//! leaves its connections alone. Knows nothing of rules, weights or filters.

mod endpoints;
mod protocol;
mod service;

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use crate::{
    api::{
        service::{Service, TransportProtocol},
        shared::BackendObjectReference,
    },
    plan::{Backend, BackendId, BackendProtocol, BackendTls, CertificateId, Endpoints, EndpointsId, TrustAnchors},
    policy::backend_tls::{BackendTlsPolicies, Demand},
    reference::{RefError, Referrer, service as resolve_service},
    status::reason::RouteUnresolved,
    verdict::Mend,
    world::{Kind, ObjectKey, World},
};
use endpoints::SliceIndex;
use service::{FoundPort, find_port};

/// Every backend that routes refer to, with its endpoints.
pub(crate) struct Backends<'w> {
    world: &'w World,
    slices: SliceIndex<'w>,
    tls: Arc<BackendTlsPolicies>,
    backends: BTreeMap<BackendId, Arc<Backend>>,
    endpoints: BTreeMap<EndpointsId, Arc<Endpoints>>,
}

/// What does the referring: it decides what is permitted and how the backend is spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use<'a> {
    pub(crate) from: Referrer<'a>,
    /// Shown to backends that are spoken to in TLS.
    pub(crate) client_certificate: Option<&'a CertificateId>,
}

/// Why a backendRef leads to no backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    pub(crate) reason: RouteUnresolved,
    pub(crate) message: String,
    pub(crate) mend: Option<Mend>,
    /// The Service, if it is one that may be used and only a policy stands in the way.
    pub(crate) service: Option<ObjectKey>,
}

impl Unusable {
    pub(crate) fn new(reason: RouteUnresolved, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), mend: None, service: None }
    }
}

impl From<RefError> for Unusable {
    fn from(error: RefError) -> Self {
        let reason = match &error {
            RefError::InvalidKind { .. } => RouteUnresolved::InvalidKind,
            RefError::NotPermitted(_) => RouteUnresolved::RefNotPermitted,
            RefError::NotFound(_) => RouteUnresolved::BackendNotFound,
        };
        Self { reason, message: error.to_string(), mend: error.mend(), service: None }
    }
}

impl<'w> Backends<'w> {
    pub(crate) fn new(world: &'w World, tls: Arc<BackendTlsPolicies>) -> Self {
        let slices = SliceIndex::new(&world.endpoint_slices);
        Self { world, slices, tls, backends: BTreeMap::new(), endpoints: BTreeMap::new() }
    }

    /// Resolves a backendRef of an HTTPRoute or GRPCRoute, and says which Service it means as soon as that is known.
    ///
    /// # Errors
    /// Why its share of the traffic must be refused.
    pub(crate) fn resolve(
        &mut self,
        usage: Use<'_>,
        reference: &BackendObjectReference,
    ) -> Result<(ObjectKey, BackendId), Unusable> {
        let (object, service) = resolve_service(self.world, usage.from, reference)?;
        let port = find_port(service, &object.key, reference.port, &TransportProtocol::Tcp)?;
        let (protocol, needs_tls) = protocol::of(port.app_protocol, usage.from.kind == Kind::GrpcRoute)
            .map_err(|message| Unusable::new(RouteUnresolved::UnsupportedProtocol, format!("{object}: {message}")))?;
        let tls = match self.tls.demand(&object.key, port.name) {
            Demand::Plaintext if needs_tls => {
                let message = format!(
                    "{object}: appProtocol {} of port {} needs TLS; add a BackendTLSPolicy for the Service",
                    port.app_protocol.unwrap_or_default(),
                    port.number,
                );
                return Err(Unusable::new(RouteUnresolved::UnsupportedProtocol, message));
            }
            Demand::Plaintext => None,
            Demand::Tls(tls) => {
                Some(BackendTls { client_certificate: usage.client_certificate.cloned(), ..tls.clone() })
            }
            Demand::Unmet(message) => {
                let why = Unusable::new(RouteUnresolved::UnsupportedProtocol, format!("{object}: {message}"));
                return Err(Unusable { service: Some(object.key), ..why });
            }
        };
        let id = self.add(&object.key, service, &port, protocol, tls);
        Ok((object.key, id))
    }

    /// Checks a backendRef of a route whose traffic is a stream of bytes or datagrams.
    ///
    /// # Errors
    /// Why it could not be used.
    pub(crate) fn check(
        &self,
        from: Referrer<'_>,
        reference: &BackendObjectReference,
        transport: &TransportProtocol,
    ) -> Result<(), Unusable> {
        let (object, service) = resolve_service(self.world, from, reference)?;
        find_port(service, &object.key, reference.port, transport)?;
        Ok(())
    }

    /// Returns a backend that was resolved before, and its endpoints.
    pub(crate) fn get(&self, id: &BackendId) -> Option<(&Arc<Backend>, &Arc<Endpoints>)> {
        let backend = self.backends.get(id)?;
        Some((backend, self.endpoints.get(&backend.endpoints)?))
    }

    fn add(
        &mut self,
        key: &ObjectKey,
        service: &Service,
        port: &FoundPort<'_>,
        protocol: BackendProtocol,
        tls: Option<BackendTls>,
    ) -> BackendId {
        let endpoints = EndpointsId::new(format!("service/{key}/{}", port.number));
        let id = backend_id(&endpoints, protocol, tls.as_ref());
        if !self.endpoints.contains_key(&endpoints) {
            let ready = self.slices.endpoints(key, port, service.spec.is_headless());
            self.endpoints.insert(endpoints.clone(), Arc::new(ready));
        }
        let backend = || Arc::new(Backend { protocol, tls, endpoints });
        self.backends.entry(id.clone()).or_insert_with(backend);
        id
    }
}

/// Names a backend by all that makes two connections to one endpoint differ.
fn backend_id(endpoints: &EndpointsId, protocol: BackendProtocol, tls: Option<&BackendTls>) -> BackendId {
    let protocol = match protocol {
        BackendProtocol::Http1 => "http1",
        BackendProtocol::Http2 => "http2",
    };
    match tls {
        None => BackendId::new(format!("{endpoints}/{protocol}")),
        Some(tls) => BackendId::new(format!("{endpoints}/{protocol}/tls-{:016x}", fingerprint(tls))),
    }
}

fn fingerprint(tls: &BackendTls) -> u64 {
    let BackendTls { hostname, subject_alt_names, trust, client_certificate } = tls;
    let mut hasher = DefaultHasher::new();
    (hostname, subject_alt_names, client_certificate).hash(&mut hasher);
    match trust {
        TrustAnchors::System => 0u8.hash(&mut hasher),
        TrustAnchors::Pem(pem) => (1u8, pem).hash(&mut hasher),
    }
    hasher.finish()
}
