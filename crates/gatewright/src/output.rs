//! Where commands write: results to standard output, news to standard error.

use std::io::{self, Write};

/// Writes a result. A reader that went away, as `head` does, is no error.
pub(crate) fn text(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// Returns `1 object`, `2 objects`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Writes a line for the person who started the process. Standard output stays free for the access log.
pub(crate) fn news(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
