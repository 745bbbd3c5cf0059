//! BackendTLSPolicy, and how a backend's certificate is validated, which XBackend shares.

use super::{
    reference::{hostname, local_object, precise_hostname, section_name, with},
    root,
};
use crate::api::schema::{
    pattern,
    rule::{Rule, exactly_one},
    shape::{Channel, Complete, Schema, choice, list, map, object, optional, required, text},
    value::Node,
};

pub(super) fn schema(channel: Channel) -> Schema {
    root([required(
        "spec",
        object([
            required("targetRefs", target_refs()),
            required("validation", validation(channel)),
            optional("options", map(text().length(0, 4096)).size(0, 16)),
        ]),
    )])
}

fn target_refs() -> Schema {
    let target = with(local_object(), [optional("sectionName", section_name())]);
    list(target).size(1, 16).rules([
        Rule::each(
            "refers to a target to which another reference refers in another way",
            "sectionName on every reference to the target, or on none",
            |one, all| {
                all.iter()
                    .filter(|other| is_same_target(one, other))
                    .all(|other| one.text("sectionName").is_empty() == other.text("sectionName").is_empty())
            },
        ),
        Rule::each(
            "stands in the list more than once",
            "a sectionName of its own for each reference to one target",
            |one, all| {
                exactly_one(all, |other| {
                    is_same_target(one, other) && one.text("sectionName") == other.text("sectionName")
                })
            },
        ),
    ])
}

fn is_same_target(one: &Node, other: &Node) -> bool {
    ["group", "kind", "name"].iter().all(|field| one.text(field) == other.text(field))
}

/// `BackendTLSPolicyValidation`.
pub(super) fn validation(channel: Channel) -> Schema {
    let size_min = match channel {
        Channel::Standard => 0,
        Channel::Experimental => 1,
    };
    let validation = object([
        optional("caCertificateRefs", list(local_object()).size(size_min, 8)),
        optional("wellKnownCACertificates", text().length(1, 253).pattern(&pattern::WELL_KNOWN_CA)),
        required("hostname", precise_hostname()),
        optional("subjectAltNames", list(subject_alt_name()).size(0, 5)),
    ]);
    match channel {
        Channel::Standard => validation.rules([
            Rule::new(BOTH, ONE_OF, |validation| !(has_refs(validation) && has_well_known(validation)))
                .blame("wellKnownCACertificates"),
            Rule::new(NEITHER, ONE_OF, |validation| has_refs(validation) || has_well_known(validation)),
        ]),
        Channel::Experimental => validation.rule(Rule::new(
            "has not exactly one of caCertificateRefs and wellKnownCACertificates",
            ONE_OF,
            |validation| validation.has("caCertificateRefs") != validation.has("wellKnownCACertificates"),
        )),
    }
}

const BOTH: &str = "has both caCertificateRefs and wellKnownCACertificates";
const NEITHER: &str = "has neither caCertificateRefs nor wellKnownCACertificates";
const ONE_OF: &str = "caCertificateRefs, or wellKnownCACertificates: System";

fn has_refs(validation: &Node) -> bool {
    !validation.list("caCertificateRefs").is_empty()
}

fn has_well_known(validation: &Node) -> bool {
    !validation.text("wellKnownCACertificates").is_empty()
}

fn subject_alt_name() -> Schema {
    object([
        required("type", choice(&["Hostname", "URI"])),
        optional("hostname", hostname()),
        optional("uri", text().length(1, 253).pattern(&pattern::URI)),
    ])
    .rules([
        filled("Hostname", "hostname"),
        empty("Hostname", "hostname"),
        filled("URI", "uri"),
        empty("URI", "uri"),
    ])
}

fn filled(tag: &'static str, field: &'static str) -> Rule {
    Rule::new(format!("is of type {tag} and has no {field}"), format!("{field}, or another type"), move |name| {
        name.text("type") != tag || !name.text(field).is_empty()
    })
    .blame("type")
}

fn empty(tag: &'static str, field: &'static str) -> Rule {
    Rule::new(format!("has {field} and is not of type {tag}"), format!("{field} only with type: {tag}"), move |name| {
        name.text("type") == tag || name.text(field).is_empty()
    })
    .blame(field)
}
