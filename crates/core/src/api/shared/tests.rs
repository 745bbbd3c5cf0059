use proptest::prelude::*;

use super::*;

#[test]
fn duration_is_gep_2257() {
    for (text, millis) in [
        ("500ms", 500),
        ("1s", 1000),
        ("1m30s", 90_000),
        ("1h1m1s1ms", 3_661_001),
        ("0s", 0),
        ("99999h", 359_996_400_000),
    ] {
        assert_eq!(Duration::parse(text), Some(Duration(StdDuration::from_millis(millis))), "{text}");
    }
    for text in ["", "1", "s", "-1s", "1.5s", "100000s", "1d", "1s1s1s1s1s", "1s "] {
        assert_eq!(Duration::parse(text), None, "{text}");
    }
}

#[test]
fn references_default_as_the_crds_do() {
    let parent: ParentReference = serde_json::from_str(r#"{"name":"gw"}"#).unwrap();
    assert_eq!((parent.group.as_str(), parent.kind.as_str()), (GATEWAY_GROUP, "Gateway"));
    let backend: BackendRef = serde_json::from_str(r#"{"name":"svc","port":80}"#).unwrap();
    assert_eq!((backend.object.group.as_str(), backend.object.kind.as_str(), backend.weight), ("", "Service", 1));
    let secret: SecretObjectReference = serde_json::from_str(r#"{"name":"cert"}"#).unwrap();
    assert_eq!((secret.group.as_str(), secret.kind.as_str()), ("", "Secret"));
}

proptest! {
    #[test]
    fn duration_never_panics(text in "\\PC{0,30}") {
        let _ = Duration::parse(&text);
    }
}
