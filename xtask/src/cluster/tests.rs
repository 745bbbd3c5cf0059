use super::*;

#[test]
fn a_name_must_do_as_a_part_of_paths() {
    for bad in ["", "A", "a/b", "..", "a b", "a-name-that-is-far-too-long-here"] {
        assert!(Cluster::named(bad).is_err(), "{bad:?} is taken");
    }
    assert_eq!(Cluster::named("ci-2").unwrap().namespace(), "gatewright-ci-2");
}
