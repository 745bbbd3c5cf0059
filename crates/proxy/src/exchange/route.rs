//! Which listener a request belongs to.

use crate::failure::What;
use crate::message::RequestHead;
use crate::snapshot::{ListenerSnapshot, Snapshot};
use crate::tls::misdirected;
use crate::worker::Connection;

/// Finds the listener.
///
/// # Errors
/// [`What::NoRoute`] when no listener takes the host; [`What::Misdirected`] when the connection's TLS belongs to another
/// listener than the request (GEP-3567), or its client is not verified as this one demands.
pub(super) fn select<'s>(
    snapshot: &'s Snapshot,
    connection: &Connection,
    head: &RequestHead,
) -> Result<&'s ListenerSnapshot, What> {
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
    Ok(listener)
}
