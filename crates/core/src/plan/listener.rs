//! Ports and the listeners that share them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CertificateId, GatewayId, Hostname, ListenerId, RouteId};

/// One port: all listeners that answer on it, whichever Gateway or ListenerSet they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Port {
    pub protocol: PortProtocol,
    /// Most specific hostname first, no hostname twice: the first that matches is the request's.
    pub listeners: Vec<Listener>,
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
pub struct Listener {
    pub id: ListenerId,
    pub gateway: GatewayId,
    pub hostname: Hostname,
    /// Present exactly on [`PortProtocol::Https`].
    pub tls: Option<ListenerTls>,
    /// Attached routes. Their order means nothing: [`super::Precedence`] decides.
    pub routes: Vec<RouteId>,
}

/// How a listener terminates TLS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerTls {
    /// In the manifest's order; the first is served when the client's name fits none of them.
    pub certificates: Vec<CertificateId>,
    /// `None` asks no client for a certificate.
    pub client: Option<ClientValidation>,
}

/// How clients prove themselves (GEP-91).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
