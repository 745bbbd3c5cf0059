//! Which listener and rule a request belongs to.

use crate::failure::What;
use crate::message::RequestHead;
use crate::snapshot::{Found, ListenerSnapshot, Snapshot};
use crate::tls::misdirected;
use crate::worker::Connection;

/// Finds the listener, and the rule if one matches.
///
/// # Errors
/// [`What::NoRoute`] when no listener takes the host; [`What::Misdirected`] when the connection's TLS belongs to another
/// listener than the request (GEP-3567), or its client is not verified as this one demands.
pub(super) fn find<'s>(
    snapshot: &'s Snapshot,
    connection: &Connection,
    head: &RequestHead,
) -> Result<(&'s ListenerSnapshot, Option<Found<'s>>), What> {
    let port = snapshot.port(connection.port).ok_or(What::NoRoute)?;
    let listener = port.select(&head.host).ok_or(What::NoRoute)?;
    if let Some(tls) = &port.tls {
        let misdirected = misdirected(|host| port.select(host), connection.sni.as_deref(), listener);
        if misdirected {
            return Err(What::Misdirected);
        }
        if !tls.admits(&head.host, connection.client_trust.as_ref()) {
            // Its own listener demands what it was not asked at its handshake: only a new one can meet that.
            connection.close();
            return Err(What::Misdirected);
        }
    }
    Ok((listener, listener.find(head)))
}
