//! Where requests go: backends, their endpoints, and the key material of either side.

use std::{fmt, net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

use super::{CertificateId, EndpointsId};

/// A destination and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    pub protocol: BackendProtocol,
    /// `None` is plaintext.
    pub tls: Option<BackendTls>,
    pub endpoints: EndpointsId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackendProtocol {
    /// HTTP/1.1, WebSocket upgrades included.
    Http1,
    /// HTTP/2: by prior knowledge in plaintext, by ALPN in TLS.
    Http2,
}

/// TLS towards a backend, from a BackendTLSPolicy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendTls {
    /// Sent as SNI; authenticates the backend unless `subject_alt_names` are given.
    pub hostname: Arc<str>,
    /// When not empty, one of them must be in the certificate and `hostname` authenticates nothing.
    pub subject_alt_names: Vec<Arc<str>>,
    pub trust: TrustAnchors,
    /// The Gateway's client certificate.
    pub client_certificate: Option<CertificateId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TrustAnchors {
    /// Those of the machine the proxy runs on.
    System,
    /// PEM certificates.
    Pem(Arc<str>),
}

/// The endpoints to use now: ready ones, or, when none is ready, those still serving while they terminate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// Sorted, none twice. Empty is 503.
    pub ready: Vec<Endpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    pub address: SocketAddr,
}

/// A certificate as its Secret holds it now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Certificate {
    Valid(KeyPair),
    /// Present but unusable: a proxy that had a good one under this id keeps it.
    Invalid,
}

/// A certificate chain with its key, both PEM.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyPair {
    pub chain: Arc<str>,
    pub key: PrivateKey,
}

/// PEM of a private key. Neither `Debug` nor `Serialize` shows it; the control channel has a form of its own.
#[derive(Clone, PartialEq)]
pub struct PrivateKey(Arc<str>);

impl PrivateKey {
    pub fn new(pem: impl Into<Arc<str>>) -> Self {
        Self(pem.into())
    }

    /// The PEM text itself: for TLS, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(redacted)")
    }
}

impl Serialize for PrivateKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("redacted")
    }
}
