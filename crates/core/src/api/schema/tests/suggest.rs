//! Which names are taken for one another.

use crate::api::schema::suggest::closest;

#[test]
fn a_misspelt_name_finds_the_one_that_was_meant() {
    for (name, candidates, meant) in [
        ("hostname", &["hostnames", "rules", "parentRefs"][..], Some("hostnames")),
        ("HostNames", &["hostnames", "rules"], Some("hostnames")),
        ("parentRef", &["hostnames", "parentRefs"], Some("parentRefs")),
        ("backendref", &["filters", "backendRefs", "matches"], Some("backendRefs")),
        ("mathces", &["filters", "backendRefs", "matches"], Some("matches")),
        ("prot", &["name", "port"], Some("port")),
        ("host", &["hostnames", "rules"], None),
        ("spce", &["spec", "kind"], Some("spec")),
        ("a", &["b"], None),
        ("", &["b"], None),
        ("timeout", &["timeouts", "retry"], Some("timeouts")),
        ("annotations", &["name", "port"], None),
        ("x", &[], None),
    ] {
        assert_eq!(closest(name, candidates.iter().copied()), meant, "{name}");
    }
}

#[test]
fn a_name_of_a_megabyte_costs_nothing() {
    assert_eq!(closest(&"hostnames".repeat(100_000), ["hostnames"]), None);
}
