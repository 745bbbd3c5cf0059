//! CORS of a route becomes a [`Cors`].

use std::{sync::Arc, time::Duration};

use super::{Cors, origin::Origin};
use crate::{api::http_route::CorsFilter, field::Field, filter::header::translate::is_token, route::Fault};

/// Translates a CORS filter.
///
/// # Errors
/// An origin that is none, or a name that cannot stand in a list of HTTP fields.
pub(crate) fn translate(filter: &CorsFilter, field: &Field<'_>) -> Result<Cors, Fault> {
    for (index, origin) in filter.allow_origins.iter().enumerate() {
        if origin != "*" && Origin::parse(origin).is_none() {
            let message = format!("`{origin}` is no origin such as https://*.example.com:8443, or `*`");
            return Err(Fault::unsupported(&field.name("allowOrigins").index(index), message));
        }
    }
    Ok(Cors {
        allow_origins: filter.allow_origins.iter().map(|origin| origin.to_ascii_lowercase().into()).collect(),
        allow_credentials: filter.allow_credentials,
        allow_methods: tokens(&filter.allow_methods, &field.name("allowMethods"))?,
        allow_headers: tokens(&filter.allow_headers, &field.name("allowHeaders"))?,
        expose_headers: tokens(&filter.expose_headers, &field.name("exposeHeaders"))?,
        max_age: Duration::from_secs(filter.max_age.into()),
    })
}

/// `*` is a token like any other.
fn tokens(names: &[String], field: &Field<'_>) -> Result<Vec<Arc<str>>, Fault> {
    let mut translated = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if !is_token(name) {
            return Err(Fault::unsupported(&field.index(index), format!("`{name}` is no HTTP name")));
        }
        translated.push(name.as_str().into());
    }
    Ok(translated)
}
