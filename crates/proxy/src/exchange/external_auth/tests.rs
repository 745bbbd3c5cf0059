//! Whole exchanges in which the test speaks for the client, the backend and the authorization server.

mod grpc;
mod http;
mod listener;

use std::sync::Arc;

use gatewright_core::filter::Filter;
use gatewright_core::filter::external_auth::{AuthProtocol, ExternalAuth};
use gatewright_core::plan::{BackendId, Rule};

use crate::testbed::rule;

/// Over HTTP, with everything as the manifest's defaults have it.
fn over_http() -> ExternalAuth {
    asking("auth", "", &[], &[])
}

fn asking(backend: &str, path_prefix: &str, request: &[&str], response: &[&str]) -> ExternalAuth {
    let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
    let protocol = AuthProtocol::Http {
        path_prefix: path_prefix.into(),
        request_headers: names(request),
        response_headers: names(response),
    };
    ExternalAuth { backend: BackendId::new(backend), protocol, body_bytes_max: 0 }
}

fn over_grpc() -> ExternalAuth {
    let protocol = AuthProtocol::Grpc { authority: "auth.ns.svc:9000".into(), request_headers: Vec::new() };
    ExternalAuth { backend: BackendId::new("auth-grpc"), protocol, body_bytes_max: 0 }
}

fn asked(auth: ExternalAuth) -> Rule {
    Rule { filters: vec![Filter::ExternalAuth(Box::new(auth))], ..rule() }
}

#[test]
fn a_grpc_client_gets_a_grpc_status_and_no_page() {
    let mut head = crate::message::RequestHead { version: crate::message::Version::Http2, ..Default::default() };
    head.fields.push(b"content-type", b"application/grpc+proto");
    for (status, expected) in [(401, b"16"), (403, b"7 "), (302, b"2 "), (503, b"14")] {
        let super::Verdict::Denied(answer) = super::denied(status, Default::default(), b"page".to_vec(), &head) else {
            panic!("denied");
        };
        assert_eq!(answer.head.status, 200);
        assert_eq!(answer.head.fields.get("grpc-status"), Some(expected.trim_ascii()));
        assert!(answer.body.is_empty());
    }
}
