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
/// listener than the request (GEP-3567).
pub(super) fn find<'s>(
    snapshot: &'s Snapshot,
    connection: &Connection,
    head: &RequestHead,
) -> Result<(&'s ListenerSnapshot, Option<Found<'s>>), What> {
    let port = snapshot.port(connection.port).ok_or(What::NoRoute)?;
    let listener = port.select(&head.host).ok_or(What::NoRoute)?;
    if port.tls.is_some() && misdirected(|host| port.select(host), connection.sni.as_deref(), listener) {
        return Err(What::Misdirected);
    }
    Ok((listener, listener.find(head)))
}
