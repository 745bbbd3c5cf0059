//! Judging a table of cases, and the judgement that most of them share: refused, closed, and nothing forwarded.

use std::{
    any::Any,
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{Client, Gateway, Origin, shown};

/// Judges every case of a table and fails once, with the names of all that failed.
pub(crate) fn each<N: Display, T>(cases: impl IntoIterator<Item = (N, T)>, judge: impl Fn(&T)) {
    let mut failures = Vec::new();
    for (name, case) in cases {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| judge(&case))) {
            failures.push(format!("{name}: {}", message(&*panic)));
        }
    }
    assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
}

/// How the bytes of a request are spread over writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delivery {
    Whole,
    Pieces(usize),
}

impl Delivery {
    pub(crate) const ALL: [Self; 3] = [Self::Whole, Self::Pieces(7), Self::Pieces(1)];

    pub(crate) fn send(self, client: &mut Client, bytes: &[u8]) {
        match self {
            Self::Whole => client.send(bytes),
            Self::Pieces(size) => client.send_in_pieces(bytes, size),
        }
    }
}

/// Refuses every request of a table with one of `statuses`: see [`refuse`].
pub(crate) fn refuse_all<N: Display>(statuses: &[u16], cases: impl IntoIterator<Item = (N, Vec<u8>)>) {
    let origin = Origin::start();
    let gateway = Gateway::to(&origin);
    each(cases, |request| refuse(&gateway, &origin, statuses, request));
}

/// The request, however it is delivered, gets exactly one answer with one of `statuses`, the connection closes, and no
/// whole request reaches the origin.
pub(crate) fn refuse(gateway: &Gateway, origin: &Origin, statuses: &[u16], request: &[u8]) {
    for delivery in Delivery::ALL {
        let mut client = gateway.connect();
        delivery.send(&mut client, request);
        let answer = client.read_to_end();
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status: Option<u16> = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        assert!(
            status.is_some_and(|status| statuses.contains(&status)),
            "{delivery:?}: wanted {statuses:?}, got \"{}\" for \"{}\"",
            shown(&answer),
            shown(request)
        );
        assert_eq!(text.matches("HTTP/1.").count(), 1, "{delivery:?}: more than one answer: \"{}\"", shown(&answer));
        assert!(
            text.to_ascii_lowercase().contains("connection: close\r\n"),
            "{delivery:?}: close is not announced: \"{}\"",
            shown(&answer)
        );
        serves_on(gateway, origin);
    }
}

/// An honest request is served after all this, and is the only whole one that the origin received.
pub(crate) fn serves_on(gateway: &Gateway, origin: &Origin) {
    let mut honest = gateway.connect();
    honest.send("GET /honest HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(honest.receive().status, 200, "an honest request afterwards");
    let requests = origin.take();
    let targets: Vec<_> = requests.iter().map(super::Received::line).collect();
    assert_eq!(targets, ["GET /honest HTTP/1.1"], "what reached the origin");
}
