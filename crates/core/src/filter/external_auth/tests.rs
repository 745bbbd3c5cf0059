use super::{super::header::tests::Lines, *};

fn listed<const N: usize>(names: [&str; N]) -> Vec<Arc<str>> {
    names.map(Into::into).into()
}

fn taken<const N: usize, const M: usize>(
    listed: &[Arc<str>],
    answer: [(&str, &str); N],
    request: [(&str, &str); M],
) -> Lines {
    let mut request = Lines::new(request);
    take_over(listed, answer.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut request);
    request
}

#[test]
fn without_a_list_everything_is_taken_over_but_what_is_the_answers_own() {
    let answer = [
        ("X-User", "ann"),
        ("x-group", "a"),
        ("X-Group", "b"),
        ("Host", "evil"),
        ("Content-Length", "3"),
        ("Connection", "close"),
        ("Content-Type", "text/plain"),
        ("Date", "now"),
    ];
    let request = [("x-user", "root"), ("content-type", "application/json"), ("accept", "*/*")];
    let expected = [
        ("content-type", "application/json"),
        ("accept", "*/*"),
        ("x-user", "ann"),
        ("x-group", "a"),
        ("x-group", "b"),
    ];
    assert_eq!(taken(&[], answer, request), Lines::new(expected));
}

#[test]
fn a_listed_name_is_the_servers_to_say_and_no_clients() {
    let answer = [("X-User", "ann"), ("X-Other", "1"), ("Content-Type", "text/plain")];
    let request = [("x-user", "root"), ("X-Role", "admin"), ("x-other", "2")];
    let names = listed(["x-user", "x-role", "host", "content-type"]);
    let expected = [("x-other", "2"), ("x-user", "ann"), ("content-type", "text/plain")];
    assert_eq!(taken(&names, answer, request), Lines::new(expected));
}

#[test]
fn authorization_is_sent_over_http_whatever_is_listed_and_over_grpc_all_unless_some_are() {
    let auth = |protocol| ExternalAuth { backend: BackendId::new("b"), protocol, body_bytes_max: 0 };
    let http = |names| {
        auth(AuthProtocol::Http { path_prefix: "".into(), request_headers: names, response_headers: Vec::new() })
    };
    assert!(http(Vec::new()).sends(b"Authorization"));
    assert!(!http(Vec::new()).sends(b"Cookie"));
    assert!(http(listed(["cookie"])).sends(b"Cookie"));
    let grpc = |names| auth(AuthProtocol::Grpc { authority: "a".into(), request_headers: names });
    assert!(grpc(Vec::new()).sends(b"Cookie"));
    assert!(!grpc(listed(["cookie"])).sends(b"Authorization"));
}
