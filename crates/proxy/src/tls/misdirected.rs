//! The rule of 421: a connection serves the hosts of the listener it was made for, and no other (GEP-3567).

/// Whether a request that `listener` serves came on a connection for another: `select` gives the listener of a host,
/// and `sni` is the connection's. A host that no listener serves is not misdirected but unknown (404).
///
/// Both are judged by the Plan of the request, not of the handshake, so that a listener added or removed meanwhile
/// fails nobody whose SNI and host agree.
pub(crate) fn misdirected<'a, L: 'a>(
    select: impl Fn(&str) -> Option<&'a L>,
    sni: Option<&str>,
    listener: &'a L,
) -> bool {
    !select(sni.unwrap_or_default()).is_some_and(|connected| std::ptr::eq(connected, listener))
}
