use gatewright_core::world::{Bundle, Controllers, Inspect, Object};
use serde_json::json;

use super::*;
use crate::watch::Stored;

fn picture(kinds: &[Kind]) -> Picture {
    let controllers = Controllers::Named(vec!["gatewright.dev/gateway-controller".to_owned()]);
    let unused = |_: &[u8]| Err(String::new());
    let inspect = Inspect { key_pair: |_, _| Err(String::new()), trust_anchors: unused };
    let settings = Settings { controllers: controllers.clone(), merge_gateways: false, inspect };
    let mut picture = Picture::new(settings, Arc::new(Desk::new(controllers)), Arc::default());
    picture.apply(Change::Served { kinds: kinds.iter().copied().collect(), bundle: Bundle::default() });
    picture
}

fn all_of(kind: Kind) -> Subject {
    Subject { kind, namespace: None }
}

fn listed(kind: Kind, objects: Vec<Seen>) -> Change {
    Change::Listed { subject: all_of(kind), objects, unread: Vec::new() }
}

fn forbidden(subject: Subject) -> Change {
    Change::Failing { subject, failure: Failure::Forbidden("no".into()) }
}

fn service(name: &str) -> Seen {
    let metadata = json!({"name": name, "namespace": "a"});
    let object = Object::from_value(json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata})).unwrap();
    Seen { object, stored: Stored::default() }
}

fn services(picture: &Picture) -> usize {
    picture.world.keys(Kind::Service).count()
}

#[test]
fn a_controller_that_begins_does_not_take_what_it_may_not_see_for_gone() {
    let mut picture = picture(&[Kind::Service, Kind::XMesh]);
    picture.apply(forbidden(all_of(Kind::XMesh)));
    picture.apply(forbidden(all_of(Kind::Service)));
    assert_eq!(picture.readiness(), Readiness::Waiting);
    picture.apply(listed(Kind::Service, vec![service("s")]));
    assert_eq!(picture.readiness(), Readiness::Ready);
}

#[test]
fn a_controller_that_runs_goes_on_without_what_it_may_no_longer_see() {
    let mut picture = picture(&[Kind::Service]);
    picture.apply(listed(Kind::Service, vec![service("s")]));
    picture.used();
    picture.apply(forbidden(all_of(Kind::Service)));
    assert_eq!((picture.readiness(), services(&picture)), (Readiness::Ready, 1));
    // A kind that comes, and may not be read, holds nobody up.
    let kinds = [Kind::Service, Kind::BackendTlsPolicy].into();
    picture.apply(Change::Served { kinds, bundle: Bundle::default() });
    assert_eq!(picture.readiness(), Readiness::Waiting);
    picture.apply(forbidden(all_of(Kind::BackendTlsPolicy)));
    assert_eq!(picture.readiness(), Readiness::Ready);
}

#[test]
fn what_is_forbidden_is_known_to_be_until_the_watch_is_well() {
    let mut picture = picture(&[Kind::Service]);
    let secrets = Subject { kind: Kind::Secret, namespace: Some("a".into()) };
    let told = |picture: &Picture| picture.world.observed.is_forbidden(&ObjectRef::new(Kind::Secret, "a", "s"));
    picture.apply(forbidden(secrets.clone()));
    assert!(told(&picture));
    let failure = Failure::Unavailable("away".into());
    picture.apply(Change::Failing { subject: secrets.clone(), failure });
    assert!(told(&picture), "an API server that is away allows nothing");
    picture.apply(Change::Well { subject: secrets });
    assert!(!told(&picture));
}

#[test]
fn what_a_new_list_does_not_have_is_gone_and_what_was_known_stays_until_then() {
    let mut picture = picture(&[Kind::Service]);
    picture.apply(listed(Kind::Service, vec![service("s"), service("t")]));
    let failure = Failure::Unavailable("too old resource version".into());
    picture.apply(Change::Failing { subject: all_of(Kind::Service), failure });
    assert_eq!((services(&picture), picture.readiness()), (2, Readiness::Ready));
    picture.apply(listed(Kind::Service, vec![service("t")]));
    assert_eq!(services(&picture), 1);
}
