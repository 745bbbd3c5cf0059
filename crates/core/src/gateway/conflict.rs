//! Listeners that want the same: which of them are served.
//!
//! Within one Gateway or one ListenerSet nobody wins. Between a Gateway and the ListenerSets that extend it, and between
//! Gateways that share a data plane, the earlier wins.

use std::collections::BTreeMap;

use super::{Judge, Parents, ResolvedListener};
use crate::{
    api::gateway::Protocol,
    plan::{Hostname, ListenerId},
    status::{
        Problem,
        reason::{Conflict, ListenerRejection},
    },
};

/// What is spoken first on a port: listeners of different families cannot share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Plain,
    Tls,
    Bytes,
}

/// `None` for protocols that share no port with the others, or of which that is not known. Those of the API that are
/// not served count all the same, so that manifests that conflict do so everywhere.
fn family(protocol: &Protocol) -> Option<Family> {
    match protocol {
        Protocol::Http => Some(Family::Plain),
        Protocol::Https | Protocol::Tls => Some(Family::Tls),
        Protocol::Tcp => Some(Family::Bytes),
        Protocol::Udp | Protocol::Other(_) => None,
    }
}

/// Whether a listener takes part in disputes: everyone that nothing is wrong with, but that its protocol is not served.
fn takes_part(listener: &ResolvedListener) -> bool {
    match &listener.verdict.accepted {
        Ok(()) => true,
        Err(problem) => problem.reason == ListenerRejection::UnsupportedProtocol,
    }
}

/// Who holds which hostnames of which ports.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<u16, BTreeMap<Family, BTreeMap<Hostname, ListenerId>>>);

impl Claims {
    fn collision(&self, listener: &ResolvedListener) -> Option<(Conflict, &ListenerId)> {
        let own = family(&listener.protocol)?;
        let port = self.0.get(&listener.port)?;
        let other = port.iter().find(|(family, _)| **family != own).and_then(|(_, names)| names.values().next());
        let same = port.get(&own).and_then(|names| names.get(&listener.hostname));
        other.map(|id| (Conflict::ProtocolConflict, id)).or(same.map(|id| (Conflict::HostnameConflict, id)))
    }

    fn add(&mut self, listener: &ResolvedListener) {
        if let Some(family) = family(&listener.protocol) {
            let names = self.0.entry(listener.port).or_default().entry(family).or_default();
            names.entry(listener.hostname.clone()).or_insert_with(|| listener.id.clone());
        }
    }
}

/// A data plane while one Gateway with its ListenerSets is placed on it.
pub(super) struct Plane<'c> {
    /// Of everybody so far, conflicted listeners left out.
    all: &'c mut Claims,
    /// Of this Gateway and its earlier ListenerSets, disputed listeners included: what is in dispute stays in dispute.
    own: Claims,
}

impl<'c> Plane<'c> {
    pub(super) fn new(all: &'c mut Claims) -> Self {
        Self { all, own: Claims::default() }
    }

    /// Judges the listeners of one owner, and serves those that may be; none unless the owner `serves`.
    pub(super) fn admit(&mut self, listeners: &mut [ResolvedListener], serves: bool) {
        let mut candidates: Vec<&mut ResolvedListener> =
            listeners.iter_mut().filter(|listener| takes_part(listener)).collect();
        for listener in &mut candidates {
            if let Some((conflict, _)) = self.own.collision(listener) {
                let rival = "a listener of the Gateway or of an older ListenerSet";
                listener.verdict.conflict = Err(Problem::new(conflict, message(conflict, listener, rival)));
            }
        }
        // Who lost to an earlier owner takes part in nothing more.
        candidates.retain(|listener| listener.verdict.conflict.is_ok());
        let disputes: Vec<_> = candidates.iter().map(|listener| dispute(listener, &candidates)).collect();
        for (listener, dispute) in candidates.into_iter().zip(disputes) {
            self.own.add(listener);
            if let Some(problem) = dispute {
                listener.verdict.conflict = Err(problem);
                continue;
            }
            if listener.verdict.accepted.is_err() {
                continue;
            }
            // No listener of this Gateway collides here: it would have collided with `own`, or with its siblings.
            if let Some((_, holder)) = self.all.collision(listener) {
                let message =
                    format!("port {} is taken by an older Gateway that shares the data plane: {holder}", listener.port);
                listener.verdict.accepted = Err(Problem::new(ListenerRejection::PortUnavailable, message));
            } else if serves {
                let needs_certificate = listener.protocol == Protocol::Https;
                listener.served = !needs_certificate || !listener.certificates.is_empty();
                self.all.add(listener);
            }
        }
    }
}

/// What a listener disputes with its siblings, none of which wins.
fn dispute(listener: &ResolvedListener, siblings: &[&mut ResolvedListener]) -> Option<Problem<Conflict>> {
    let rivals = siblings.iter().filter(|sibling| !std::ptr::eq(&raw const ***sibling, listener));
    let rivals: Vec<_> = rivals.filter_map(|rival| Some((clash(listener, rival)?, rival.name.as_str()))).collect();
    let gravest = rivals.iter().map(|(conflict, _)| *conflict).max()?;
    let names: Vec<&str> = rivals.iter().filter(|(conflict, _)| *conflict == gravest).map(|(_, name)| *name).collect();
    Some(Problem::new(gravest, message(gravest, listener, &format!("listener {}", names.join(", ")))))
}

/// What two listeners of one Gateway or ListenerSet dispute.
fn clash(a: &ResolvedListener, b: &ResolvedListener) -> Option<Conflict> {
    if a.port != b.port {
        return None;
    }
    match family(&a.protocol)? == family(&b.protocol)? {
        false => Some(Conflict::ProtocolConflict),
        true => (a.hostname == b.hostname).then_some(Conflict::HostnameConflict),
    }
}

/// Tells people of every listener that another one keeps from being served.
pub(super) fn report(judge: &mut Judge<'_>, parents: &Parents) {
    for parent in parents.values() {
        for (index, listener) in parent.listeners.iter().enumerate() {
            let taken = listener.verdict.accepted.as_ref().err();
            let taken = taken.filter(|problem| problem.reason == ListenerRejection::PortUnavailable);
            let conflict = listener.verdict.conflict.as_ref().err().map(|problem| &problem.message);
            for message in conflict.into_iter().chain(taken.map(|problem| &problem.message)) {
                judge.find(&parent.owner, format!("spec.listeners[{index}]"), message, None);
            }
        }
    }
}

fn message(conflict: Conflict, listener: &ResolvedListener, rival: &str) -> String {
    match conflict {
        Conflict::HostnameConflict => {
            format!(
                "port {} with hostname {:?} is claimed by {rival}, too",
                listener.port,
                listener.hostname.to_string()
            )
        }
        Conflict::ProtocolConflict => {
            format!(
                "port {} cannot speak {} beside {rival}, which speaks another protocol",
                listener.port, listener.protocol
            )
        }
    }
}
