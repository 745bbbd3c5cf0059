use serde_json::{from_value, json};

use super::*;

#[test]
fn what_is_left_out_reads_as_the_crd_fills_it_in() {
    let gateway: Gateway = from_value(json!({
        "metadata": {"name": "gw"},
        "spec": {"gatewayClassName": "c", "addresses": [{"value": "127.0.0.1"}], "listeners": [
            {"name": "a", "port": 80, "protocol": "HTTP"},
            {"name": "b", "port": 443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "cert"}]},
             "allowedRoutes": {"kinds": [{"kind": "HTTPRoute"}]}},
            {"name": "c", "port": 99, "protocol": "example.com/quic"},
        ]},
    }))
    .unwrap();
    assert_eq!(gateway.spec.allowed_listeners.namespaces.from, FromNamespaces::None);
    assert_eq!(gateway.spec.addresses[0].r#type, "IPAddress");
    let [a, b, c] = gateway.spec.listeners.as_slice() else { panic!("three listeners") };
    assert_eq!(a.allowed_routes.namespaces.from, FromNamespaces::Same);
    assert_eq!(b.tls.as_ref().map(|tls| tls.mode), Some(TlsMode::Terminate));
    assert_eq!(b.allowed_routes.namespaces.from, FromNamespaces::Same);
    assert_eq!(b.allowed_routes.kinds[0].group, crate::api::GATEWAY_GROUP);
    assert_eq!(c.protocol, Protocol::Other("example.com/quic".into()));
}

#[test]
fn frontend_validation_is_read_whole() {
    let tls: GatewayTlsConfig = from_value(json!({
        "backend": {"clientCertificateRef": {"name": "client"}},
        "frontend": {
            "default": {"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}},
            "perPort": [{"port": 443, "tls": {"validation": {"mode": "AllowInsecureFallback", "caCertificateRefs": []}}}],
        },
    }))
    .unwrap();
    let frontend = tls.frontend.unwrap();
    assert_eq!(frontend.default.validation.unwrap().mode, FrontendValidationMode::AllowValidOnly);
    assert_eq!(
        frontend.per_port[0].tls.validation.as_ref().unwrap().mode,
        FrontendValidationMode::AllowInsecureFallback
    );
    assert_eq!(tls.backend.unwrap().client_certificate_ref.unwrap().kind, "Secret");
}
