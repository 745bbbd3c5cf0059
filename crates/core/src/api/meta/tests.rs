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
        assert_eq!(parsed.matches(&labels), chosen, "{selector}");
    }
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
