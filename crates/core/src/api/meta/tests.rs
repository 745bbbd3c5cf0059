use proptest::prelude::*;

use super::*;

#[test]
fn time_reads_what_kubernetes_and_people_write() {
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T12:30:45Z", 1_709_209_845),
        ("2024-02-29T12:30:45.999999Z", 1_709_209_845),
        ("2024-02-29T13:30:45+01:00", 1_709_209_845),
        ("2024-02-29 12:30:45z", 1_709_209_845),
    ] {
        assert_eq!(Time::parse(text), Some(Time(seconds)), "{text}");
    }
    for text in [
        "",
        "2024-02-29",
        "2024-13-01T00:00:00Z",
        "2024-02-29T12:30:45",
        "1969-12-31T23:59:59Z",
        "2024-02-29T12:30:45é",
    ] {
        assert_eq!(Time::parse(text), None, "{text}");
    }
}

#[test]
fn selector_needs_labels_and_expressions_to_hold() {
    let labels = BTreeMap::from([("team".to_owned(), "a".to_owned()), ("tier".to_owned(), "web".to_owned())]);
    for (selector, chosen) in [
        (r#"{}"#, true),
        (r#"{"matchLabels":{"team":"a"}}"#, true),
        (r#"{"matchLabels":{"team":"b"}}"#, false),
        (r#"{"matchExpressions":[{"key":"team","operator":"In","values":["a","b"]}]}"#, true),
        (r#"{"matchExpressions":[{"key":"team","operator":"NotIn","values":["a","b"]}]}"#, false),
        (r#"{"matchExpressions":[{"key":"other","operator":"NotIn","values":["a"]}]}"#, true),
        (r#"{"matchExpressions":[{"key":"other","operator":"Exists"}]}"#, false),
        (r#"{"matchExpressions":[{"key":"other","operator":"DoesNotExist"}]}"#, true),
        (r#"{"matchLabels":{"team":"a"},"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]}"#, false),
    ] {
        let parsed: LabelSelector = serde_json::from_str(selector).unwrap();
        assert_eq!(parsed.parse().unwrap().matches(&labels), chosen, "{selector}");
    }
}

#[test]
fn a_selector_that_is_invalid_chooses_nothing_and_names_its_field() {
    let long = "a".repeat(64);
    for (selector, field) in [
        (r#"{"matchExpressions":[{"key":"tier","operator":"In"}]}"#.to_owned(), "matchExpressions[0].values"),
        (r#"{"matchExpressions":[{"key":"tier","operator":"NotIn","values":[]}]}"#.into(), "matchExpressions[0].values"),
        (r#"{"matchExpressions":[{"key":"tier","operator":"NotIn","values":null}]}"#.into(), "matchExpressions[0].values"),
        (r#"{"matchExpressions":[{"key":"tier","operator":"Exists","values":["a"]}]}"#.into(), "matchExpressions[0].values"),
        (
            r#"{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"a","operator":"Exists"},{"key":"tier","operator":"DoesNotExist","values":[""]}]}"#.into(),
            "matchExpressions[1].values",
        ),
        (r#"{"matchExpressions":[{"key":"tier","operator":"Equals","values":["a"]}]}"#.into(), "matchExpressions[0].operator"),
        (r#"{"matchExpressions":[{"key":"tier","operator":"exists"}]}"#.into(), "matchExpressions[0].operator"),
        (r#"{"matchExpressions":[{"key":"","operator":"Exists"}]}"#.into(), "matchExpressions[0]"),
        (r#"{"matchExpressions":[{"key":"a/b/c","operator":"DoesNotExist"}]}"#.into(), "matchExpressions[0]"),
        (r#"{"matchExpressions":[{"key":"a","operator":"NotIn","values":["no value!"]}]}"#.into(), "matchExpressions[0]"),
        (r#"{"matchLabels":{"no label!":"web"}}"#.into(), "matchLabels"),
        (r#"{"matchLabels":{"a":"-"}}"#.into(), "matchLabels"),
        (format!(r#"{{"matchLabels":{{"a":"{long}"}}}}"#), "matchLabels"),
        (format!(r#"{{"matchLabels":{{"{long}":""}}}}"#), "matchLabels"),
    ] {
        let parsed: LabelSelector = serde_json::from_str(&selector).unwrap();
        let wrong = parsed.parse().expect_err(&selector);
        assert_eq!(wrong.iter().map(|wrong| &*wrong.field).collect::<Vec<_>>(), [field], "{selector}");
    }
}

#[test]
fn every_fault_of_a_selector_is_named() {
    let text =
        r#"{"matchLabels":{"?":"!"},"matchExpressions":[{"key":"?","operator":"?"},{"key":"a","operator":"In"}]}"#;
    let parsed: LabelSelector = serde_json::from_str(text).unwrap();
    assert_eq!(parsed.parse().unwrap_err().len(), 5);
}

proptest! {
    #[test]
    fn time_survives_being_written_and_read(seconds in 0..253_402_300_800u64) {
        prop_assert_eq!(Time::parse(&Time(seconds).to_string()), Some(Time(seconds)));
    }

    #[test]
    fn time_never_panics(text in "\\PC{0,40}") {
        let _ = Time::parse(&text);
    }
}
