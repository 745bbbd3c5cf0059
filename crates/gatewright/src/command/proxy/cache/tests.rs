//! What is cached comes back, without keys and for nobody else to read.

use std::{fs, io, os::unix::fs::PermissionsExt, thread};

use gatewright_core::plan::{
    Certificate, CertificateId, Endpoints, EndpointsId, KeyPair, ListenerFilter, Plan, PrivateKey, Refusal,
    resource::{self, Store},
};
use gatewright_xds::Version;

use super::Cache;

fn plan() -> Plan {
    let mut plan = Plan::default();
    plan.endpoints.insert(EndpointsId::new("service/ns/a/80"), Endpoints::default().into());
    let pair = KeyPair { chain: "chain".into(), key: PrivateKey::new("very secret") };
    plan.certificates.insert(CertificateId::new("secret/ns/c"), Certificate::Valid(pair));
    plan
}

/// Waits for what is being written.
fn ended(cache: &mut Cache) -> io::Result<()> {
    loop {
        match cache.written() {
            Some(written) => return written,
            None => thread::yield_now(),
        }
    }
}

#[test]
fn a_plan_comes_back_without_its_keys_and_with_the_versions_that_a_controller_gives() {
    let folder = tempfile::tempdir().unwrap();
    let mut cache = Cache::new(folder.path().into());
    cache.write(plan().into()).unwrap();
    ended(&mut cache).unwrap();
    let file = folder.path().join("plan");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&file).unwrap().contains("secret"));
    let mut store = Store::default();
    let known = cache.read(&mut store).unwrap();
    let without_keys = Plan { certificates: Default::default(), ..plan() };
    assert_eq!(store.plan(), without_keys);
    resource::each(&without_keys, |name, body| {
        assert_eq!(known.get(&*name.to_string()), Some(&Version::of(&body.0)));
    });
    assert_eq!(known.len(), 1);
}

#[test]
fn a_writing_that_fails_is_told_once_and_tried_again() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("later");
    let mut cache = Cache::new(folder.clone());
    cache.write(plan().into()).unwrap();
    assert_eq!(ended(&mut cache).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(cache.written().unwrap().is_ok());
    fs::create_dir(folder).unwrap();
    cache.write(plan().into()).unwrap();
    ended(&mut cache).unwrap();
    assert_eq!(cache.read(&mut Store::default()).unwrap().len(), 1);
}

#[test]
fn without_a_file_there_is_nothing_and_another_form_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path().into());
    assert!(cache.read(&mut Store::default()).unwrap().is_empty());
    fs::write(folder.path().join("plan"), "gatewright-plan 2\n").unwrap();
    assert!(cache.read(&mut Store::default()).is_err());
}

#[test]
fn what_another_version_cached_is_refused_and_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        "gatewright-plan 1",
        r#"endpoints/service/ns/a/80 {"ready":[]}"#,
        r#"endpoints/service/ns/b/80 {"ready":[],"weights":[1]}"#,
        r#"teapot/1 {}"#,
        r#"port/80 {"protocol":"Http","listeners":[{"id":"a","gateway":"ns/g","hostname":"","tls":null,"routes":[],"quota":1}]}"#,
    ];
    fs::write(folder.path().join("plan"), lines.join("\n")).unwrap();
    let mut store = Store::default();
    let known = Cache::new(folder.path().into()).read(&mut store).unwrap();
    let unknown = Version::of(b"");
    assert_eq!(known["endpoints/service/ns/a/80"], Version::of(br#"{"ready":[]}"#));
    // A controller has none of these versions: it sends what there is, and takes away what there is not.
    for name in ["endpoints/service/ns/b/80", "teapot/1", "port/80"] {
        assert_eq!(known[name], unknown, "{name}");
        assert!(store.rejected().contains_key(name), "{name}");
        store.remove(name);
    }
    assert!(store.rejected().is_empty());
    assert_eq!(store.plan().endpoints.len(), 1);
}

#[test]
fn a_listener_of_another_version_in_the_cache_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let port = r#"port/80 {"protocol":"Http","listeners":[{"id":"a","gateway":"ns/g","hostname":"","tls":null,"routes":[],"quota":1}]}"#;
    fs::write(folder.path().join("plan"), format!("gatewright-plan 1\n{port}\n")).unwrap();
    let mut store = Store::default();
    Cache::new(folder.path().into()).read(&mut store).unwrap();
    let plan = store.plan();
    assert_eq!(plan.ports[&80].listeners[0].filters, [ListenerFilter::Refuse(Refusal::Broken)]);
}
