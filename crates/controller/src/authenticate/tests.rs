use super::*;

#[test]
fn a_data_plane_whose_parameters_are_wrong_keeps_its_account() {
    let key = |name: &str| ObjectKey::new("a", name);
    let (held, gone) = (DataPlane::Gateway(key("held")), DataPlane::Gateway(key("gone")));
    let accounts = Accounts::default();
    accounts.replace([(key("own"), held.clone()), (key("other"), gone)].into(), &BTreeSet::new());
    // The name that the parameters gave is not known now, so that the usual one is asked for.
    accounts.replace([(key("usual"), held.clone())].into(), &[&held].into());
    assert_eq!(["own", "usual", "other"].map(|name| accounts.find(&key(name))), [Some(held.clone()), Some(held), None]);
}

#[test]
fn only_the_name_of_a_service_account_is_read_as_one() {
    assert_eq!(account("system:serviceaccount:a:b"), Some(ObjectKey::new("a", "b")));
    for name in ["", "admin", "system:node:x", "system:serviceaccount:a"] {
        assert_eq!(account(name), None, "{name}");
    }
}
