//! Limits from both sides: what is just inside is taken, what is just outside is not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{objects, rule::places, schemas_with_paths};
use crate::{
    api::schema::{
        Checked, Decision, Finding, Node,
        shape::{Channel, Need, Schema, Shape},
        validate,
    },
    world::Object,
};

#[test]
fn every_limit_is_kept_to_the_last_unit() {
    let mut unreadable = Vec::new();
    for channel in [Channel::Standard, Channel::Experimental] {
        for object in objects(channel) {
            for (path, schema) in schemas_with_paths(&object, channel).into_iter().filter(|(path, _)| !path.is_empty())
            {
                for (value, is_inside) in around_limits(schema) {
                    let mut changed = object.clone();
                    *places(&mut changed, &path).remove(0) = value.clone();
                    let checked = validate(changed.into(), channel);
                    let complaints = complaints_about_limits(&checked, &path);
                    let place = format!("{channel:?} {} {path} = {:.99}", object["kind"], value.to_string());
                    assert_eq!(complaints.is_empty(), is_inside, "{place}: {complaints:?}");
                    if checked.decision == Decision::Accepted {
                        let typed = Object::from_value(checked.object.into());
                        unreadable.extend(typed.err().map(|error| format!("{place}: {error}")));
                    }
                }
            }
        }
    }
    assert!(unreadable.is_empty(), "accepted, but unreadable as a typed object:\n{}", unreadable.join("\n"));
}

/// Values at a schema's limits, and whether they are within them; other checks may still find them wrong.
fn around_limits(schema: &Schema) -> Vec<(Value, bool)> {
    match &schema.shape {
        Shape::Text(text) if text.choices.is_empty() => {
            let min = text.length_min.checked_sub(1).map(|short| (json!("a".repeat(short)), false));
            let least = (text.length_min > 0).then(|| (json!("é".repeat(text.length_min)), true));
            // Two bytes each: lengths are in code points.
            let max = text.length_max.map(|max| (json!("é".repeat(max)), true));
            let long = text.length_max.map(|max| (json!("a".repeat(max + 1)), false));
            let free = (text.length_max.is_none() && text.pattern.is_none()).then(|| (json!("anything at all"), true));
            [min, least, max, long, free].into_iter().flatten().collect()
        }
        Shape::Text(text) => {
            let inside = text.choices.iter().map(|choice| (json!(choice), true));
            inside
                .chain([(json!(format!("{}x", text.choices[0])), false), (json!(""), text.choices.contains(&""))])
                .collect()
        }
        Shape::Integer(integer) if integer.choices.is_empty() => {
            let min = integer.min.or(integer.is_int32.then_some(i32::MIN.into()));
            let max = integer.max.or(integer.is_int32.then_some(i32::MAX.into()));
            let limits = [min.map(|min| (min, min - 1)), max.map(|max| (max, max + 1))].into_iter().flatten();
            let around = limits.flat_map(|(inside, outside)| [(json!(inside), true), (json!(outside), false)]);
            around.chain(max.is_none().then(|| (json!(i64::MAX), true))).collect()
        }
        Shape::Integer(integer) => {
            let inside = integer.choices.iter().map(|choice| (json!(choice), true));
            inside.chain([(json!(integer.choices[0] - 1), false)]).collect()
        }
        Shape::List(list) => {
            let of = |count| Value::from(vec![Value::Null; count]);
            let min = list.size_min.checked_sub(1).map(|few| (of(few), false));
            let least = (list.size_min > 0).then(|| (of(list.size_min), true));
            let max = list.size_max.map(|max| (of(max), true));
            let many = list.size_max.map(|max| (of(max + 1), false));
            [min, least, max, many].into_iter().flatten().collect()
        }
        Shape::Map(map) => {
            let of = |count| (0..count).map(|index| (format!("a{index}"), json!("b"))).collect::<Value>();
            let few = map.size_min.checked_sub(1).map(|few| (of(few), false));
            let max = map.size_max.map(|max| (of(max), true));
            let many = map.size_max.map(|max| (of(max + 1), false));
            [few, max, many].into_iter().flatten().collect()
        }
        Shape::Object(object) => {
            let is_whole = object.size_min == 0 && object.fields.iter().all(|field| field.need != Need::Required);
            vec![(json!({}), is_whole)]
        }
        Shape::Boolean => vec![(json!(true), true), (json!(false), true), (json!("true"), false)],
        Shape::IntOrString => vec![(json!(1), true), (json!("a"), true), (json!(true), false)],
        Shape::Anything => Vec::new(),
    }
}

