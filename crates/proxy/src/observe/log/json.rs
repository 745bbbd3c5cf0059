//! The line for machines: one JSON object, the same names in each, absent values left out.

use std::io::Write;

use super::entry::{Entry, Text, push_time};

pub(super) fn write(line: &mut Vec<u8>, entry: &Entry) {
    line.extend_from_slice(b"{\"time\":\"");
    push_time(line, entry.time);
    let _ = write!(line, "\",\"client\":\"{}\"", entry.client);
    for (name, text) in [
        ("method", Text::Method),
        ("authority", Text::Authority),
        ("path", Text::Path),
        ("query", Text::Query),
        ("listener", Text::Listener),
        ("route", Text::Route),
        ("rule_name", Text::RuleName),
    ] {
        if !entry.text(text).is_empty() {
            let _ = write!(line, ",\"{name}\":\"");
            escape(line, entry.text(text));
            line.push(b'"');
        }
    }
    if let Some(rule) = entry.rule {
        let _ = write!(line, ",\"rule\":{rule}");
    }
    let _ = write!(
        line,
        ",\"protocol\":\"{}\",\"status\":{},\"request_bytes\":{},\"response_bytes\":{},\"duration_seconds\":{:.6}",
        entry.version,
        entry.status,
        entry.request_bytes,
        entry.response_bytes,
        entry.duration.as_secs_f64()
    );
    if let Some(endpoint) = entry.endpoint {
        let _ = write!(line, ",\"endpoint\":\"{endpoint}\"");
    }
    if let Some(duration) = entry.backend_duration {
        let _ = write!(line, ",\"backend_seconds\":{:.6}", duration.as_secs_f64());
    }
    if entry.retries > 0 {
        let _ = write!(line, ",\"retries\":{}", entry.retries);
    }
    if let Some(failure) = entry.failure {
        let _ = write!(line, ",\"failure\":\"{failure}\"");
    }
    if let Some(rule) = entry.refused {
        let _ = write!(line, ",\"refused\":\"{rule}\"");
    }
    line.extend_from_slice(b"}\n");
}

/// Appends `text` as the inside of a JSON string (RFC 8259 §7).
fn escape(line: &mut Vec<u8>, text: &str) {
    for character in text.chars() {
        match character {
            '"' => line.extend_from_slice(b"\\\""),
            '\\' => line.extend_from_slice(b"\\\\"),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
                let _ = write!(line, "\\u{:04x}", character as u32);
            }
            plain => line.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}
