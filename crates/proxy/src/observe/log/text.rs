//! The line for people:
//! `2026-01-31T12:00:00.000Z 127.0.0.1:50312 "GET example.com/a?b HTTP/1.1" 200 in=0 out=12 0.000231s ...`

use std::io::Write;

use super::entry::{Entry, Text, push_time};

pub(super) fn write(line: &mut Vec<u8>, entry: &Entry) {
    push_time(line, entry.time);
    let _ = write!(line, " {} \"", entry.client);
    escape(line, entry.text(Text::Method));
    line.push(b' ');
    escape(line, entry.text(Text::Authority));
    escape(line, entry.text(Text::Path));
    if !entry.text(Text::Query).is_empty() {
        line.push(b'?');
        escape(line, entry.text(Text::Query));
    }
    let _ = write!(
        line,
        " {}\" {} in={} out={} {:.6}s",
        entry.version,
        entry.status,
        entry.request_bytes,
        entry.response_bytes,
        entry.duration.as_secs_f64()
    );
    if let Some(endpoint) = entry.endpoint {
        let _ = write!(line, " endpoint={endpoint}");
    }
    if let Some(duration) = entry.backend_duration {
        let _ = write!(line, " backend={:.6}s", duration.as_secs_f64());
    }
    for (name, text) in [(" listener=", Text::Listener), (" route=", Text::Route)] {
        if !entry.text(text).is_empty() {
            line.extend_from_slice(name.as_bytes());
            escape(line, entry.text(text));
        }
    }
    if let Some(rule) = entry.rule {
        let _ = write!(line, " rule={rule}");
        if !entry.text(Text::RuleName).is_empty() {
            line.push(b'/');
            escape(line, entry.text(Text::RuleName));
        }
    }
    if entry.retries > 0 {
        let _ = write!(line, " retries={}", entry.retries);
    }
    if let Some(failure) = entry.failure {
        let _ = write!(line, " failure={failure}");
    }
    if let Some(rule) = entry.refused {
        let _ = write!(line, " refused={rule}");
    }
    line.push(b'\n');
}

/// Appends `text` so that it can neither end its field nor the line, nor move a terminal's cursor.
fn escape(line: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | b' ' | 0..=0x1f | 0x7f.. => {
                let _ = write!(line, "\\x{byte:02x}");
            }
            plain => line.push(plain),
        }
    }
}
