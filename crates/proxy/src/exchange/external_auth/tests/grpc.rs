use bytes::Bytes;
use gatewright_core::filter::external_auth::ExternalAuth;
use prost::Message as _;

use super::super::message::{
    AppendAction, BoolValue, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValue, HeaderValueOption,
    HttpRequest, HttpResponse, HttpStatus, OkHttpResponse, QueryParameter, Status,
};
use super::{asked, over_grpc};
use crate::testbed::{Bed, Listening, app, auth, listen};

/// An authorization server of one connection.
struct Server(h2::server::Connection<tokio::io::DuplexStream, Bytes>);

impl Server {
    async fn accept(servers: &mut Listening) -> Self {
        Self(h2::server::handshake(servers.accept().await.0).await.unwrap())
    }

    /// Answers one question and returns it.
    async fn answer(&mut self, answer: CheckResponse) -> HttpRequest {
        let mut framed = vec![0, 0, 0, 0, answer.encoded_len() as u8];
        answer.encode(&mut framed).unwrap();
        self.answer_with(framed, "0").await
    }

    async fn answer_with(&mut self, framed: Vec<u8>, status: &'static str) -> HttpRequest {
        let (request, mut respond) = self.0.accept().await.unwrap().unwrap();
        assert_eq!(request.uri().path(), "/envoy.service.auth.v3.Authorization/Check");
        assert_eq!(request.uri().authority().unwrap(), "auth.ns.svc:9000");
        assert_eq!(request.headers()["content-type"], "application/grpc");
        assert_eq!(request.headers()["te"], "trailers");
        let mut body = request.into_body();
        let mut question = Vec::new();
        loop {
            let read = async {
                match body.data().await {
                    Some(piece) => {
                        question.extend_from_slice(&piece.unwrap());
                        true
                    }
                    None => false,
                }
            };
            // The connection has to be driven for its streams to move.
            let more = tokio::select! { more = read => more, _ = self.0.accept() => panic!("one question at a time") };
            if !more {
                break;
            }
        }
        let response = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
        let mut stream = respond.send_response(response, false).unwrap();
        stream.send_data(framed.into(), false).unwrap();
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static(status));
        stream.send_trailers(trailers).unwrap();
        let request = CheckRequest::decode(&question[5..]).unwrap();
        request.attributes.unwrap().request.unwrap().http.unwrap()
    }

    /// Keeps its connection going.
    async fn rest(mut self) {
        while self.0.accept().await.is_some() {}
    }
}

fn option(key: &str, value: &str) -> HeaderValueOption {
    let header = HeaderValue { key: key.into(), value: value.into(), raw_value: Vec::new() };
    HeaderValueOption { header: Some(header), ..HeaderValueOption::default() }
}

fn ok(ok: OkHttpResponse) -> CheckResponse {
    CheckResponse { status: Some(Status { code: 0 }), http_response: Some(HttpResponse::Ok(ok)) }
}

