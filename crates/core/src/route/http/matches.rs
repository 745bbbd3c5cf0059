//! What an HTTPRoute's rule asks of a request becomes a [`Match`].

use std::sync::Arc;

use crate::{
    api::http_route::{HttpPathMatch, HttpQueryParamMatch, HttpRouteMatch, PathMatchType, QueryParamMatchType},
    field::Field,
    plan::{EncodedSlash, Match, MethodMatch, PathMatch, PathOptions, QueryMatch, StringMatch, canonicalize},
    route::{Fault, header_match},
};

/// The methods of the API's enum.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Translates the matches of one rule; none at all is everything.
///
/// # Errors
/// A value that no request could be compared with.
pub(super) fn translate(matches: &[HttpRouteMatch], field: &Field<'_>) -> Result<Vec<Match>, Fault> {
    if matches.is_empty() {
        return Ok(vec![one(&HttpRouteMatch::default(), field)?]);
    }
    matches.iter().enumerate().map(|(index, found)| one(found, &field.index(index))).collect()
}

fn one(found: &HttpRouteMatch, field: &Field<'_>) -> Result<Match, Fault> {
    let headers = found.headers.iter().map(|header| (&header.r#type, header.name.as_str(), header.value.as_str()));
    Ok(Match {
        path: path(&found.path, &field.name("path"))?,
        method: found.method.as_deref().map(|name| method(name, &field.name("method"))).transpose()?,
        headers: header_match::translate(headers, &field.name("headers"))?,
        query: query(&found.query_params, &field.name("queryParams"))?,
    })
}

fn path(path: &HttpPathMatch, field: &Field<'_>) -> Result<PathMatch, Fault> {
    match &path.r#type {
        PathMatchType::Exact => Ok(PathMatch::Exact(canonical(&path.value, field)?.into())),
        PathMatchType::PathPrefix => {
            let prefix = canonical(&path.value, field)?;
            let trimmed = prefix.trim_end_matches('/');
            Ok(PathMatch::Prefix(if trimmed.is_empty() { "/" } else { trimmed }.into()))
        }
        PathMatchType::RegularExpression => {
            Ok(PathMatch::Regex(header_match::pattern(&path.value, &field.name("value"))?))
        }
        PathMatchType::Unknown(text) => {
            let message = format!("`{text}` is no known path match; Exact, PathPrefix and RegularExpression are");
            Err(Fault::unsupported(&field.name("type"), message))
        }
    }
}

/// Requests are compared in canonical form, so what they are compared with must have it, too.
fn canonical(path: &str, field: &Field<'_>) -> Result<String, Fault> {
    let options = PathOptions { encoded_slash: EncodedSlash::Keep, ..PathOptions::default() };
    match canonicalize(path.as_bytes(), options) {
        Ok(canonical) => Ok(canonical.into_owned()),
        Err(error) => Err(Fault::unsupported(&field.name("value"), format!("`{path}` is no path: {error}"))),
    }
}

fn method(name: &str, field: &Field<'_>) -> Result<MethodMatch, Fault> {
    if METHODS.contains(&name) {
        return Ok(MethodMatch(name.into()));
    }
    Err(Fault::unsupported(field, format!("`{name}` is none of the API's methods, {}", METHODS.join(", "))))
}

/// The first entry of a name counts, as the API has it.
fn query(params: &[HttpQueryParamMatch], field: &Field<'_>) -> Result<Vec<QueryMatch>, Fault> {
    let mut translated: Vec<QueryMatch> = Vec::with_capacity(params.len());
    for (index, param) in params.iter().enumerate() {
        if translated.iter().any(|seen| *seen.name == *param.name) {
            continue;
        }
        let field = field.index(index);
        let value = match &param.r#type {
            QueryParamMatchType::Exact => StringMatch::Exact(param.value.as_str().into()),
            QueryParamMatchType::RegularExpression => {
                StringMatch::Regex(header_match::pattern(&param.value, &field.name("value"))?)
            }
            QueryParamMatchType::Unknown(text) => {
                let message = format!("`{text}` is no known query match; Exact and RegularExpression are");
                return Err(Fault::unsupported(&field.name("type"), message));
            }
        };
        translated.push(QueryMatch { name: Arc::from(param.name.as_str()), value });
    }
    Ok(translated)
}
