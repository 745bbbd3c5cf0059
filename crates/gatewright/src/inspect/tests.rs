use super::*;

fn signed(names: &[&str]) -> (String, String) {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let signed = rcgen::generate_simple_self_signed(names).unwrap();
    (signed.cert.pem(), signed.signing_key.serialize_pem())
}

#[test]
fn a_pair_says_what_it_serves() {
    let (chain, key) = signed(&["Example.com", "*.example.org"]);
    let info = key_pair(chain.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(info.dns_names, ["example.com", "*.example.org"]);
    assert_eq!(info.fingerprint.len(), 64);
    assert!(info.not_after_unix > 1_700_000_000);
}

#[test]
fn a_pair_that_cannot_be_served_says_why() {
    let (chain, key) = signed(&["example.com"]);
    let (_, other) = signed(&["example.com"]);
    let why = |chain: &str, key: &str| key_pair(chain.as_bytes(), key.as_bytes()).unwrap_err();
    assert_eq!(why(&chain, &other), "the key is not the certificate's");
    assert_eq!(why("", &key), "holds no PEM certificate");
    assert!(why(&chain, "nonsense").starts_with("the key is no PEM private key"));
    assert!(why(&chain.replace("MII", "MIJ"), &key).contains("the certificate is no X.509"));
}

#[test]
fn trust_anchors_are_counted() {
    let (one, _) = signed(&["a"]);
    let (two, _) = signed(&["b"]);
    assert_eq!(trust_anchors(format!("{one}{two}").as_bytes()), Ok(2));
    assert_eq!(trust_anchors(b"nothing"), Err("holds no PEM certificate".into()));
}
