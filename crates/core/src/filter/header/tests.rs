use super::*;

/// Fields in order, names lower-case.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Lines(pub(crate) Vec<(String, String)>);

impl Lines {
    pub(crate) fn new<const N: usize>(lines: [(&str, &str); N]) -> Self {
        Self(lines.map(|(name, value)| (name.to_ascii_lowercase(), value.into())).into())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

impl Headers for Lines {
    fn set(&mut self, name: &str, value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    fn add(&mut self, name: &str, value: &[u8]) {
        self.0.push((name.to_ascii_lowercase(), String::from_utf8(value.into()).unwrap()));
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
    }
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(Arc<str>, Arc<str>)> {
    pairs.map(|(name, value)| (name.into(), value.into())).into()
}

#[test]
fn set_replaces_add_appends_remove_takes_all() {
    let modifier = HeaderModifier {
        set: pairs([("X-Set", "new"), ("X-Set-Absent", "1")]),
        add: pairs([("X-Add", "more"), ("X-Add-Absent", "2")]),
        remove: vec!["x-remove".into(), "x-remove-absent".into()],
    };
    let mut lines = Lines::new([
        ("x-set", "old"),
        ("X-Set", "older"),
        ("x-add", "first"),
        ("X-Remove", "a"),
        ("x-remove", "b"),
        ("other", "kept"),
    ]);
    modifier.apply(&mut lines);
    assert_eq!(
        lines,
        Lines::new([
            ("x-add", "first"),
            ("other", "kept"),
            ("x-set", "new"),
            ("x-set-absent", "1"),
            ("x-add", "more"),
            ("x-add-absent", "2"),
        ])
    );
}

#[test]
fn fields_that_route_or_frame_are_passed_over() {
    let modifier = HeaderModifier {
        set: pairs([("Host", "evil"), ("Content-Length", "0")]),
        add: pairs([("TRANSFER-ENCODING", "chunked"), ("Upgrade", "h2c")]),
        remove: vec!["connection".into(), "te".into()],
    };
    let before = || Lines::new([("host", "good"), ("connection", "close"), ("te", "trailers")]);
    let mut lines = before();
    modifier.apply(&mut lines);
    assert_eq!(lines, before());
}
