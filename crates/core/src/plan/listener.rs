//! Ports and the listeners that share them.

use std::sync::Arc;

use gatewright_shared_map::SharedSet;
use serde::{Deserialize, Serialize};

use super::{BackendId, CertificateId, GatewayId, Hostname, ListenerId, Refusal, RouteId, Strictness};
use crate::filter::external_auth::ExternalAuth;

/// One port: all listeners that answer on it, whichever Gateway or ListenerSet they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    pub protocol: PortProtocol,
    /// Most specific hostname first, no hostname twice: the first that matches is the request's.
    pub listeners: Vec<Listener>,
    /// A request is read before it is known whose it is, so it holds for all of them.
    #[serde(default, skip_serializing_if = "Strictness::is_unsaid")]
    pub strictness: Strictness,
}

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortProtocol {
    /// HTTP/1.1, and HTTP/2 by prior knowledge.
    Http,
    /// The same inside TLS, chosen by ALPN.
    Https,
}

/// An accepted listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    pub id: ListenerId,
    pub gateway: GatewayId,
    pub hostname: Hostname,
    /// Present exactly on [`PortProtocol::Https`].
    pub tls: Option<ListenerTls>,
    /// In the manifest's order, which is the order in which they run: for every request, before a route is looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<ListenerFilter>,
    /// Attached routes. Their order means nothing: [`super::Precedence`] decides.
    pub routes: SharedSet<RouteId>,
}

/// What a listener does with a request before a route is looked for (GEP-5224). Which listener it is, is decided: Host
/// stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListenerFilter {
    ExternalAuth(ExternalAuth),
    /// A filter that cannot be honoured fails the request; it is never skipped.
    Refuse(Refusal),
}

impl ListenerFilter {
    /// The backend that it asks, if it asks one.
    pub fn backend(&self) -> Option<&BackendId> {
        match self {
            Self::ExternalAuth(auth) => Some(&auth.backend),
            Self::Refuse(_) => None,
        }
    }
}

/// How a listener terminates TLS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    /// In the manifest's order; the first is served when the client's name fits none of them.
    pub certificates: Vec<CertificateId>,
    /// `None` asks no client for a certificate.
    pub client: Option<ClientValidation>,
}

/// How clients prove themselves (GEP-91).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientValidation {
    /// PEM certificates of the CAs that vouch for clients; shared by all listeners that ask the same.
    pub trust: Arc<str>,
    pub unverified: Unverified,
}

/// What becomes of a client whose certificate is missing or bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unverified {
    /// Its handshake fails.
    Refused,
    LetIn,
}

impl Port {
    /// Returns the listener that serves `host` (lower-case, no port): the one with the most specific hostname.
    pub fn select(&self, host: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.hostname.matches(host))
    }
}
