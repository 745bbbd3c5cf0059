//! One thing that is wrong with a manifest, said so that it can be found and mended.

use std::{
    cmp::Ordering,
    fmt,
    path::{Path, PathBuf},
};

use gatewright_core::{
    api::schema::{self, Position, Severity},
    world::ObjectRef,
};
use serde::{Deserialize, Serialize};

/// What is wrong, where, and what would be right. The texts are empty where there is nothing to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Finding {
    pub(crate) file: PathBuf,
    /// From 1; 0 when it is about the whole file.
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// What is found keeps the object, or a part of it, from working; otherwise it only has no effect.
    pub(crate) is_error: bool,
    /// An API server would refuse the object: the rest is about what objects mean together.
    pub(crate) is_refused: bool,
    /// A field that its kind does not have, most likely misspelt, and that is left out.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) is_unknown_field: bool,
    /// `HTTPRoute namespace/name`.
    pub(crate) object: String,
    /// `spec.rules[0].backendRefs[0]`.
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) problem: String,
    pub(crate) accepted: String,
    /// A manifest, in YAML, that would mend it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) mend: String,
}

fn is_false(bit: &bool) -> bool {
    !bit
}

/// By place, as a reader meets them; then by object and field, where `rules[2]` comes before `rules[10]`.
impl Ord for Finding {
    fn cmp(&self, other: &Self) -> Ordering {
        fn rest(it: &Finding) -> impl Ord {
            (&it.field, it.is_error, it.is_refused, &it.value, &it.problem, &it.accepted, &it.mend)
        }
        fn place(it: &Finding) -> impl Ord {
            (&it.file, it.line, it.column, &it.object)
        }
        let fields = || steps(&self.field).cmp(steps(&other.field));
        place(self).cmp(&place(other)).then_with(fields).then_with(|| rest(self).cmp(&rest(other)))
    }
}

impl PartialOrd for Finding {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The names and indices of a field, in order: each a text and the number after it, if one follows.
fn steps(field: &str) -> impl Iterator<Item = (&str, Option<u64>)> {
    field.split('[').flat_map(|part| part.split(']')).map(|step| match step.parse() {
        Ok(index) => ("", Some(index)),
        Err(_) => (step, None),
    })
}

impl Finding {
    /// Something that keeps a file, or a place in it, from being read.
    pub(crate) fn of_file(file: PathBuf, at: Position, problem: impl Into<String>) -> Self {
        Self { file, line: at.line, column: at.column, is_error: true, problem: problem.into(), ..Self::default() }
    }

    /// What validation says of an object, before anybody knows its file.
    pub(crate) fn of_schema(object: Option<&ObjectRef>, found: schema::Finding) -> Self {
        Self {
            file: PathBuf::new(),
            line: found.at.line,
            column: found.at.column,
            is_error: found.severity == Severity::Error,
            is_refused: found.severity == Severity::Error,
            is_unknown_field: found.is_unknown_field,
            object: object.map(ToString::to_string).unwrap_or_default(),
            field: found.path,
            value: found.value,
            problem: found.problem,
            accepted: found.accepted,
            mend: String::new(),
        }
    }

    /// Says in which file, and after how many lines of it, the document of the finding begins.
    pub(crate) fn placed(self, file: &Path, first_line: u32) -> Self {
        let line = if self.line == 0 { 0 } else { self.line.saturating_add(first_line) };
        Self { file: file.to_owned(), line, ..self }
    }
}

/// `file:line:column: error: OBJECT: FIELD: VALUE PROBLEM; accepted: ACCEPTED`, as compilers and editors have it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.as_os_str().is_empty() {
            write!(f, "{}:", self.file.display())?;
        }
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        write!(f, " {}", if self.is_error { "error" } else { "warning" })?;
        for part in [&self.object, &self.field] {
            if !part.is_empty() {
                write!(f, ": {part}")?;
            }
        }
        let value = if self.value.is_empty() { String::new() } else { format!("{} ", self.value) };
        write!(f, ": {value}{}", self.problem)?;
        if !self.accepted.is_empty() {
            write!(f, "; accepted: {}", self.accepted)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
