//! RequestHeaderModifier and ResponseHeaderModifier of a route become a [`HeaderModifier`].

use std::sync::Arc;

use super::{HeaderModifier, is_reserved};
use crate::{
    api::{http_route::HttpHeaderFilter, shared::HttpHeader},
    field::Field,
    route::Fault,
};

/// Names and values.
type Headers = Vec<(Arc<str>, Arc<str>)>;

/// Translates one header filter.
///
/// # Errors
/// A name or value that HTTP does not allow, a field that is the gateway's own, or a name with two actions.
pub(crate) fn translate(filter: &HttpHeaderFilter, field: &Field<'_>) -> Result<HeaderModifier, Fault> {
    let modifier = HeaderModifier {
        set: headers(&filter.set, &field.name("set"))?,
        add: headers(&filter.add, &field.name("add"))?,
        remove: removed(&filter.remove, &field.name("remove"))?,
    };
    one_action_per_name(&modifier, field)?;
    Ok(modifier)
}

/// The first entry of a name counts, as the API has it.
fn headers(headers: &[HttpHeader], field: &Field<'_>) -> Result<Headers, Fault> {
    let mut translated: Headers = Vec::with_capacity(headers.len());
    for (index, header) in headers.iter().enumerate() {
        let field = field.index(index);
        check_name(&header.name, &field.name("name"))?;
        if !is_field_value(&header.value) {
            let message = "holds a control character, which no HTTP field value may";
            return Err(Fault::unsupported(&field.name("value"), message));
        }
        if !translated.iter().any(|(name, _)| name.eq_ignore_ascii_case(&header.name)) {
            translated.push((header.name.as_str().into(), header.value.trim_matches([' ', '\t']).into()));
        }
    }
    Ok(translated)
}

fn removed(names: &[String], field: &Field<'_>) -> Result<Vec<Arc<str>>, Fault> {
    let mut translated: Vec<Arc<str>> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        check_name(name, &field.index(index))?;
        let name = name.to_ascii_lowercase();
        if !translated.iter().any(|seen| **seen == *name) {
            translated.push(name.into());
        }
    }
    Ok(translated)
}

fn check_name(name: &str, field: &Field<'_>) -> Result<(), Fault> {
    if !is_token(name) {
        return Err(Fault::unsupported(field, format!("`{name}` is no HTTP field name")));
    }
    if name.eq_ignore_ascii_case("host") {
        let message = "Host decides where a request goes and is no field to be modified; rewrite it with a URLRewrite filter's `hostname`";
        return Err(Fault::unsupported(field, message));
    }
    if is_reserved(name) {
        let message = format!("`{name}` frames a message or belongs to one connection; the gateway alone writes it");
        return Err(Fault::unsupported(field, message));
    }
    Ok(())
}

/// Whether it can be a field's name or a method (RFC 9110 §5.6.2).
pub(crate) fn is_token(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// RFC 9110 §5.5: visible characters, spaces, tabs and bytes beyond ASCII.
fn is_field_value(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

fn one_action_per_name(modifier: &HeaderModifier, field: &Field<'_>) -> Result<(), Fault> {
    let added = |name: &str| modifier.add.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    let removed = |name: &str| modifier.remove.iter().any(|other| other.eq_ignore_ascii_case(name));
    let mut names = modifier.set.iter().chain(&modifier.add).map(|(name, _)| name);
    let twice = names.find(|name| {
        let set = modifier.set.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        [set, added(name), removed(name)].into_iter().filter(|&acts| acts).count() > 1
    });
    match twice {
        None => Ok(()),
        Some(name) => {
            let message = format!("`{name}` has more than one of `set`, `add` and `remove`; give each header one");
            Err(Fault::unsupported(field, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What gets into a message cannot end its line, frame it, or be read as another field.
        #[test]
        fn no_manifest_splits_a_message(name in "[-a-zA-Z:\\r\\n é]{0,12}|Host|TE|content-length", value in "\\PC{0,8}|[\\x00-\\x7f]{0,8}") {
            let header = HttpHeader { name, value };
            let remove = vec![header.name.clone()];
            let filters = [
                HttpHeaderFilter { set: vec![header.clone()], ..HttpHeaderFilter::default() },
                HttpHeaderFilter { add: vec![header.clone(), header], ..HttpHeaderFilter::default() },
                HttpHeaderFilter { remove, ..HttpHeaderFilter::default() },
            ];
            for modifier in filters.iter().filter_map(|filter| translate(filter, &Field::root("f")).ok()) {
                for (name, value) in modifier.set.iter().chain(&modifier.add) {
                    prop_assert!(!name.is_empty() && !is_reserved(name) && !name.contains([':', ' ', '\r', '\n']));
                    prop_assert!(!value.contains(['\r', '\n', '\0']));
                }
                prop_assert!(modifier.remove.iter().all(|name| !is_reserved(name)));
            }
        }
    }
}
