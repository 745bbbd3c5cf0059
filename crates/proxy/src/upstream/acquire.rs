//! How an exchange with an endpoint begins: on a connection that was kept, or on a new one.

use std::io;
use std::rc::Rc;

use gatewright_core::plan::BackendProtocol;

use super::connect::Stream;
use super::endpoint::{Endpoint, Load};
use super::h2::{Http2, Place};
use super::{Http1, Upstream};
use crate::failure::{Failure, What};
use crate::http1::Transport;
use crate::message::Scheme;
use crate::observe::Event;
use crate::snapshot::BackendSnapshot;
use crate::worker::Worker;

/// Takes a kept connection, if there is one that lives.
pub(crate) fn kept(worker: &Rc<Worker>, endpoint: &Rc<Endpoint>, backend: &BackendSnapshot) -> Option<Upstream> {
    match backend.protocol {
        BackendProtocol::Http1 => Some(http1(worker, endpoint, endpoint.take()?, true)),
        BackendProtocol::Http2 => Some(http2(worker, endpoint, backend, endpoint.http2.take()?, true)),
    }
}

/// Makes a new connection, or for HTTP/2 joins one that is being made. An endpoint to which that fails is left alone
/// for a while.
///
/// # Errors
/// [`What::ConnectFailed`], of a request that nobody has seen.
pub(crate) async fn connect(
    worker: &Rc<Worker>,
    endpoint: &Rc<Endpoint>,
    backend: &BackendSnapshot,
) -> Result<Upstream, Failure> {
    let connecting = || open(worker, endpoint, backend);
    match backend.protocol {
        BackendProtocol::Http1 => {
            let stream =
                connecting().await.map_err(|error| Failure::because(What::ConnectFailed, error).unprocessed())?;
            Ok(http1(worker, endpoint, Transport::new(stream, Vec::new()), false))
        }
        BackendProtocol::Http2 => {
            let acquired = endpoint.http2.acquire(connecting, &worker.limits).await;
            let (place, reused) = acquired.map_err(Failure::unprocessed)?;
            Ok(http2(worker, endpoint, backend, place, reused))
        }
    }
}

async fn open(worker: &Worker, endpoint: &Rc<Endpoint>, backend: &BackendSnapshot) -> io::Result<Stream> {
    let _probe = endpoint.probe();
    match Stream::connect(endpoint.address, backend.tls.as_deref(), worker.limits.connect_timeout).await {
        Ok(stream) => {
            endpoint.succeeded();
            worker.recorder.count(Event::BackendConnected);
            Ok(stream)
        }
        Err(error) => {
            worker.recorder.count(Event::BackendConnectFailed);
            if endpoint.failed() {
                worker.recorder.count(Event::EndpointEjected);
            }
            tracing::debug!(endpoint = %endpoint.address, backend = %backend.id, %error, "cannot connect");
            Err(error)
        }
    }
}

fn http1(worker: &Rc<Worker>, endpoint: &Rc<Endpoint>, transport: Transport<Stream>, reused: bool) -> Upstream {
    Upstream::Http1(Box::new(Http1::new(worker.clone(), endpoint.clone(), transport, reused)))
}

fn http2(worker: &Worker, endpoint: &Rc<Endpoint>, backend: &BackendSnapshot, place: Place, reused: bool) -> Upstream {
    let scheme = if backend.tls.is_some() { Scheme::Https } else { Scheme::Http };
    let exchange = Http2::new(place, reused, scheme, worker.limits.clone());
    Upstream::Http2 { exchange: Box::new(exchange), _load: Load::new(endpoint.clone()) }
}
