//! What is written is what is read, where it stands, and whatever is wrong with it is said and survived.

use gatewright_core::api::schema::{Node, Position, Value};
use serde_json::json;

/// Every document that holds something, and what is wrong with the others.
fn read(text: &str) -> Vec<Result<Node, super::SyntaxError>> {
    let read = |text| match super::parse(text) {
        Ok(nodes) => nodes.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    };
    super::split(text).into_iter().flat_map(|(_, text)| read(text)).collect()
}

/// The only document of `text`, as JSON.
fn json_of(text: &str) -> serde_json::Value {
    let mut documents = read(text);
    assert_eq!(documents.len(), 1, "{documents:?}");
    documents.remove(0).unwrap().into()
}

fn error_of(text: &str) -> String {
    read(text).into_iter().find_map(Result::err).expect("no error").to_string()
}

#[test]
fn scalars_mean_what_kubernetes_reads() {
    // Each pair was checked against sigs.k8s.io/yaml v1.6.0.
    for (text, value) in [
        ("yes", json!(true)),
        ("On", json!(true)),
        ("n", json!(false)),
        ("OFF", json!(false)),
        ("'yes'", json!("yes")),
        ("\"80\"", json!("80")),
        ("oN", json!("oN")),
        ("~", json!(null)),
        ("80", json!(80)),
        ("+80", json!(80)),
        ("-0x1F", json!(-31)),
        ("017", json!(15)),
        ("0o17", json!(15)),
        ("0b101", json!(5)),
        ("1_000", json!(1000)),
        ("08", json!(8.0)),
        ("9223372036854775808", json!(9_223_372_036_854_775_808.0)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("1.5", json!(1.5)),
        ("1.", json!(1.0)),
        (".5e3", json!(500.0)),
        ("1e3", json!(1000.0)),
        ("1e", json!("1e")),
        ("--1", json!("--1")),
        ("0x", json!("0x")),
        ("1.2.3.4", json!("1.2.3.4")),
        ("10s", json!("10s")),
        ("2001-12-14", json!("2001-12-14")),
        ("12:30", json!("12:30")),
        ("!!str 5", json!("5")),
        ("!!int '5'", json!(5)),
        ("!!float 5", json!(5.0)),
        ("!own 5", json!("5")),
        ("|\n  a\n  b\n", json!("a\nb\n")),
        (">-\n  a\n  b\n", json!("a b")),
    ] {
        assert_eq!(json_of(&format!("v: {text}\n"))["v"], value, "{text}");
    }
}

#[test]
fn every_value_knows_its_place() {
    let document = read("# a comment\nkind: Gateway\nspec:\n  listeners:\n  - port: 80\n").remove(0).unwrap();
    let spec = &document.as_map().unwrap().entries[1];
    assert_eq!((spec.key.as_str(), spec.key_at), ("spec", Position { line: 3, column: 1 }));
    let port = document.find(&["spec", "listeners"]).unwrap().as_list().unwrap()[0].get("port").unwrap();
    assert_eq!(port, &Node::new(Value::Integer(80), Position { line: 5, column: 11 }));
}

#[test]
fn a_broken_document_leaves_the_others() {
    let text = "a: 1\n---\nb: [1\n--- # the third\nc: 3\n---\n---\n# nothing\n";
    let documents = read(text);
    assert_eq!(documents.len(), 3, "{documents:?}");
    assert_eq!(serde_json::Value::from(documents[0].clone().unwrap()), json!({"a": 1}));
    assert!(documents[1].is_err());
    assert_eq!(serde_json::Value::from(documents[2].clone().unwrap()), json!({"c": 3}));
    let cuts: Vec<_> = super::split(text).into_iter().map(|(first_line, _)| first_line).collect();
    assert_eq!(cuts, [0, 1, 3, 5, 6]);
}

#[test]
fn directives_and_json_are_read() {
    assert_eq!(json_of("%YAML 1.2\n# c\n---\na: 1\n...\n"), json!({"a": 1}));
    assert_eq!(
        json_of("\u{feff}{\n\t\"a\": [1, 2.5, \"\\u00e9\"],\n\t\"b\": {}\n}\n"),
        json!({"a": [1, 2.5, "é"], "b": {}})
    );
    assert_eq!(json_of("a: 1\r\nb: |\r\n  x\r\n"), json!({"a": 1, "b": "x\n"}));
}

#[test]
fn aliases_and_merge_keys_are_expanded() {
    let text = "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\nsame: *base\nboth: {<<: [*base, *more], a: 0}\n";
    let json = json_of(text);
    assert_eq!(json["same"], json!({"a": 1, "b": 2}));
    assert_eq!(json["both"], json!({"a": 0, "b": 2, "c": 4}));
}

#[test]
fn a_name_that_stands_twice_is_kept_for_validation() {
    let document = read("a: 1\na: 2\n").remove(0).unwrap();
    assert_eq!(document.as_map().unwrap().len(), 2);
}

#[test]
fn keys_are_text() {
    assert_eq!(json_of("1: a\ntrue: b\n1.5: c\n"), json!({"1": "a", "true": "b", "1.5": "c"}));
    assert_eq!(error_of("? [a]\n: b\n"), "1:3: a field's name must be text");
}

#[test]
fn bombs_are_refused() {
    let mut laughs = format!("a0: &a0 {}\n", "lol".repeat(1_000));
    for level in 1..20 {
        laughs += &format!("a{level}: &a{level} [*a{0}, *a{0}, *a{0}, *a{0}]\n", level - 1);
    }
    assert!(error_of(&laughs).contains("1.5 MiB"), "{}", error_of(&laughs));
    let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read(&nested(64))[0].is_ok());
    assert_eq!(error_of(&nested(65)), "1:65: nested deeper than 64 levels");
    assert_eq!(read(&"[".repeat(100_000)).len(), 1, "an error, not a crash");
    assert!(error_of("a: &a [*a]\n").contains("alias"));
    assert_eq!(error_of("a: .inf\n"), "1:4: JSON has no such number");
    assert_eq!(error_of("a: !!int x\n"), "1:4: `x` is no !!int");
}
