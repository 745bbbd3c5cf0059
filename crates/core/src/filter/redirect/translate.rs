//! RequestRedirect of a route becomes a [`Redirect`].

use super::Redirect;
use crate::{api::http_route::RequestRedirectFilter, field::Field, filter::rewrite, plan::Match, route::Fault};

/// Translates a RequestRedirect of a rule with these `matches`.
///
/// # Errors
/// A scheme or status code that the API does not know, and what [`rewrite::translate`] refuses.
pub(crate) fn translate(
    filter: &RequestRedirectFilter,
    matches: &[Match],
    field: &Field<'_>,
) -> Result<Redirect, Fault> {
    if let Some(scheme) = &filter.scheme
        && !matches!(scheme.as_str(), "http" | "https")
    {
        let message = format!("`{scheme}` is not supported; http and https are");
        return Err(Fault::unsupported(&field.name("scheme"), message));
    }
    if !matches!(filter.status_code, 301 | 302 | 303 | 307 | 308) {
        let message = format!("{} is not supported; 301, 302, 303, 307 and 308 are", filter.status_code);
        return Err(Fault::unsupported(&field.name("statusCode"), message));
    }
    Ok(Redirect {
        scheme: filter.scheme.as_deref().map(Into::into),
        hostname: rewrite::translate::hostname(filter.hostname.as_deref(), &field.name("hostname"))?,
        path: rewrite::translate::path(filter.path.as_ref(), matches, &field.name("path"))?,
        port: filter.port,
        status: filter.status_code,
    })
}
