use gatewright_core::world::Kind;
use prometheus_client::encoding::text;

use super::*;

fn shown(vitals: &Vitals) -> String {
    let mut registry = Registry::default();
    vitals.register(registry.sub_registry_with_prefix("gatewright"));
    let mut shown = String::new();
    text::encode(&mut shown, &registry).unwrap();
    shown
}

#[test]
fn a_controller_is_ready_when_its_plans_are_out_whether_or_not_it_leads() {
    let vitals = Vitals::default();
    assert!(!vitals.is_ready());
    vitals.published();
    assert!(vitals.is_ready());
    vitals.leads(false);
    let subject = Subject { kind: Kind::HttpRoute, namespace: None };
    vitals.failing([(&subject, &Failure::Unavailable("away".into()))].into_iter());
    assert!(vitals.is_ready());
}

#[test]
fn metrics_are_called_what_the_documentation_calls_them() {
    let vitals = Vitals::default();
    vitals.leads(true);
    vitals.wrote("HTTPRoute", "written");
    vitals.events("sent", 2);
    vitals.compiled(Duration::from_millis(2));
    let shown = shown(&vitals);
    for line in [
        "gatewright_controller_leader 1",
        "gatewright_controller_writes_total{kind=\"HTTPRoute\",outcome=\"written\"} 1",
        "gatewright_controller_events_total{outcome=\"sent\"} 2",
        "gatewright_controller_compile_seconds_count 1",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line} is not in\n{shown}");
    }
}

#[test]
fn a_watch_that_is_well_again_is_no_longer_shown() {
    let vitals = Vitals::default();
    let subject = Subject { kind: Kind::Secret, namespace: Some("a".into()) };
    vitals.failing([(&subject, &Failure::Forbidden("no".into()))].into_iter());
    let line = "watch_failing{kind=\"Secret\",namespace=\"a\",reason=\"forbidden\"} 1";
    assert!(shown(&vitals).contains(line), "{}", shown(&vitals));
    vitals.failing(std::iter::empty());
    assert!(!shown(&vitals).contains("watch_failing{"));
}
