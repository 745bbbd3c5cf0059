//! Listeners that want the same: which of them are served.
//!
//! Within one Gateway or one ListenerSet nobody wins. Between a Gateway and the ListenerSets that extend it, and between
//! Gateways that share a data plane, the earlier wins.

use std::collections::{BTreeMap, BTreeSet};

use super::ResolvedListener;
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
}

/// `None` for protocols that are not served: they take no port from anybody.
fn family(protocol: &Protocol) -> Option<Family> {
    match protocol {
        Protocol::Http => Some(Family::Plain),
        Protocol::Https => Some(Family::Tls),
        Protocol::Tls | Protocol::Tcp | Protocol::Udp | Protocol::Other(_) => None,
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
    /// Of this Gateway and its earlier ListenerSets, conflicted listeners included: what is in dispute stays in dispute.
    own: Claims,
}

impl<'c> Plane<'c> {
    pub(super) fn new(all: &'c mut Claims) -> Self {
        Self { all, own: Claims::default() }
    }

    /// Judges the listeners of one owner, and serves those that may be; none if the owner is not `accepted`.
    pub(super) fn admit(&mut self, listeners: &mut [ResolvedListener], accepted: bool) {
        let candidates: Vec<usize> = (0..listeners.len()).filter(|i| listeners[*i].verdict.accepted.is_ok()).collect();
        let verdicts: Vec<_> = candidates.iter().map(|&i| (i, self.conflict(listeners, &candidates, i))).collect();
        for (i, conflict) in verdicts {
            listeners[i].verdict.conflict = conflict.map_or(Ok(()), Err);
        }
        for i in candidates {
            self.own.add(&listeners[i]);
            let listener = &mut listeners[i];
            if listener.verdict.conflict.is_err() {
                continue;
            }
            // No listener of this Gateway collides here: it would have collided with `own`, or with its siblings.
            if let Some((_, holder)) = self.all.collision(listener) {
                let message =
                    format!("port {} is taken by an older Gateway that shares the data plane: {holder}", listener.port);
                listener.verdict.accepted = Err(Problem::new(ListenerRejection::PortUnavailable, message));
            } else if accepted {
                let needs_certificate = listener.protocol == Protocol::Https;
                listener.served = !needs_certificate || !listener.certificates.is_empty();
                self.all.add(listener);
            }
        }
    }

    fn conflict(&self, listeners: &[ResolvedListener], candidates: &[usize], i: usize) -> Option<Problem<Conflict>> {
        let listener = &listeners[i];
        if let Some((conflict, _)) = self.own.collision(listener) {
            return Some(Problem::new(
                conflict,
                message(conflict, listener, "a listener of the Gateway or of an older ListenerSet"),
            ));
        }
        let mut siblings = Claims::default();
        candidates.iter().filter(|other| **other != i).for_each(|other| siblings.add(&listeners[*other]));
        let (conflict, _) = siblings.collision(listener)?;
        let rivals: BTreeSet<&str> = candidates
            .iter()
            .filter(|other| **other != i && listeners[**other].port == listener.port)
            .map(|other| listeners[*other].name.as_str())
            .collect();
        let rivals = rivals.into_iter().collect::<Vec<_>>().join(", ");
        Some(Problem::new(
            conflict,
            message(conflict, listener, &format!("another listener here (on this port: {rivals})")),
        ))
    }
}

fn message(conflict: Conflict, listener: &ResolvedListener, rival: &str) -> String {
    match conflict {
        Conflict::HostnameConflict => {
            format!("port {} with hostname {:?} is claimed by {rival}", listener.port, listener.hostname.to_string())
        }
        Conflict::ProtocolConflict => {
            format!(
                "port {} cannot speak {} beside {rival}, which speaks another protocol",
                listener.port, listener.protocol
            )
        }
    }
}
