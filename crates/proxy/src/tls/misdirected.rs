//! The rule of 421: a connection serves the hosts of the listener it was made for, and no other (GEP-3567).

use gatewright_core::plan::Port;

/// Whether a request for `host` on a connection made for `sni` must be answered 421: another listener of the port
/// serves it. A host that no listener serves is not misdirected but unknown (404).
///
/// Both are judged by the Plan of the request, not of the handshake, so that a listener added or removed meanwhile
/// fails nobody whose SNI and host agree.
pub(crate) fn misdirected(port: &Port, sni: Option<&str>, host: &str) -> bool {
    let Some(request) = port.select(host) else { return false };
    let connection = port.select(sni.unwrap_or_default());
    !connection.is_some_and(|connection| std::ptr::eq(connection, request))
}
