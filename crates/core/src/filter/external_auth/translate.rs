//! ExternalAuth of a route or listener becomes an [`ExternalAuth`], once its backend is resolved.

use std::sync::Arc;

use super::{AuthProtocol, ExternalAuth};
use crate::{
    api::shared::{BackendObjectReference, ExternalAuthProtocol, HttpExternalAuthFilter},
    field::Field,
    filter::header::{is_reserved, translate::is_token},
    plan::{BackendId, PathOptions, canonicalize},
    route::Fault,
};

/// Everything of an ExternalAuth but the backend that its reference leads to.
#[derive(Debug)]
pub(crate) struct Terms {
    protocol: AuthProtocol,
    body_bytes_max: u32,
}

impl Terms {
    pub(crate) fn with(self, backend: BackendId) -> ExternalAuth {
        ExternalAuth { backend, protocol: self.protocol, body_bytes_max: self.body_bytes_max }
    }
}

/// Reads the filter's own settings; it stands in `namespace`. Those of the protocol that is not spoken mean nothing.
///
/// # Errors
/// A name that is no field's, or of a field that is not the server's to change; a path that is none; a body that is
/// longer than what can be held.
pub(crate) fn translate(filter: &HttpExternalAuthFilter, namespace: &str, field: &Field<'_>) -> Result<Terms, Fault> {
    let protocol = match filter.protocol {
        ExternalAuthProtocol::Http => {
            let http = filter.http.clone().unwrap_or_default();
            let field = field.name("http");
            AuthProtocol::Http {
                path_prefix: path_prefix(&http.path, &field.name("path"))?,
                request_headers: field_names(&http.allowed_headers, &field.name("allowedHeaders"))?,
                response_headers: taken_over(&http.allowed_response_headers, &field.name("allowedResponseHeaders"))?,
            }
        }
        ExternalAuthProtocol::Grpc => {
            let grpc = filter.grpc.clone().unwrap_or_default();
            let field = field.name("grpc");
            let authority = authority(&filter.backend_ref, namespace);
            AuthProtocol::Grpc {
                authority,
                request_headers: field_names(&grpc.allowed_headers, &field.name("allowedHeaders"))?,
            }
        }
    };
    let body_bytes_max = filter.forward_body.as_ref().map_or(0, |body| body.max_size);
    if body_bytes_max > ExternalAuth::BODY_BYTES_MAX {
        let message = format!(
            "{body_bytes_max} bytes of every request would have to be held; at most {} are",
            ExternalAuth::BODY_BYTES_MAX
        );
        return Err(Fault::unsupported(&field.name("forwardBody").name("maxSize"), message));
    }
    Ok(Terms { protocol, body_bytes_max })
}

fn authority(reference: &BackendObjectReference, namespace: &str) -> Arc<str> {
    let namespace = reference.namespace.as_deref().filter(|given| !given.is_empty()).unwrap_or(namespace);
    format!("{}.{namespace}.svc:{}", reference.name, reference.port.unwrap_or_default()).into()
}

/// The API asks for no leading slash, and has the path made safe before it is used.
fn path_prefix(path: &str, field: &Field<'_>) -> Result<Arc<str>, Fault> {
    let trimmed = path.trim_matches('/');
    if trimmed.is_empty() {
        return Ok("".into());
    }
    let options = PathOptions::default();
    match canonicalize(format!("/{trimmed}").as_bytes(), options) {
        Ok(path) if !path.contains(['?', '#']) => Ok(path.trim_end_matches('/').into()),
        Ok(_) | Err(_) => Err(Fault::unsupported(field, format!("{path:?} is no path; one such as `/check` is"))),
    }
}

fn field_names(names: &[String], field: &Field<'_>) -> Result<Vec<Arc<str>>, Fault> {
    let mut translated: Vec<Arc<str>> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if !is_token(name) {
            return Err(Fault::unsupported(&field.index(index), format!("`{name}` is no HTTP field name")));
        }
        let name = name.to_ascii_lowercase();
        if !translated.iter().any(|seen| **seen == *name) {
            translated.push(name.into());
        }
    }
    Ok(translated)
}

fn taken_over(names: &[String], field: &Field<'_>) -> Result<Vec<Arc<str>>, Fault> {
    let translated = field_names(names, field)?;
    match translated.iter().find(|name| is_reserved(name)) {
        None => Ok(translated),
        Some(name) => {
            let index = names.iter().position(|written| written.eq_ignore_ascii_case(name)).unwrap_or_default();
            let message = match &**name {
                "host" => "Host decides where a request goes and is not taken over from an authorization server".into(),
                _ => format!("`{name}` frames a message or belongs to one connection; the gateway alone writes it"),
            };
            Err(Fault::unsupported(&field.index(index), message))
        }
    }
}
