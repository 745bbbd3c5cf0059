//! Bodies of resources, where they are not just the Plan's own types.

use std::sync::Arc;

use gatewright_shared_map::SharedSet;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Body;
use crate::plan::{Certificate, KeyPair, Listener, ListenerId, Port, PrivateKey, Route};

/// A route, and the listeners that it is attached to.
#[derive(Serialize)]
struct RouteOut<'a> {
    route: &'a Route,
    listeners: Vec<&'a ListenerId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteIn<R = Route> {
    pub(super) route: R,
    pub(super) listeners: Vec<ListenerId>,
}

/// The one form of a certificate that shows its key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    Port { protocol: port.protocol, listeners: listeners.collect(), strictness: port.strictness }
}

/// # Errors
/// Says what is wrong with the body, and which field of it this version does not know.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body)
        .or_else(|_| T::deserialize(without_informative(body)?))
        .map_err(|error: serde_json::Error| error.to_string())
}

/// Returns the body without the fields that may be skipped. It is read twice only where it cannot be read at once.
fn without_informative(body: &[u8]) -> serde_json::Result<Value> {
    fn skip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !name.starts_with(INFORMATIVE));
                fields.values_mut().for_each(skip);
            }
            Value::Array(items) => items.iter_mut().for_each(skip),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    // Its depth is bounded by serde_json.
    let mut value = serde_json::from_slice(body)?;
    skip(&mut value);
    Ok(value)
}

/// What the name of a field begins with that may be skipped by those who do not know it.
const INFORMATIVE: char = '?';

/// # Errors
/// Says only that the body is wrong, or which field is not known: what it holds must not be quoted.
pub(super) fn read_certificate(body: &[u8]) -> Result<Certificate, String> {
    let value = without_informative(body).map_err(|_| UNREADABLE.to_owned())?;
    match CertificateForm::deserialize(&value) {
        Ok(CertificateForm::Valid { chain, key }) => {
            Ok(Certificate::Valid(KeyPair { chain, key: PrivateKey::new(key) }))
        }
        Ok(CertificateForm::Invalid) => Ok(Certificate::Invalid),
        Err(_) => Err(match unknown_field(&value) {
            Some(name) => format!("unknown field `{name}`, expected `chain` or `key`"),
            None => UNREADABLE.to_owned(),
        }),
    }
}

const UNREADABLE: &str = "not a certificate that this version can read";

/// Returns the name of a field that a certificate does not have, unless it may be anything but a name.
fn unknown_field(value: &Value) -> Option<&str> {
    const NAME_BYTES_MAX: usize = 40;
    let is_name =
        |name: &str| name.len() <= NAME_BYTES_MAX && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
    let mut names = value.get("Valid")?.as_object()?.keys().map(String::as_str);
    names.find(|name| !matches!(*name, "chain" | "key") && is_name(name))
}
