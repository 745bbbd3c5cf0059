//! What is spoken to a backend, from the Service port's `appProtocol` (GEP-1911, KEP-3726).

use crate::plan::BackendProtocol;

/// Returns the protocol, and whether it must be inside TLS. Where the Service says nothing, what is sent decides.
///
/// # Errors
/// The route's traffic cannot be sent in that protocol.
pub(super) fn of(app_protocol: Option<&str>, grpc: bool) -> Result<(BackendProtocol, bool), String> {
    let by_kind = if grpc { BackendProtocol::Http2 } else { BackendProtocol::Http1 };
    let Some(name) = app_protocol.filter(|name| !name.is_empty()) else { return Ok((by_kind, false)) };
    // Names without a prefix are IANA's, and no case tells them apart (RFC 6335 §5.1).
    match name.to_ascii_lowercase().as_str() {
        "http" => Ok((by_kind, false)),
        "https" => Ok((by_kind, true)),
        "kubernetes.io/h2c" | "h2c" | "http2" | "grpc" => Ok((BackendProtocol::Http2, false)),
        "kubernetes.io/ws" | "ws" if !grpc => Ok((BackendProtocol::Http1, false)),
        "kubernetes.io/wss" | "wss" if !grpc => Ok((BackendProtocol::Http1, true)),
        _ if grpc => Err(format!("appProtocol {name} cannot carry gRPC; kubernetes.io/h2c, http, https and none can")),
        _ => Err(format!(
            "appProtocol {name} is not supported; http, https, kubernetes.io/h2c, kubernetes.io/ws, kubernetes.io/wss \
             and none are"
        )),
    }
}
