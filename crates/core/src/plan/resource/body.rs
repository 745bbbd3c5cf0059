//! Bodies of resources, where they are not just the Plan's own types.

use std::sync::Arc;

use gatewright_shared_map::SharedSet;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Body;
use crate::plan::{Certificate, KeyPair, Listener, ListenerId, Port, PrivateKey, Route};

/// A route, and the listeners that it is attached to.
#[derive(Serialize)]
struct RouteOut<'a> {
    route: &'a Route,
    listeners: Vec<&'a ListenerId>,
}

#[derive(Deserialize)]
pub(super) struct RouteIn<R = Route> {
    pub(super) route: R,
    pub(super) listeners: Vec<ListenerId>,
}

/// The one form of a certificate that shows its key.
#[derive(Serialize, Deserialize)]
enum CertificateForm {
    Valid { chain: Arc<str>, key: Arc<str> },
    Invalid,
}

pub(super) fn of(value: &impl Serialize) -> Body {
    Body(serde_json::to_vec(value).expect("a Plan's types have no map whose keys are not text"))
}

pub(super) fn route(route: &Route, listeners: Vec<&ListenerId>) -> Body {
    of(&RouteOut { route, listeners })
}

pub(super) fn certificate(certificate: &Certificate) -> Body {
    of(&match certificate {
        Certificate::Valid(pair) => CertificateForm::Valid { chain: pair.chain.clone(), key: pair.key.expose().into() },
        Certificate::Invalid => CertificateForm::Invalid,
    })
}

/// Returns `port` without its listeners' routes.
pub(super) fn bare(port: &Port) -> Port {
    let listeners = port.listeners.iter().map(|listener| Listener {
        id: listener.id.clone(),
        gateway: listener.gateway.clone(),
        hostname: listener.hostname.clone(),
        tls: listener.tls.clone(),
        filters: listener.filters.clone(),
        routes: SharedSet::default(),
    });
    Port { protocol: port.protocol, listeners: listeners.collect() }
}

/// # Errors
/// Says what is wrong with the body.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// # Errors
/// Says only that the body is wrong: what it holds must not be quoted.
pub(super) fn read_certificate(body: &[u8]) -> Result<Certificate, String> {
    match serde_json::from_slice(body) {
        Ok(CertificateForm::Valid { chain, key }) => {
            Ok(Certificate::Valid(KeyPair { chain, key: PrivateKey::new(key) }))
        }
        Ok(CertificateForm::Invalid) => Ok(Certificate::Invalid),
        Err(_) => Err("not a certificate that this version can read".into()),
    }
}
