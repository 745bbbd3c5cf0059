//! How an exchange with an endpoint begins: on a connection that was kept, or on a new one.

use std::rc::Rc;

use super::connect::Stream;
use super::endpoint::Endpoint;
use super::{Http1, Upstream};
use crate::failure::{Failure, What};
use crate::http1::Transport;
use crate::observe::Event;
use crate::snapshot::BackendSnapshot;
use crate::worker::Worker;

/// Takes a kept connection, if there is one that lives.
pub(crate) fn kept(worker: &Rc<Worker>, endpoint: &Rc<Endpoint>) -> Option<Upstream> {
    let transport = endpoint.take()?;
    Some(Upstream::Http1(Box::new(Http1::new(worker.clone(), endpoint.clone(), transport, true))))
}

/// Makes a new connection. An endpoint to which that fails is left alone for a while.
///
/// # Errors
/// [`What::ConnectFailed`], of a request that nobody has seen.
pub(crate) async fn connect(
    worker: &Rc<Worker>,
    endpoint: &Rc<Endpoint>,
    backend: &BackendSnapshot,
) -> Result<Upstream, Failure> {
    match Stream::connect(endpoint.address, backend.tls.as_deref(), worker.limits.connect_timeout).await {
        Ok(stream) => {
            endpoint.succeeded();
            worker.recorder.count(Event::BackendConnected);
            let transport = Transport::new(stream, Vec::new());
            Ok(Upstream::Http1(Box::new(Http1::new(worker.clone(), endpoint.clone(), transport, false))))
        }
        Err(error) => {
            worker.recorder.count(Event::BackendConnectFailed);
            if endpoint.failed() {
                worker.recorder.count(Event::EndpointEjected);
            }
            tracing::debug!(endpoint = %endpoint.address, backend = %backend.id, %error, "cannot connect");
            Err(Failure::because(What::ConnectFailed, error).unprocessed())
        }
    }
}
