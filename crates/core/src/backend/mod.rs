//! From a backendRef to what a proxy connects to: protocol, TLS and endpoints, or the reason there is none.
//!
//! Backends are named by what they are, so that a rule moved or renamed leaves its connections alone, and however many
//! routes use one, it is one. Knows nothing of rules, weights or filters.

pub(crate) mod endpoints;
mod protocol;
mod service;
pub(crate) mod unserving;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use crate::{
    api::{service::TransportProtocol, shared::BackendObjectReference},
    plan::{Backend, BackendId, BackendProtocol, BackendTls, CertificateId, EndpointsId, TrustAnchors},
    policy::backend_tls::{BackendTlsPolicies, Demand},
    reference::{Reads, RefError, Referrer, service as resolve_service},
    status::reason::RouteUnresolved,
    verdict::Mend,
    world::{ObjectKey, World},
};
use service::{FoundPort, find_port};

/// What backendRefs can lead to.
#[derive(Clone, Copy)]
pub(crate) struct Backends<'w> {
    pub(crate) world: &'w World,
    pub(crate) tls: &'w BackendTlsPolicies,
}

/// Where a backendRef leads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Destination {
    pub(crate) id: BackendId,
    pub(crate) backend: Arc<Backend>,
    pub(crate) service: ObjectKey,
    /// The Service's, not that of its endpoints.
    pub(crate) port: u16,
}

/// What does the referring: it decides what is permitted and how the backend is spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use<'a> {
    pub(crate) from: Referrer<'a>,
    /// Shown to backends that are spoken to in TLS.
    pub(crate) client_certificate: Option<&'a CertificateId>,
    /// What is sent is gRPC.
    pub(crate) grpc: bool,
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

impl Backends<'_> {
    /// Resolves a backendRef to which requests are sent.
    ///
    /// # Errors
    /// Why its share of the traffic must be refused.
    pub(crate) fn resolve(
        self,
        usage: Use<'_>,
        reference: &BackendObjectReference,
        reads: &mut Reads,
    ) -> Result<Destination, Unusable> {
        read(reads, usage.from, reference);
        let (object, service) = resolve_service(self.world, usage.from, reference)?;
        let port = find_port(service, &object.key, reference.port, &TransportProtocol::Tcp)?;
        let (protocol, needs_tls) = protocol::of(port.app_protocol, usage.grpc)
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
        Ok(destination(object.key, &port, protocol, tls))
    }

    /// Checks a backendRef of a route whose traffic is a stream of bytes or datagrams.
    ///
    /// # Errors
    /// Why it could not be used.
    pub(crate) fn check(
        self,
        from: Referrer<'_>,
        reference: &BackendObjectReference,
        transport: &TransportProtocol,
        reads: &mut Reads,
    ) -> Result<(), Unusable> {
        read(reads, from, reference);
        let (object, service) = resolve_service(self.world, from, reference)?;
        find_port(service, &object.key, reference.port, transport)?;
        Ok(())
    }
}

fn read(reads: &mut Reads, from: Referrer<'_>, reference: &BackendObjectReference) {
    let BackendObjectReference { group, kind, name, namespace, port: _ } = reference;
    reads.reference(from, group, kind, namespace.as_deref(), name);
}

fn destination(
    service: ObjectKey,
    port: &FoundPort<'_>,
    protocol: BackendProtocol,
    tls: Option<BackendTls>,
) -> Destination {
    let endpoints = endpoints_id(&service, port.number);
    let id = backend_id(&endpoints, protocol, tls.as_ref());
    Destination { id, backend: Arc::new(Backend { protocol, tls, endpoints }), service, port: port.number }
}

/// Names the endpoints behind a Service's port.
pub(crate) fn endpoints_id(service: &ObjectKey, port: u16) -> EndpointsId {
    EndpointsId::new(format!("service/{service}/{port}"))
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
