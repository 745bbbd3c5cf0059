//! Syntaxes that no regular expression says: addresses, durations, qualified names.

use std::net::{IpAddr, Ipv6Addr};

use super::pattern;

/// Whether the API server's format `ipv4` or `ipv6` takes the text. Leading zeros pass in an IPv4 address, as it reads
/// them for old clients' sake.
pub(super) fn is_address(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok() || is_sloppy_v4(text) || is_sloppy_v6(text)
}

fn is_sloppy_v4(text: &str) -> bool {
    let parts: Vec<_> = text.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| is_octet(part))
}

fn is_octet(part: &str) -> bool {
    let significant = part.trim_start_matches('0');
    !part.is_empty()
        && part.bytes().all(|byte| byte.is_ascii_digit())
        && (significant.is_empty() || significant.parse::<u8>().is_ok())
}

/// An IPv6 address whose last 32 bits are a sloppy IPv4 address.
fn is_sloppy_v6(text: &str) -> bool {
    let Some((head, tail)) = text.rsplit_once(':') else { return false };
    is_sloppy_v4(tail) && format!("{head}:0.0.0.0").parse::<Ipv6Addr>().is_ok()
}

/// Whether the text is an IP address in its canonical reading: no leading zeros, no zone, no IPv4 inside IPv6.
pub(super) fn is_ip(text: &str) -> bool {
    match text.parse() {
        Ok(IpAddr::V4(_)) => true,
        Ok(IpAddr::V6(address)) => address.to_ipv4_mapped().is_none(),
        Err(_) => false,
    }
}

/// Milliseconds of a duration of GEP-2257; `None` if the text is no such duration.
pub(super) fn duration_ms(text: &str) -> Option<u64> {
    if !pattern::DURATION.is_in(text) {
        return None;
    }
    let mut total_ms = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let units = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(units);
        let unit_ms = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            _ => return None,
        };
        // Five digits at most and four terms: far from overflow.
        total_ms += number.parse::<u64>().ok()? * unit_ms;
        rest = tail;
    }
    Some(total_ms)
}

pub(super) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && pattern::DNS_SUBDOMAIN.is_in(text)
}

pub(super) fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && pattern::DNS_LABEL.is_in(text)
}

/// Whether the text is a label or annotation key: a name, after an optional domain and a slash.
pub(crate) fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_subdomain) && !name.is_empty() && name.len() <= 63 && pattern::LABEL_VALUE.is_in(name)
}

/// Whether the text can be the value of a label.
pub(crate) fn is_label_value(text: &str) -> bool {
    text.len() <= 63 && pattern::LABEL_VALUE.is_in(text)
}

/// An IANA service name, as ports have it: at most 15 characters, a letter among them, no '-' at an end or doubled.
pub(super) fn is_port_name(text: &str) -> bool {
    text.len() <= 15
        && pattern::PORT_NAME.is_in(text)
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
        && !text.contains("--")
        && !text.starts_with('-')
        && !text.ends_with('-')
}
