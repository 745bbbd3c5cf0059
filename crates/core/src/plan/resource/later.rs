//! A route or port that a later version sent: the rules and listeners that this version understands work, the others let
//! nobody through.
//!
//! Nothing that is not known is skipped, be it a filter, a match or another field: whoever might have been meant is refused.

use gatewright_shared_map::SharedSet;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::body::RouteIn;
use crate::{
    filter::Filter,
    plan::{
        GatewayId, Hostname, Listener, ListenerFilter, ListenerId, ListenerTls, Match, PathMatch, Port, PortProtocol,
        Precedence, Refusal, Route, RouteId, RouteKind, Rule, Strictness, Timeouts,
    },
};

/// What must be understood of a route: without it nobody knows whose requests it takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    id: RouteId,
    kind: RouteKind,
    hostnames: Vec<Hostname>,
    precedence: Precedence,
    rules: Vec<Value>,
}

/// Reads a route, and says which rules answer 500 and why.
///
/// # Errors
/// When it is not known whose requests it takes.
pub(super) fn route(body: &[u8]) -> Result<(RouteIn, Vec<String>), String> {
    let read: RouteIn<Head> = super::body::read(body)?;
    let Head { id, kind, hostnames, precedence, rules } = read.route;
    let mut refused = Vec::new();
    let mut understood = Vec::with_capacity(rules.len());
    for (index, value) in rules.into_iter().enumerate() {
        understood.push(match Rule::deserialize(&value) {
            Ok(rule) => rule,
            Err(error) => {
                refused.push(format!("rule {index}: {error}"));
                refusing(&value)?
            }
        });
    }
    let route = Route { id, kind, hostnames, precedence, rules: understood };
    Ok((RouteIn { route, listeners: read.listeners }, refused))
}

/// Returns a rule that takes all requests that the rule may be meant for, and answers 500.
fn refusing(rule: &Value) -> Result<Rule, String> {
    let matches = rule["matches"].as_array().ok_or("a rule has no matches")?;
    Ok(Rule {
        name: rule["name"].as_str().map(Into::into),
        matches: matches.iter().map(widened).collect(),
        filters: vec![Filter::Refuse(Refusal::Broken)],
        backends: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
    })
}

/// Returns a match without what is not understood of it.
fn widened(found: &Value) -> Match {
    Match {
        path: read(&found["path"]).unwrap_or_else(|| PathMatch::Prefix("/".into())),
        method: read(&found["method"]),
        headers: readable(&found["headers"]),
        query: readable(&found["query"]),
    }
}

fn readable<T: DeserializeOwned>(list: &Value) -> Vec<T> {
    list.as_array().into_iter().flatten().filter_map(read).collect()
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

/// A port whose listeners are read one by one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortHead {
    protocol: PortProtocol,
    listeners: Vec<Value>,
    #[serde(default)]
    strictness: Strictness,
}

/// What must be understood of a listener: without it nobody knows whose requests it takes.
#[derive(Deserialize)]
struct ListenerHead {
    id: ListenerId,
    gateway: GatewayId,
    hostname: Hostname,
}

/// Reads a port, and says which listeners are not as sent and why: they are as they were in `before`, or let nobody in.
///
/// # Errors
/// When it is not known what is spoken on the port, or whose requests a listener takes.
pub(super) fn port(body: &[u8], before: Option<&Port>) -> Result<(Port, Vec<String>), String> {
    let PortHead { protocol, listeners: values, strictness } = super::body::read(body)?;
    let mut refused = Vec::new();
    let mut listeners = Vec::with_capacity(values.len());
    for value in values {
        listeners.push(match Listener::deserialize(&value) {
            Ok(listener) => listener,
            Err(error) => {
                let head = ListenerHead::deserialize(&value).map_err(|error| error.to_string())?;
                refused.push(format!("{}: {error}", head.id));
                let same = |known: &&Listener| known.id == head.id && known.hostname == head.hostname;
                let known = before.filter(|before| before.protocol == protocol);
                let known = known.and_then(|before| before.listeners.iter().find(same)).cloned();
                known.unwrap_or_else(|| closed(head, protocol))
            }
        });
    }
    Ok((Port { protocol, listeners, strictness }, refused))
}

/// Returns a listener that takes the requests that are meant for it, and serves none.
fn closed(head: ListenerHead, protocol: PortProtocol) -> Listener {
    let ListenerHead { id, gateway, hostname } = head;
    Listener {
        id,
        gateway,
        hostname,
        // Without a certificate no handshake succeeds.
        tls: match protocol {
            PortProtocol::Http => None,
            PortProtocol::Https => Some(ListenerTls { certificates: Vec::new(), client: None }),
        },
        filters: vec![ListenerFilter::Refuse(Refusal::Broken)],
        routes: SharedSet::default(),
    }
}
