//! What validation has to say about a value, for the person who wrote it.

use std::fmt;

use super::value::{Node, Position, Value};

/// How much a finding costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The API server would take the object, and it works without the value found.
    Warning,
    /// The API server would refuse the object.
    Error,
}

/// One thing found, in four parts: where, what stands there, what is wrong with it, what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// Path of the field, as in `spec.rules[0].matches[1].path.value`; empty for the object as a whole.
    pub path: String,
    /// Where the value stands; that of the nearest value around it that was written.
    pub at: Position,
    /// The value as JSON, shortened.
    pub value: String,
    pub problem: String,
    /// Empty where the problem says it.
    pub accepted: String,
    /// A warning of a field that the kind does not have, and that was left out: misspelt, most likely. The API server
    /// refuses it where it is asked to be strict, as kubectl does.
    pub is_unknown_field: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, value, problem, accepted, .. } = self;
        match (path.is_empty(), value.is_empty()) {
            (true, _) => write!(f, "{problem}")?,
            (false, true) => write!(f, "{path}: {problem}")?,
            (false, false) => write!(f, "{path}: {value} {problem}")?,
        }
        if accepted.is_empty() { Ok(()) } else { write!(f, "; accepted: {accepted}") }
    }
}

/// One step from a value into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Field(&'static str),
    /// A field that no schema names.
    Unknown(String),
    /// A key that people choose, as in `metadata.labels[app]`.
    Key(String),
    Index(usize),
}

/// The way from the object to the value at hand, and where the nearest written value stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    steps: Vec<(Step, Position)>,
    root: Position,
}

impl Path {
    pub(super) fn new(root: Position) -> Self {
        Self { steps: Vec::new(), root }
    }

    /// Goes one step down to a value that stands at `at`; the default position is that of the value around it.
    pub(super) fn push(&mut self, step: Step, at: Position) {
        let at = if at == Position::default() { self.at() } else { at };
        self.steps.push((step, at));
    }

    pub(super) fn pop(&mut self) {
        self.steps.pop();
    }

    pub(super) fn at(&self) -> Position {
        self.steps.last().map_or(self.root, |(_, at)| *at)
    }

    fn render(&self) -> String {
        let mut text = String::new();
        for (step, _) in &self.steps {
            match step {
                Step::Field(name) => push_field(&mut text, name),
                Step::Unknown(name) => push_field(&mut text, name),
                Step::Key(key) => text.push_str(&format!("[{key}]")),
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }
}

fn push_field(text: &mut String, name: &str) {
    if !text.is_empty() {
        text.push('.');
    }
    text.push_str(name);
}

/// Findings as they are made, and whether one of them stops the rules from being asked.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
    /// A field is missing, of the wrong type, too long or outside its closed set: rules may not be asked about it.
    pub(super) is_blocked: bool,
}

/// Findings of one object beyond which no more are kept: a generated file may be wrong ten thousand times over.
const FINDINGS_MAX: usize = 100;

impl Report {
    pub(super) fn warn(&mut self, path: &Path, value: String, problem: impl Into<String>, accepted: impl Into<String>) {
        self.add(Severity::Warning, path, value, problem.into(), accepted.into());
    }

    /// Warns of a field that the kind does not have.
    pub(super) fn warn_unknown_field(&mut self, path: &Path, value: String, problem: String, accepted: String) {
        let before = self.findings.len();
        self.add(Severity::Warning, path, value, problem, accepted);
        self.findings[before..].iter_mut().for_each(|finding| finding.is_unknown_field = true);
    }

    pub(super) fn refuse(
        &mut self,
        path: &Path,
        value: String,
        problem: impl Into<String>,
        accepted: impl Into<String>,
    ) {
        self.add(Severity::Error, path, value, problem.into(), accepted.into());
    }

    /// Refuses, and keeps the rules from being asked.
    pub(super) fn block(
        &mut self,
        path: &Path,
        value: String,
        problem: impl Into<String>,
        accepted: impl Into<String>,
    ) {
        self.is_blocked = true;
        self.refuse(path, value, problem, accepted);
    }

    fn add(&mut self, severity: Severity, path: &Path, value: String, problem: String, accepted: String) {
        let is_first_error = severity == Severity::Error && !self.has_error();
        if self.findings.len() < FINDINGS_MAX || is_first_error {
            let (path, at) = (path.render(), path.at());
            self.findings.push(Finding { severity, path, at, value, problem, accepted, is_unknown_field: false });
        }
    }

    pub(super) fn has_error(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Characters of a value that a finding shows.
const SHOWN_MAX: usize = 80;

/// The value as JSON, cut where it becomes too long to read.
pub(super) fn shorten(node: &Node) -> String {
    let mut text = String::new();
    show(node, &mut text);
    match text.char_indices().nth(SHOWN_MAX) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Writes JSON until there is more than enough of it.
fn show(node: &Node, text: &mut String) {
    if text.len() > 4 * SHOWN_MAX {
        return;
    }
    match &node.value {
        Value::Null => text.push_str("null"),
        Value::Bool(bit) => text.push_str(if *bit { "true" } else { "false" }),
        Value::Integer(number) => text.push_str(&number.to_string()),
        Value::Float(number) => text.push_str(&number.to_string()),
        Value::String(string) => {
            let cut = string.char_indices().nth(SHOWN_MAX).map_or(string.as_str(), |(end, _)| &string[..end]);
            text.push_str(&serde_json::Value::from(cut).to_string());
        }
        Value::List(items) => {
            text.push('[');
            for (index, item) in items.iter().take(SHOWN_MAX).enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                show(item, text);
            }
            text.push(']');
        }
        Value::Map(map) => {
            text.push('{');
            for (index, entry) in map.entries.iter().take(SHOWN_MAX).enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                text.push_str(&entry.key);
                text.push_str(": ");
                show(&entry.node, text);
            }
            text.push('}');
        }
    }
}
