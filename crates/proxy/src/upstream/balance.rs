//! Which endpoint of a backend takes an exchange.

use std::rc::Rc;

use tokio::time::Instant;

use super::endpoint::{Endpoint, Endpoints};
use crate::snapshot::BackendSnapshot;

/// Chooses the less loaded of two endpoints drawn at random, which is nearly as good as knowing them all.
///
/// Ejected endpoints are left out, and those in `tried` by this request before; when nothing else is left, ejected ones
/// are used all the same, the one whose time ends first. `None` when all have been tried, or there is none.
pub(crate) fn choose(backend: &BackendSnapshot, endpoints: &Endpoints, tried: &[Rc<Endpoint>]) -> Option<Rc<Endpoint>> {
    if let ([only], []) = (&backend.endpoints[..], tried) {
        return Some(endpoints.get(only));
    }
    let count = backend.endpoints.len();
    if count == 0 {
        return None;
    }
    let now = Instant::now();
    let usable = |endpoint: &Rc<Endpoint>| !tried.iter().any(|other| Rc::ptr_eq(other, endpoint));
    let first = endpoints.get(&backend.endpoints[fastrand::usize(..count)]);
    let second = endpoints.get(&backend.endpoints[fastrand::usize(..count)]);
    let good = |endpoint: &Rc<Endpoint>| !endpoint.is_ejected(now) && usable(endpoint);
    match (good(&first), good(&second)) {
        (true, true) => Some(if second.load.get() < first.load.get() { second } else { first }),
        (true, false) => Some(first),
        (false, true) => Some(second),
        (false, false) => backend
            .endpoints
            .iter()
            .map(|endpoint| endpoints.get(endpoint))
            .filter(usable)
            .min_by_key(|endpoint| (endpoint.ejected_until().filter(|until| now < *until), endpoint.load.get())),
    }
}

#[cfg(test)]
mod tests;
