//! RequestMirror of a route becomes a [`Mirror`], once its backend is resolved.

use super::Mirror;
use crate::{api::http_route::RequestMirrorFilter, field::Field, plan::BackendId, route::Fault};

/// Mirrors a share, a numerator and a denominator, of the requests to `backend`.
pub(crate) fn translate(backend: BackendId, (numerator, denominator): (u32, u32)) -> Mirror {
    Mirror { backend, numerator, denominator }
}

/// Returns the share of requests that are mirrored: all, unless the filter says how many.
///
/// # Errors
/// A share above one, or of nothing.
pub(crate) fn share(filter: &RequestMirrorFilter, field: &Field<'_>) -> Result<(u32, u32), Fault> {
    match (filter.percent, &filter.fraction) {
        (Some(_), Some(_)) => Err(Fault::unsupported(field, "has both `percent` and `fraction`; give one of them")),
        (Some(percent), None) if percent > 100 => Err(Fault::unsupported(
            &field.name("percent"),
            format!("{percent} is more than all; at most 100 is accepted"),
        )),
        (Some(percent), None) => Ok((percent, 100)),
        (None, Some(fraction)) if fraction.denominator == 0 || fraction.numerator > fraction.denominator => {
            let message = format!(
                "{}/{} is no share of requests; the numerator is at most the denominator, which is at least 1",
                fraction.numerator, fraction.denominator
            );
            Err(Fault::unsupported(&field.name("fraction"), message))
        }
        (None, Some(fraction)) => Ok((fraction.numerator, fraction.denominator)),
        (None, None) => Ok((100, 100)),
    }
}
