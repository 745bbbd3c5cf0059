//! What RFC 9110 and RFC 9113 demand of whoever stands between a client and an origin: the rows of docs/hardening.md.

use crate::harness::{Gateway, Origin, each, forward, h2, prefix, rule};

/// A gateway that forwards `/app` and knows nothing else.
fn gateway(origin: &Origin) -> Gateway {
    Gateway::builder().backend("app", origin).rules("", vec![rule(prefix("/app"), [forward("app")])]).start()
}

/// 9110 6.6.1: what is forwarded without a Date gets one, and so does what the gateway answers itself.
#[test]
fn every_final_response_has_one_date() {
    let origin = Origin::start();
    let gateway = gateway(&origin);
    each([("/app", 200), ("/none", 404), ("/%00", 400)].map(|case| (case.0, case)), |(path, status)| {
        let mut client = gateway.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        let response = client.receive();
        let dates = response.values("date");
        assert_eq!((response.status, dates.len()), (*status, 1), "{}", response.head);
        let mut connection = h2::Connection::connect(gateway.address, &[]);
        connection.get(1, path);
        let h2::Outcome::Answered(answered) = connection.outcome(1) else { panic!("no answer over HTTP/2") };
        assert_eq!(answered.status(), *status);
        let date = answered.value(0, "date").expect("a date over HTTP/2");
        assert!(date.len() == dates[0].len() && date.ends_with(" GMT"), "{date}");
    });
}
