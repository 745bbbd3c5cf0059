//! What a GRPCRoute's rule asks of a call becomes a [`Match`] of its path, `/service/method`.

use crate::{
    api::grpc_route::{GrpcMethodMatch, GrpcMethodMatchType, GrpcRouteMatch},
    field::Field,
    plan::{Match, PathMatch},
    route::{Fault, header_match},
};

/// Translates the matches of one rule; none at all is every call.
///
/// # Errors
/// A value that no call could be compared with.
pub(super) fn translate(matches: &[GrpcRouteMatch], field: &Field<'_>) -> Result<Vec<Match>, Fault> {
    if matches.is_empty() {
        return Ok(vec![one(&GrpcRouteMatch::default(), field)?]);
    }
    matches.iter().enumerate().map(|(index, found)| one(found, &field.index(index))).collect()
}

fn one(found: &GrpcRouteMatch, field: &Field<'_>) -> Result<Match, Fault> {
    let headers = found.headers.iter().map(|header| (&header.r#type, header.name.as_str(), header.value.as_str()));
    Ok(Match {
        path: match &found.method {
            Some(method) => path(method, &field.name("method"))?,
            None => PathMatch::Prefix("/".into()),
        },
        method: None,
        headers: header_match::translate(headers, &field.name("headers"))?,
        query: Vec::new(),
    })
}

/// An empty service or method is any, as an absent one.
fn path(method: &GrpcMethodMatch, field: &Field<'_>) -> Result<PathMatch, Fault> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (service, call) = (given(&method.service), given(&method.method));
    match &method.r#type {
        GrpcMethodMatchType::Exact => exact(service, call, field),
        GrpcMethodMatchType::RegularExpression => {
            let part = |text: Option<String>| text.unwrap_or_else(|| "[^/]+".into());
            let text = format!("/({})/({})", part(service), part(call));
            Ok(PathMatch::Regex(header_match::pattern(&text, field)?))
        }
        GrpcMethodMatchType::Unknown(text) => {
            let message = format!("`{text}` is no known method match; Exact and RegularExpression are");
            Err(Fault::unsupported(&field.name("type"), message))
        }
    }
}

fn exact(service: Option<String>, call: Option<String>, field: &Field<'_>) -> Result<PathMatch, Fault> {
    for (name, text) in [("service", &service), ("method", &call)] {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        if let Some(text) = text
            && !text.bytes().all(is_name)
        {
            let message = format!("`{text}` is no name of a gRPC {name}; for an expression, set the type");
            return Err(Fault::unsupported(&field.name(name), message));
        }
    }
    Ok(match (service, call) {
        (Some(service), Some(call)) => PathMatch::Exact(format!("/{service}/{call}").into()),
        (Some(service), None) => PathMatch::Prefix(format!("/{service}").into()),
        (None, Some(call)) => PathMatch::Regex(header_match::pattern(&format!("/[^/]+/{call}"), field)?),
        (None, None) => PathMatch::Prefix("/".into()),
    })
}
