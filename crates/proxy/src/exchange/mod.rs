//! One exchange, from a request's head to the last byte of its response. The same for every protocol on either side.
//!
//! ```text
//! route::select → filters of the listener → its rules → prepare (filters) → forward (tries, each with one endpoint) → relay (both bodies) → observe
//! ```

mod answer;
mod attempt;
mod deadline;
mod external_auth;
mod farewell;
mod forward;
mod forwarded;
mod mirror;
mod prepare;
mod relay;
mod replay;
mod route;
mod subrequest;
mod trial;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::downstream::Downstream;
use crate::failure::{Failure, What};
use crate::message::{Refused, RequestHead};
use crate::observe::{self, Record};
use crate::snapshot::{Found, ListenerSnapshot};
use crate::violation::Violation;
use crate::watchdog::Watchdog;
use crate::worker::{Connection, Worker};
use forward::Exchange;
use prepare::Prepared;

/// The client's connection or stream cannot go on: its response was cut short, or the client is gone.
#[derive(Debug)]
pub(crate) struct Aborted;

/// What is known of an exchange when it has ended: the material of its [`Record`].
#[derive(Default)]
struct Account {
    status: u16,
    endpoint: Option<SocketAddr>,
    request_bytes: u64,
    response_bytes: u64,
    backend_duration: Option<Duration>,
    retries: u32,
    failure: Option<What>,
    violation: Option<Violation>,
    /// What the client asked for, once a filter has rewritten it.
    asked: Option<Asked>,
}

struct Asked {
    path: String,
    authority: String,
}

/// Serves the request whose head has been read.
///
/// # Errors
/// [`Aborted`] when the client's side must be closed or reset. Everything else was answered.
pub(crate) async fn serve<D: Downstream>(
    worker: &Rc<Worker>,
    connection: &Connection,
    client: &mut D,
    head: &mut RequestHead,
    watchdog: &mut Watchdog,
) -> Result<(), Aborted> {
    let began = Instant::now();
    let _live = worker.budget.begin_request();
    let snapshot = worker.snapshot();
    let mut account = Account::default();
    let selected = route::select(&snapshot, connection, head);
    let mut exchange = Exchange {
        worker,
        connection,
        snapshot: &snapshot,
        client,
        watchdog,
        account: &mut account,
        began,
        held: None,
    };
    let (mut prepared, mut found) = (Prepared::default(), None);
    let outcome = match selected {
        Err(what) => Err(what.into()),
        Ok(listener) => exchange.run(listener, head, &mut prepared, &mut found).await,
    };
    let ended = match outcome {
        Ok(()) => Ok(()),
        Err(failure) => exchange.fail(failure, head, &prepared).await,
    };
    record(worker, connection, selected.ok(), found.as_ref(), head, &account, began);
    ended
}

/// Answers a request that could not be read as one. Of its head, `refused` has what can be told of it.
pub(crate) async fn refuse<D: Downstream>(
    worker: &Rc<Worker>,
    connection: &Connection,
    client: &mut D,
    refused: &Refused,
    watchdog: &mut Watchdog,
) {
    let began = Instant::now();
    let snapshot = worker.snapshot();
    let mut account = Account::default();
    let Refused { violation, head } = refused;
    let mut exchange = Exchange {
        worker,
        connection,
        snapshot: &snapshot,
        client,
        watchdog,
        account: &mut account,
        began,
        held: None,
    };
    // The connection ends after this either way.
    let _ = exchange.fail(Failure::from(*violation), head, &Prepared::default()).await;
    record(worker, connection, None, None, head, &account, began);
}

fn record(
    worker: &Worker,
    connection: &Connection,
    listener: Option<&ListenerSnapshot>,
    found: Option<&Found<'_>>,
    head: &RequestHead,
    account: &Account,
    began: Instant,
) {
    let asked = account.asked.as_ref();
    worker.recorder.finish(&Record {
        listener: listener.map(|listener| &listener.series),
        route: found.map(|found| &found.route.series),
        rule: found.map(|found| observe::Rule { index: found.index.into(), name: found.name() }),
        endpoint: account.endpoint,
        client: connection.client,
        version: head.version,
        method: &head.method,
        authority: asked.map_or(&head.authority, |asked| &asked.authority),
        path: asked.map_or(&head.path, |asked| &asked.path),
        query: head.query.as_deref(),
        status: account.status,
        request_bytes: account.request_bytes,
        response_bytes: account.response_bytes,
        duration: began.elapsed(),
        backend_duration: account.backend_duration,
        retries: account.retries,
        failure: account.failure,
        violation: account.violation,
    });
}
