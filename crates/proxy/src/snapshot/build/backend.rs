//! Backends by number, and the keys of their endpoints.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatewright_core::plan::{Backend, BackendId, BackendProtocol, Endpoints, Plan};

use super::super::{BackendSnapshot, BackendsSnapshot, EndpointSnapshot};
use crate::tls;

/// The backends that a Plan has or its routes name. A number stays with its id while the Plan has it.
#[derive(Default)]
pub(super) struct Backends {
    /// By number; `None` where the Plan has none.
    known: Vec<Option<Known>>,
    /// How many of them the Plan has.
    present: usize,
    free: Vec<u32>,
    keys: HashMap<EndpointIdentity, EndpointKey, RandomState>,
    next_key: u64,
    snapshot: BackendsSnapshot,
}

/// A backend with what it was made of.
struct Known {
    backend: Arc<Backend>,
    endpoints: Option<Arc<Endpoints>>,
    snapshot: Arc<BackendSnapshot>,
}

/// What makes connections interchangeable.
#[derive(PartialEq, Eq, Hash)]
struct EndpointIdentity {
    address: SocketAddr,
    http2: bool,
    /// The connector's address: it is made anew when its content changes.
    connector: Option<usize>,
}

/// The key of an endpoint, and the connector whose address is part of its identity: kept, so that no other takes it.
struct EndpointKey {
    key: u64,
    _connector: Option<Arc<tls::Connector>>,
}

impl Known {
    fn is_of(
        &self,
        backend: &Arc<Backend>,
        endpoints: Option<&Arc<Endpoints>>,
        tls: Option<&Arc<tls::Connector>>,
    ) -> bool {
        let same_backend = Arc::ptr_eq(&self.backend, backend) || self.backend == *backend;
        let same_endpoints = match (&self.endpoints, endpoints) {
            (Some(have), Some(want)) => Arc::ptr_eq(have, want) || have == want,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_backend && same_endpoints && self.snapshot.tls.as_ref().map(Arc::as_ptr) == tls.map(Arc::as_ptr)
    }
}

impl Backends {
    /// Takes over the backends and endpoints of `plan`, whose certificates `material` has loaded.
    pub(super) fn follow(&mut self, plan: &Plan, material: &mut tls::Material) {
        let mut changed = false;
        for (id, backend) in &plan.backends {
            let number = self.number(id) as usize;
            let (endpoints, connector) = match connector(id, backend, material) {
                Ok(connector) => (plan.endpoints.get(&backend.endpoints), connector),
                // Never plaintext instead: without endpoints the answer is 503.
                Err(Unusable) => (None, None),
            };
            let known = self.known[number].as_ref();
            if known.is_some_and(|known| known.is_of(backend, endpoints, connector.as_ref())) {
                continue;
            }
            changed = true;
            self.present += usize::from(known.is_none());
            let snapshot = Arc::new(self.make(id, backend, endpoints, connector));
            self.known[number] = Some(Known { backend: backend.clone(), endpoints: endpoints.cloned(), snapshot });
        }
        if self.present > plan.backends.len() {
            changed = true;
            self.forget(plan);
        }
        if changed {
            self.renew_snapshot();
        }
    }

    /// Returns the number of `id`, which the Plan may turn out not to have.
    pub(super) fn number(&mut self, id: &BackendId) -> u32 {
        if let Some(number) = self.snapshot.numbers.get(id) {
            return *number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.known.push(None);
            self.known.len() as u32 - 1
        });
        Arc::make_mut(&mut self.snapshot.numbers).insert(id.clone(), number);
        number
    }

    pub(super) fn snapshot(&self) -> BackendsSnapshot {
        self.snapshot.clone()
    }

    /// Lets go of what `plan` has no more, of its number only when no route names it either.
    fn forget(&mut self, plan: &Plan) {
        let named: HashSet<&BackendId> = plan.routes.values().flat_map(|route| route.backends()).collect();
        let Self { snapshot, known, free, present, .. } = self;
        Arc::make_mut(&mut snapshot.numbers).retain(|id, number| {
            if plan.backends.contains_key(id) {
                return true;
            }
            *present -= usize::from(known[*number as usize].take().is_some());
            let kept = named.contains(id);
            if !kept {
                free.push(*number);
            }
            kept
        });
    }

    fn renew_snapshot(&mut self) {
        self.snapshot.by_number = self.known.iter().map(|known| Some(known.as_ref()?.snapshot.clone())).collect();
        let endpoints = self.snapshot.by_number.iter().flatten().flat_map(|backend| &backend.endpoints);
        let keys: HashSet<u64, RandomState> = endpoints.map(|endpoint| endpoint.key).collect();
        self.keys.retain(|_, entry| keys.contains(&entry.key));
        self.snapshot.endpoint_keys = Arc::new(keys);
    }

    fn make(
        &mut self,
        id: &BackendId,
        backend: &Backend,
        endpoints: Option<&Arc<Endpoints>>,
        connector: Option<Arc<tls::Connector>>,
    ) -> BackendSnapshot {
        let ready = endpoints.map_or(&[][..], |endpoints| &endpoints.ready);
        let endpoints = ready.iter().map(|endpoint| {
            let identity = EndpointIdentity {
                address: endpoint.address,
                http2: backend.protocol == BackendProtocol::Http2,
                connector: connector.as_ref().map(|connector| Arc::as_ptr(connector).addr()),
            };
            EndpointSnapshot { address: endpoint.address, key: self.key(identity, connector.as_ref()) }
        });
        let endpoints = endpoints.collect();
        BackendSnapshot { id: id.clone(), protocol: backend.protocol, tls: connector, endpoints }
    }

    fn key(&mut self, identity: EndpointIdentity, connector: Option<&Arc<tls::Connector>>) -> u64 {
        let next = &mut self.next_key;
        let entry = self.keys.entry(identity).or_insert_with(|| {
            *next += 1;
            EndpointKey { key: *next, _connector: connector.cloned() }
        });
        entry.key
    }
}

/// The policy of a backend asks for TLS that cannot be set up.
struct Unusable;

fn connector(
    id: &BackendId,
    backend: &Backend,
    material: &mut tls::Material,
) -> Result<Option<Arc<tls::Connector>>, Unusable> {
    let Some(tls) = &backend.tls else { return Ok(None) };
    material.connector(id, backend, tls).map(Some).map_err(|reason| {
        tracing::error!(backend = %id, reason, "backend's TLS cannot be set up");
        Unusable
    })
}