#[tokio::test(start_paused = true)]
async fn a_yes_changes_the_request_and_the_response_as_the_server_says() {
    Bed::run(asked(ExternalAuth { body_bytes_max: 64, ..over_grpc() }), async |bed| {
        let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
        let mut client = bed.client();
        let fields = "Host: h.org\r\nX-Role: root\r\nX-Gone: 1\r\nX-List: a\r\nX-List: b\r\nContent-Length: 5";
        client.say(&format!("PUT /p?a=1&b=2 HTTP/1.1\r\n{fields}\r\n\r\nhello")).await;
        let mut server = Server::accept(&mut servers).await;
        let append = HeaderValueOption { append: Some(BoolValue { value: true }), ..option("X-List", "c") };
        let absent = HeaderValueOption { append_action: AppendAction::AddIfAbsent.into(), ..option("X-Role", "no") };
        let answer = ok(OkHttpResponse {
            headers: vec![option("X-Role", "user"), append, absent, option("Content-Length", "1")],
            headers_to_remove: vec!["x-gone".into()],
            response_headers_to_add: vec![option("X-Seen", "yes")],
            query_parameters_to_set: vec![QueryParameter { key: "c".into(), value: "3&4".into() }],
            query_parameters_to_remove: vec!["a".into()],
        });
        let question = server.answer(answer).await;
        assert_eq!((&*question.method, &*question.path, &*question.host), ("PUT", "/p?a=1&b=2", "h.org"));
        assert_eq!((&*question.scheme, &*question.protocol, question.size), ("http", "HTTP/1.1", 5));
        assert_eq!(question.body, "hello");
        assert_eq!((&*question.headers["x-list"], &*question.headers[":path"]), ("a,b", "/p?a=1&b=2"));
        tokio::task::spawn_local(server.rest());
        let mut serving = backend.accept().await;
        let head = serving.head().await;
        assert!(head.starts_with("PUT /p?b=2&c=3%264 HTTP/1.1"), "{head}");
        assert!(head.contains("X-Role: user") && !head.contains("root") && !head.contains("X-Gone"), "{head}");
        assert!(head.contains("X-List: a\r\nX-List: b") && head.contains("X-List: c"), "{head}");
        assert!(head.ends_with("content-length: 5"), "{head}");
        serving.hear("hello").await;
        serving.say("HTTP/1.1 204 No Content\r\n\r\n").await;
        client.hear("HTTP/1.1 204 No Content\r\nX-Seen: yes\r\n\r\n").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_no_has_the_servers_status_fields_and_body_or_is_403() {
    let said = DeniedHttpResponse {
        status: Some(HttpStatus { code: 401 }),
        headers: vec![option("WWW-Authenticate", "Bearer")],
        body: "who?".into(),
    };
    for (denied, expected) in [
        (Some(said), "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\ncontent-length: 4\r\n\r\nwho?"),
        (None, "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
    ] {
        Bed::run(asked(over_grpc()), async |bed| {
            let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
            let mut client = bed.client();
            client.get().await;
            let mut server = Server::accept(&mut servers).await;
            let http_response = denied.map(HttpResponse::Denied);
            server.answer(CheckResponse { status: Some(Status { code: 16 }), http_response }).await;
            tokio::task::spawn_local(server.rest());
            client.hear(expected).await;
            assert!(backend.is_quiet());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_fails_or_asks_what_is_not_allowed_lets_nothing_pass() {
    let framed = |answer: CheckResponse| {
        let mut framed = vec![0, 0, 0, 0, answer.encoded_len() as u8];
        answer.encode(&mut framed).unwrap();
        framed
    };
    let setting =
        |key, value| framed(ok(OkHttpResponse { headers: vec![option(key, value)], ..OkHttpResponse::default() }));
    let removing = framed(ok(OkHttpResponse { headers_to_remove: vec!["Host".into()], ..OkHttpResponse::default() }));
    for (answer, status) in [
        (Vec::new(), "14"),
        (framed(ok(OkHttpResponse::default())), "13"),
        (Vec::new(), "0"),
        (vec![1, 0, 0, 0, 0], "0"),
        (vec![0, 0, 0, 0, 2, 255, 255], "0"),
        (setting("Host", "evil.org"), "0"),
        (setting(":authority", "evil.org"), "0"),
        (setting("x y", "z"), "0"),
        (setting("x", "y\r\nz: z"), "0"),
        (removing, "0"),
    ] {
        Bed::run(asked(over_grpc()), async |bed| {
            let (mut backend, mut servers) = (listen(app(1)), listen(auth()));
            let mut client = bed.client();
            client.get().await;
            let mut server = Server::accept(&mut servers).await;
            server.answer_with(answer.clone(), status).await;
            tokio::task::spawn_local(server.rest());
            assert!(client.head().await.starts_with("HTTP/1.1 503 "), "{answer:?}");
            assert!(backend.is_quiet());
        })
        .await;
    }
}
