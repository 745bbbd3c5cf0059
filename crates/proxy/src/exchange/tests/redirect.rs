//! Where a redirect leads: to what the client can reach.

use gatewright_core::filter::Filter;
use gatewright_core::filter::redirect::Redirect;

use crate::edge::Edge;
use crate::testbed::{Bed, Setup, plan, rule};

/// The port of the bed's Plan is 80.
#[tokio::test(start_paused = true)]
async fn a_redirect_names_the_port_that_clients_see() {
    let scheme = |scheme: &str| Some(scheme.into());
    for (offset, new_scheme, port, location) in [
        (0, None, None, "http://h.org/"),
        (10_000, None, None, "http://h.org:10080/"),
        (10_000, scheme("http"), None, "http://h.org:10080/"),
        (10_000, None, Some(8080), "http://h.org:8080/"),
        // Of a port that is not served here, nothing is known.
        (10_000, scheme("https"), None, "https://h.org/"),
    ] {
        let mut rule = rule();
        let redirect = Redirect { scheme: new_scheme, hostname: None, path: None, port, status: 302 };
        rule.filters = vec![Filter::Redirect(redirect)];
        let edge = Edge { seen_port_offset: offset, ..Edge::default() };
        Bed::run_with(Setup { edge, ..Setup::default() }, &plan(rule), async |bed| {
            let mut client = bed.client();
            client.get().await;
            let head = client.head().await;
            assert!(head.contains(&format!("\r\nlocation: {location}\r\n")), "{offset}: {head}");
        })
        .await;
    }
}
