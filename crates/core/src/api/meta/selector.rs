//! Label selectors, and which of them are valid.
//!
//! The CRDs check nothing of them, so that whoever reads one must: a [`LabelSelector`] is what was written, and only a
//! [`Selector`] chooses. The rules are those of apimachinery's `LabelSelectorAsSelector`, by which every controller reads
//! them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::null_is_empty;
use crate::api::schema::{is_label_key, is_label_value};

/// Chooses objects by their labels; both parts must hold. An empty selector chooses everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_empty")]
    pub match_labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSelectorRequirement {
    pub key: String,
    pub operator: LabelSelectorOperator,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LabelSelectorOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    /// The CRDs take any word.
    #[serde(untagged)]
    Unknown(String),
}

/// What is wrong with one part of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSelector {
    /// Within the selector: `matchExpressions[0].values`.
    pub field: String,
    /// What is wrong, and what would be accepted.
    pub message: String,
}

/// A valid selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    labels: BTreeMap<String, String>,
    requirements: Vec<Requirement>,
}

/// Holds of the label `key`, or of its absence.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    condition: Condition,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    /// Never empty.
    In(Vec<String>),
    /// Never empty.
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl LabelSelector {
    /// Reads the selector as something that can choose.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(&self) -> Result<Selector, Vec<InvalidSelector>> {
        let mut wrong = Vec::new();
        for (key, value) in &self.match_labels {
            check("matchLabels", key, std::slice::from_ref(value), &mut wrong);
        }
        let mut requirements = Vec::with_capacity(self.match_expressions.len());
        for (index, requirement) in self.match_expressions.iter().enumerate() {
            let field = format!("matchExpressions[{index}]");
            check(&field, &requirement.key, &requirement.values, &mut wrong);
            match requirement.condition() {
                Ok(condition) => requirements.push(Requirement { key: requirement.key.clone(), condition }),
                Err((name, message)) => wrong.push(InvalidSelector { field: format!("{field}.{name}"), message }),
            }
        }
        match wrong.is_empty() {
            true => Ok(Selector { labels: self.match_labels.clone(), requirements }),
            false => Err(wrong),
        }
    }
}

impl LabelSelectorRequirement {
    /// Returns the condition, or the field that rules it out and why.
    fn condition(&self) -> Result<Condition, (&'static str, String)> {
        match (&self.operator, self.values.is_empty()) {
            (LabelSelectorOperator::In, false) => Ok(Condition::In(self.values.clone())),
            (LabelSelectorOperator::NotIn, false) => Ok(Condition::NotIn(self.values.clone())),
            (LabelSelectorOperator::Exists, true) => Ok(Condition::Exists),
            (LabelSelectorOperator::DoesNotExist, true) => Ok(Condition::DoesNotExist),
            (LabelSelectorOperator::In | LabelSelectorOperator::NotIn, true) => {
                Err(("values", "is empty; operators In and NotIn need at least one value".to_owned()))
            }
            (LabelSelectorOperator::Exists | LabelSelectorOperator::DoesNotExist, false) => {
                let values = self.values.join(", ");
                Err((
                    "values",
                    format!("operators Exists and DoesNotExist take no values; remove {values}, or use In or NotIn"),
                ))
            }
            (LabelSelectorOperator::Unknown(name), _) => {
                Err(("operator", format!("unknown operator {name:?}; In, NotIn, Exists and DoesNotExist are valid")))
            }
        }
    }
}

/// Checks that `key` and `values` can be those of a label.
fn check(field: &str, key: &str, values: &[String], wrong: &mut Vec<InvalidSelector>) {
    if !is_label_key(key) {
        let message =
            format!("{key:?} is no label key; a name of up to 63 characters after an optional domain and '/' is");
        wrong.push(InvalidSelector { field: field.to_owned(), message });
    }
    for value in values.iter().filter(|value| !is_label_value(value)) {
        let message = format!(
            "{value:?} is no label value; up to 63 letters, digits, '-', '_' and '.' are, with a letter or digit at each end"
        );
        wrong.push(InvalidSelector { field: field.to_owned(), message });
    }
}

impl Selector {
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.requirements.iter().all(|requirement| requirement.condition.holds(labels.get(&requirement.key)))
    }
}

impl Condition {
    fn holds(&self, label: Option<&String>) -> bool {
        match self {
            Self::In(values) => label.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => label.is_none_or(|value| !values.contains(value)),
            Self::Exists => label.is_some(),
            Self::DoesNotExist => label.is_none(),
        }
    }
}
