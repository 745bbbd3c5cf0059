//! YAML text becomes positioned values.
//!
//! Reads YAML 1.2 (JSON is part of it) with the scalars, merge keys and document marks that Kubernetes' own reader takes.
//! Knows nothing of kinds and fields: a name that stands twice in a map is kept twice, for validation to report.

mod build;
mod scalar;
#[cfg(test)]
mod tests;

use std::fmt;

use gatewright_core::api::schema::{Node, Position};

/// What is wrong with a document's syntax, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SyntaxError {
    pub(crate) at: Position,
    pub(crate) message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.line, self.at.column, self.message)
    }
}

/// Reads the text of one document, and returns what is in it; nothing when it is empty.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, SyntaxError> {
    let mut nodes = build::documents(text)?;
    nodes.retain(|node| !node.is_null());
    Ok(nodes)
}

/// Cuts the text of a file into documents that are read by themselves, so that one that is broken does not hide the
/// others: before each line that begins a document (`---`, YAML 1.2 §9.1.2), with the number of the cut's first line
/// counted from 0. A mark that follows nothing but comments and directives begins the document they belong to.
pub(crate) fn split(text: &str) -> Vec<(u32, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 0, 0);
    let mut has_content = false;
    for (number, line) in (0_u32..).zip(text.split_inclusive('\n')) {
        let mark =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if mark && has_content {
            documents.push((start_line, &text[start..offset]));
            (start, start_line) = (offset, number);
        }
        has_content |= mark || !matches!(line.trim_start().as_bytes().first(), None | Some(b'#' | b'%'));
        offset += line.len();
    }
    documents.push((start_line, &text[start..]));
    documents
}
