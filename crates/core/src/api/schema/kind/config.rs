//! Secret, ConfigMap and Namespace (core/v1), ClusterTrustBundle (certificates.k8s.io).

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{GeneralPurpose, general_purpose::PAD},
};

use super::root;
use crate::api::schema::{
    pattern,
    rule::Rule,
    shape::{Channel, Complete, Schema, boolean, list, map, object, optional, required, text},
    value::Node,
};

pub(super) fn secret(_: Channel) -> Schema {
    root([
        optional("type", text()),
        optional("data", encoded()),
        optional("stringData", map(text()).rule(well_formed_keys())),
        optional("immutable", boolean()),
    ])
    .rules([needs("tls.crt"), needs("tls.key"), small()])
}

pub(super) fn config_map(_: Channel) -> Schema {
    root([
        optional("data", map(text()).rule(well_formed_keys())),
        optional("binaryData", encoded()),
        optional("immutable", boolean()),
    ])
    .rules([
        Rule::new("has a key in both data and binaryData", "each key in one of the two", |config| {
            let data = entries(config, "data");
            let binary: std::collections::HashSet<_> = entries(config, "binaryData").map(|(key, _)| key).collect();
            !data.into_iter().any(|(key, _)| binary.contains(key))
        })
        .blame("binaryData"),
        small(),
    ])
}

pub(super) fn cluster_trust_bundle(_: Channel) -> Schema {
    let spec = object([optional("signerName", text()), required("trustBundle", text().length(1, BYTES_MAX))]);
    root([required("spec", spec)]).rule(
        Rule::new(
            "has a name that does not fit spec.signerName",
            "`example.com:signer:` before a DNS name with signerName `example.com/signer`, a DNS name alone without one",
            |bundle| {
                let name = bundle.find(&["metadata", "name"]).and_then(Node::as_str).unwrap_or_default();
                let signer = bundle.find(&["spec", "signerName"]).and_then(Node::as_str).unwrap_or_default();
                let own = match signer {
                    "" => Some(name),
                    signer => name.strip_prefix(&format!("{}:", signer.replace('/', ":"))),
                };
                own.is_some_and(|own| pattern::DNS_SUBDOMAIN.is_in(own))
            },
        )
        .blame("metadata"),
    )
}

pub(super) fn namespace(_: Channel) -> Schema {
    root([optional("spec", object([optional("finalizers", list(text()))]))])
}

/// Values in base64.
fn encoded() -> Schema {
    let value =
        text().rule(Rule::new("is no base64", "base64 with padding, or plain text under stringData", |value| {
            decode(value.as_str().unwrap_or_default()).is_some()
        }));
    map(value).rule(well_formed_keys())
}

fn well_formed_keys() -> Rule {
    Rule::each_key(
        "is no well-formed key",
        "up to 253 letters, digits, '-', '_' and '.', not '.' and not begun with '..'",
        |key| key.len() <= 253 && pattern::CONFIG_KEY.is_in(key) && key != "." && !key.starts_with(".."),
    )
}

/// A Secret of type kubernetes.io/tls has a certificate and a key, even if they are empty.
fn needs(key: &'static str) -> Rule {
    Rule::new(
        format!("has type kubernetes.io/tls and no {key}"),
        format!("{key} in data or stringData"),
        move |secret| {
            secret.text("type") != "kubernetes.io/tls"
                || ["data", "stringData"].iter().any(|field| secret.find(&[field, key]).is_some())
        },
    )
    .blame("type")
}

/// Bytes of all values together, as the API server has it.
const BYTES_MAX: usize = 1024 * 1024;

fn small() -> Rule {
    Rule::new("is too large", "values of 1 MiB together", |object| {
        let plain: usize =
            ["data", "stringData"].iter().flat_map(|field| entries(object, field)).map(|(_, text)| text.len()).sum();
        plain <= BYTES_MAX || decoded_bytes(object) <= BYTES_MAX
    })
}

/// Counts what is stored: a Secret's `data` and any `binaryData` are encoded, other text is not.
fn decoded_bytes(object: &Node) -> usize {
    let is_secret = object.text("kind") == "Secret";
    let size = |(field, text): (&str, &str)| match field {
        "binaryData" => decode(text).map_or(0, |bytes| bytes.len()),
        "data" if is_secret => decode(text).map_or(0, |bytes| bytes.len()),
        _ => text.len(),
    };
    ["data", "stringData", "binaryData"]
        .iter()
        .flat_map(|field| entries(object, field).map(|(_, text)| size((field, text))).collect::<Vec<_>>())
        .sum()
}

fn entries<'a>(object: &'a Node, field: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let entries = object.get(field).and_then(Node::as_map).map_or(&[][..], |map| &map.entries);
    entries.iter().map(|entry| (entry.key.as_str(), entry.node.as_str().unwrap_or_default()))
}

/// Decodes as the API server's reader does: line ends are skipped, bits left over in the last letter ignored.
fn decode(text: &str) -> Option<Vec<u8>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&STANDARD, PAD.with_decode_allow_trailing_bits(true));
    let unwrapped: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    ENGINE.decode(unwrapped).ok()
}
