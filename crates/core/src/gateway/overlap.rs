//! Listeners on one port whose TLS covers the same names, so that a client may reuse one's connection for the other.

use std::collections::{BTreeMap, BTreeSet};

use super::{Parents, certificate::Certificates};
use crate::{
    api::gateway::Protocol,
    plan::{Hostname, ListenerId},
    world::DataPlane,
};

/// Why the TLS of a listener overlaps that of another on its port. The message for people is within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlap {
    Hostnames(String),
    /// Preferred by the API when both are true.
    Certificates(String),
}

/// Marks every served listener whose hostname, or whose certificates' names, another one on its port covers, too.
pub(super) fn find(parents: &mut Parents, certificates: &Certificates) {
    let mut ports: BTreeMap<(DataPlane, u16), Vec<(ListenerId, Names)>> = BTreeMap::new();
    for parent in parents.values() {
        for listener in
            parent.listeners.iter().filter(|listener| listener.served && listener.protocol == Protocol::Https)
        {
            let infos = listener.certificates.iter().filter_map(|id| certificates.info(id));
            let names = Names {
                hostname: listener.hostname.clone(),
                certificates: infos.flat_map(|info| &info.dns_names).map(|name| Hostname::parse(Some(name))).collect(),
            };
            ports.entry((parent.data_plane.clone(), listener.port)).or_default().push((listener.id.clone(), names));
        }
    }
    let mut overlaps = BTreeMap::new();
    for listeners in ports.values() {
        let hostnames = shared(listeners.iter().map(|(id, names)| (id, &names.hostname)));
        overlaps.extend(hostnames.into_iter().map(|(id, name)| {
            (
                id,
                Overlap::Hostnames(format!("another listener on the port covers hostname {:?}, too", name.to_string())),
            )
        }));
        let certificates =
            shared(listeners.iter().flat_map(|(id, names)| names.certificates.iter().map(move |name| (id, name))));
        overlaps.extend(certificates.into_iter().map(|(id, name)| {
            (
                id,
                Overlap::Certificates(format!(
                    "a certificate of another listener on the port covers {:?}, too",
                    name.to_string()
                )),
            )
        }));
    }
    for listener in parents.values_mut().flat_map(|parent| &mut parent.listeners) {
        listener.verdict.overlap = overlaps.remove(&listener.id);
    }
}

/// What a listener's TLS covers.
struct Names {
    hostname: Hostname,
    certificates: BTreeSet<Hostname>,
}

/// Finds the listeners that cover some name which another covers, too, with the first such name of each: the narrower
/// of the two.
///
/// Walks up the labels of every name instead of comparing pairs: a port may have thousands of listeners.
fn shared<'a>(names: impl Iterator<Item = (&'a ListenerId, &'a Hostname)> + Clone) -> BTreeMap<ListenerId, Hostname> {
    let mut holders: BTreeMap<&Hostname, BTreeSet<&ListenerId>> = BTreeMap::new();
    for (id, name) in names.clone() {
        holders.entry(name).or_default().insert(id);
    }
    let mut shared: BTreeMap<ListenerId, Hostname> = BTreeMap::new();
    for (id, name) in names {
        for cover in covers(name) {
            let Some(others) = holders.get(&cover) else { continue };
            for other in others.iter().filter(|other| **other != id) {
                shared.entry(id.clone()).or_insert_with(|| name.clone());
                shared.entry((*other).clone()).or_insert_with(|| name.clone());
            }
        }
    }
    shared
}

/// The patterns that cover everything that `name` covers: itself, each wildcard above it, and any.
fn covers(name: &Hostname) -> Vec<Hostname> {
    let mut covers = vec![name.clone()];
    let text = match name {
        Hostname::Exact(text) | Hostname::Wildcard(text) => text,
        Hostname::Any => return covers,
    };
    let dots = text.match_indices('.').map(|(at, _)| at).filter(|at| *at > 0);
    covers.extend(dots.map(|at| Hostname::Wildcard(text[at..].into())));
    covers.push(Hostname::Any);
    covers
}
