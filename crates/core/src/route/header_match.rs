//! Header matches, which HTTPRoute and GRPCRoute write alike.

use crate::{
    api::http_route::HeaderMatchType,
    field::Field,
    plan::{HeaderMatch, Pattern, StringMatch},
    route::Fault,
};

/// Translates header matches given as type, name and value. The first entry of a name counts, as the API has it.
///
/// # Errors
/// An expression that cannot be used, or an unknown type.
pub(crate) fn translate<'a>(
    headers: impl Iterator<Item = (&'a HeaderMatchType, &'a str, &'a str)>,
    field: &Field<'_>,
) -> Result<Vec<HeaderMatch>, Fault> {
    let mut translated: Vec<HeaderMatch> = Vec::new();
    for (index, (r#type, name, value)) in headers.enumerate() {
        let name = name.to_ascii_lowercase();
        if translated.iter().any(|seen| *seen.name == *name) {
            continue;
        }
        let field = field.index(index);
        let value = match r#type {
            HeaderMatchType::Exact => StringMatch::Exact(value.into()),
            HeaderMatchType::RegularExpression => StringMatch::Regex(pattern(value, &field.name("value"))?),
            HeaderMatchType::Unknown(text) => {
                let message = format!("`{text}` is no known header match; Exact and RegularExpression are");
                return Err(Fault::unsupported(&field.name("type"), message));
            }
        };
        translated.push(HeaderMatch { name: name.into(), value });
    }
    Ok(translated)
}

/// Compiles a regular expression of a manifest.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn pattern(text: &str, field: &Field<'_>) -> Result<Pattern, Fault> {
    Pattern::new(text).map_err(|error| {
        // The lines before the last draw a picture, which a condition has no room for.
        let error = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let message = format!("`{text}` is no regular expression that can be used: {error}");
        Fault::unsupported(field, message)
    })
}
