//! Breaks every rule of every schema, at every path and in both channels, with the values of `rules.yaml`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{objects, rules_with_paths, yaml};
use crate::api::schema::{Decision, Severity, shape::Channel, validate};

/// One entry of `rules.yaml`.
struct Case {
    problem: String,
    path: String,
    channel: Option<Channel>,
    holds: Vec<Value>,
    breaks: Vec<Value>,
    is_broken_elsewhere: bool,
}

/// What the values of a rule have shown, over all the objects that it was tried in.
#[derive(Default)]
struct Shown {
    is_accepted: bool,
    is_broken: bool,
    wrong: Vec<String>,
}

#[test]
fn every_rule_can_hold_and_be_broken() {
    let cases = cases();
    let mut shown = BTreeMap::<String, Shown>::new();
    for channel in [Channel::Standard, Channel::Experimental] {
        for object in objects(channel) {
            for (path, problem) in rules_with_paths(&object, channel) {
                let cases: Vec<_> = cases.iter().filter(|case| case.is_about(&path, &problem, channel)).collect();
                let place = format!("{channel:?} {} {} {path} {problem:?}", object["apiVersion"], object["kind"]);
                let shown = shown.entry(place).or_default();
                shown.is_broken |= cases.iter().any(|case| case.is_broken_elsewhere);
                shown.is_accepted |= !cases.is_empty() && cases.iter().all(|case| case.holds.is_empty());
                shown.try_values(&object, &path, &problem, channel, &cases);
            }
        }
    }
    let mut wrong = Vec::new();
    for (place, shown) in shown {
        wrong.extend(shown.wrong.iter().map(|text| format!("{place}: {text}")));
        wrong.extend((!shown.is_accepted).then(|| format!("{place}: no value is accepted")));
        wrong.extend((!shown.is_broken).then(|| format!("{place}: no value breaks it")));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_case_is_about_a_rule() {
    let mut known = Vec::new();
    for channel in [Channel::Standard, Channel::Experimental] {
        for object in objects(channel) {
            known
                .extend(rules_with_paths(&object, channel).into_iter().map(|(path, problem)| (path, problem, channel)));
        }
    }
    for case in cases() {
        let is_used = known.iter().any(|(path, problem, channel)| case.is_about(path, problem, *channel));
        assert!(is_used, "no schema has the rule {:?} at {:?}", case.problem, case.path);
    }
}

impl Shown {
    fn try_values(&mut self, object: &Value, path: &str, problem: &str, channel: Channel, cases: &[&Case]) {
        let check = |value: &Value| {
            let checked = validate(replaced(object, path, value).into(), channel);
            let is_found = checked.findings.iter().any(|f| f.severity == Severity::Error && f.problem == problem);
            (checked.decision, is_found)
        };
        for value in cases.iter().flat_map(|case| &case.holds) {
            let (decision, is_found) = check(value);
            self.is_accepted |= decision == Decision::Accepted;
            self.wrong.extend(is_found.then(|| format!("broken by {value}")));
        }
        for value in cases.iter().flat_map(|case| &case.breaks) {
            let (decision, is_found) = check(value);
            self.is_broken |= is_found;
            self.wrong.extend((decision != Decision::Rejected).then(|| format!("not broken by {value}")));
        }
    }
}

/// The object with `value` at the first place that a schema's path leads to.
fn replaced(object: &Value, path: &str, value: &Value) -> Value {
    let mut object = object.clone();
    match path {
        "" => {
            let known = object.as_object_mut().unwrap();
            known.retain(|key, _| ["apiVersion", "kind", "metadata"].contains(&key.as_str()));
            known.extend(value.as_object().unwrap().clone());
        }
        path => *places(&mut object, path).into_iter().next().unwrap() = value.clone(),
    }
    object
}

/// The values that a schema's path leads to.
pub(super) fn places<'a>(object: &'a mut Value, path: &str) -> Vec<&'a mut Value> {
    let words = path.replace("[]", ".[]").replace(".*", ".[]");
    words.split('.').skip(1).fold(vec![object], |values, word| {
        let inside = |value: &'a mut Value| -> Vec<&'a mut Value> {
            match (value, word) {
                (Value::Array(items), "[]") => items.iter_mut().collect(),
                (Value::Object(fields), "[]") => fields.values_mut().collect(),
                (Value::Object(fields), name) => fields.get_mut(name).into_iter().collect(),
                _ => Vec::new(),
            }
        };
        values.into_iter().flat_map(inside).collect()
    })
}

fn cases() -> Vec<Case> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let documents = yaml::documents(include_str!("rules.yaml"));
    let entries = documents[0].as_array().unwrap();
    entries
        .iter()
        .map(|entry| Case {
            problem: text(&entry["problem"]),
            path: text(&entry["path"]),
            channel: match entry["channel"].as_str() {
                None => None,
                Some("standard") => Some(Channel::Standard),
                Some("experimental") => Some(Channel::Experimental),
                Some(other) => panic!("no channel: {other}"),
            },
            holds: list(&entry["holds"]),
            breaks: list(&entry["breaks"]),
            is_broken_elsewhere: entry["elsewhere"] != json!(null),
        })
        .collect()
}

impl Case {
    fn is_about(&self, path: &str, problem: &str, channel: Channel) -> bool {
        self.problem == problem && path.contains(&self.path) && self.channel.is_none_or(|only| only == channel)
    }
}
