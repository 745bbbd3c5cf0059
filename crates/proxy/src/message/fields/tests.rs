use super::*;

fn fields(lines: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in lines {
        fields.push(name.as_bytes(), value.as_bytes());
    }
    fields
}

fn lines(fields: &Fields) -> Vec<(&str, &str)> {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    fields.iter().map(|(name, value)| (text(name), text(value))).collect()
}

#[test]
fn keeps_order_case_and_repetition() {
    let fields = fields(&[("Accept", "a"), ("X", ""), ("accept", "b")]);
    assert_eq!(lines(&fields), [("Accept", "a"), ("X", ""), ("accept", "b")]);
    assert_eq!(fields.get("ACCEPT"), Some(&b"a"[..]));
    assert_eq!(fields.get_all("accept").collect::<Vec<_>>(), [b"a", b"b"]);
    assert_eq!((fields.get("x"), fields.get("y")), (Some(&b""[..]), None));
}

#[test]
fn replaces_and_removes_every_line_of_a_name() {
    let mut fields = fields(&[("A", "1"), ("b", "2"), ("a", "3")]);
    fields.set("a", b"4");
    assert_eq!(lines(&fields), [("b", "2"), ("a", "4")]);
    fields.remove("B");
    fields.remove("none");
    assert_eq!(lines(&fields), [("a", "4")]);
    fields.retain(|_, value| value != b"4");
    assert!(fields.is_empty());
    assert_eq!(fields.iter().count(), 0);
}

#[test]
fn cleared_it_is_as_new() {
    let mut fields = fields(&[("a", "1")]);
    fields.clear();
    fields.push(b"b", b"2");
    assert_eq!(lines(&fields), [("b", "2")]);
}
