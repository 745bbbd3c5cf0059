use super::*;

fn trusts(network: &str, client: &str) -> bool {
    let edge = Edge { trusted: vec![network.parse().unwrap()], ..Edge::default() };
    edge.trusts(client.parse().unwrap())
}

#[test]
fn a_network_holds_the_addresses_that_begin_like_it() {
    for (network, client) in [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.0/8", "10.255.0.9"),
        ("10.0.0.0/8", "::ffff:10.1.2.3"),
        ("0.0.0.0/0", "192.0.2.1"),
        ("fd00::/8", "fdff::1"),
        ("2001:db8::/127", "2001:db8::1"),
    ] {
        assert!(trusts(network, client), "{client} in {network}");
    }
    for (network, client) in [
        ("10.0.0.1", "10.0.0.2"),
        ("10.0.0.0/8", "11.0.0.0"),
        ("10.128.0.0/9", "10.127.255.255"),
        ("0.0.0.0/0", "2001:db8::1"),
        ("::/0", "192.0.2.1"),
        ("2001:db8::/127", "2001:db8::2"),
    ] {
        assert!(!trusts(network, client), "{client} in {network}");
    }
}

#[test]
fn what_is_no_network_is_told_so() {
    for text in ["", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8", "a.test"] {
        assert!(text.parse::<Network>().is_err(), "{text}");
    }
}

#[test]
fn nobody_is_trusted_unless_told() {
    assert!(!Edge::default().trusts(std::net::Ipv4Addr::LOCALHOST.into()));
}