/// What was said of the limits of the value at a schema's path, or of the fields that it lacks.
fn complaints_about_limits(checked: &Checked, path: &str) -> Vec<String> {
    let words = [
        "characters long",
        "too short",
        "out of range",
        "one of the values",
        " items",
        " entries",
        "is missing",
        "no field",
        "is a string",
        "is a boolean",
    ];
    let place = path.trim_start_matches('.').replace(".*", "[]");
    let is_about = |finding: &&Finding| {
        let about = without_indices(&finding.path);
        about == place
            || (finding.problem == "is missing" && about.rsplit_once('.').is_some_and(|(parent, _)| parent == place))
    };
    let findings = checked.findings.iter().filter(is_about);
    findings
        .filter(|finding| words.iter().any(|word| finding.problem.contains(word)))
        .map(ToString::to_string)
        .collect()
}

/// The path with nothing between its brackets.
fn without_indices(path: &str) -> String {
    let mut is_inside = false;
    let keep = |c: &char| {
        is_inside = (is_inside || *c == '[') && *c != ']';
        !is_inside || *c == '['
    };
    path.chars().filter(keep).collect()
}

#[test]
fn matches_of_all_rules_are_counted_together() {
    for kind in ["HTTPRoute", "GRPCRoute"] {
        let route = |last: usize| {
            let rules = [64, 60, last].map(|count| json!({ "matches": vec![json!({}); count] }));
            let object = json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": { "name": "a" },
                "spec": { "rules": rules },
            });
            validate(object.into(), Channel::Standard).decision
        };
        assert_eq!((route(4), route(5)), (Decision::Accepted, Decision::Rejected), "{kind}");
    }
}

#[test]
fn domains_of_keys_have_a_length() {
    let gateway = |length: usize, field: &str| {
        let object = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "name": "a" },
            "spec": {
                "gatewayClassName": "a",
                "listeners": [{ "name": "a", "port": 80, "protocol": "HTTP" }],
                "infrastructure": { field: { (format!("{}/a", "a".repeat(length))): "b" } },
            },
        });
        validate(object.into(), Channel::Standard).decision
    };
    for field in ["labels", "annotations"] {
        assert_eq!((gateway(252, field), gateway(253, field)), (Decision::Accepted, Decision::Rejected), "{field}");
    }
}

#[test]
fn secrets_and_config_maps_have_a_size() {
    let object = |kind: &str, bytes: usize| {
        let object = json!({
            "apiVersion": "v1", "kind": kind, "metadata": { "name": "a" }, "data": { "a": "A".repeat(bytes) },
        });
        validate(object.into(), Channel::Standard).decision
    };
    const MIB: usize = 1024 * 1024;
    assert_eq!((object("ConfigMap", MIB), object("ConfigMap", MIB + 1)), (Decision::Accepted, Decision::Rejected));
    let encoded = MIB.div_ceil(3) * 4;
    assert_eq!((object("Secret", encoded - 4), object("Secret", encoded)), (Decision::Accepted, Decision::Rejected));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-z]{0,6}", inner), 0..6).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    /// Whatever stands anywhere in an object, validation answers; what it accepts it accepts again unchanged, and it can be
    /// read as a typed object.
    #[test]
    fn arbitrary_values_never_panic(object in 0_usize..1000, place in 0_usize..1000, value in any_value(), is_standard: bool) {
        let channel = if is_standard { Channel::Standard } else { Channel::Experimental };
        let objects = objects(channel);
        let mut object = objects[object % objects.len()].clone();
        let paths = schemas_with_paths(&object, channel);
        let (path, _) = &paths[place % paths.len()];
        *places(&mut object, path).remove(0) = value;
        let checked = validate(object.into(), channel);
        if checked.decision == Decision::Accepted {
            let again = validate(checked.object.clone(), channel);
            prop_assert_eq!(again.decision, Decision::Accepted);
            prop_assert_eq!(&again.object, &checked.object);
            let typed = Object::from_value(checked.object.into());
            prop_assert!(typed.is_ok(), "{}", typed.unwrap_err());
        }
    }

    #[test]
    fn arbitrary_documents_never_panic(value in any_value()) {
        validate(Node::from(value), Channel::Experimental);
    }
}
