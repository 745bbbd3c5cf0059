use serde_json::json;

use super::*;

const OURS: &str = "gatewright.dev/gateway-controller";

fn news(old: &Value, new: &Value) -> Vec<(String, String)> {
    let news = of_statuses(old, new, &|name| name == OURS);
    news.into_iter().map(|news| (format!("{} {}", news.action, news.reason), news.note)).collect()
}

fn condition(r#type: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": r#type, "status": status, "reason": reason, "message": message, "observedGeneration": 1})
}

fn said(what: &str, note: &str) -> (String, String) {
    (what.to_owned(), note.to_owned())
}

fn route(controller: &str, condition: &Value) -> Value {
    let parent = json!({"name": "g", "namespace": "a", "sectionName": "http"});
    json!({"parents": [{"controllerName": controller, "parentRef": parent, "conditions": [condition]}]})
}

#[test]
fn what_becomes_bad_is_told_once() {
    let good = route(OURS, &condition("ResolvedRefs", "True", "ResolvedRefs", ""));
    let bad = route(OURS, &condition("ResolvedRefs", "False", "BackendNotFound", "Service a/s does not exist"));
    let told = said("ResolvedRefs BackendNotFound", "Gateway a/g, section http: Service a/s does not exist");
    assert_eq!(news(&good, &bad), news(&Value::Null, &bad));
    assert_eq!(news(&good, &bad), [told]);
    assert_eq!(news(&bad, &bad), []);
    assert_eq!(news(&bad, &good), []);
}

#[test]
fn what_is_bad_for_another_reason_is_told_again() {
    let before = route(OURS, &condition("ResolvedRefs", "False", "BackendNotFound", "Service a/s does not exist"));
    let now = route(OURS, &condition("ResolvedRefs", "False", "BackendNotFound", "Service a/t does not exist"));
    assert_eq!(news(&before, &now).len(), 1);
}

#[test]
fn what_other_controllers_say_is_theirs_to_tell() {
    let bad = route("example.com/other", &condition("Accepted", "False", "NotAllowedByListeners", "no"));
    assert_eq!(news(&Value::Null, &bad), []);
}

#[test]
fn one_fault_of_a_gateway_is_one_event() {
    let why = "spec.infrastructure.parametersRef: GatewayParameters a/p does not exist";
    let conditions = [
        condition("Accepted", "False", "InvalidParameters", why),
        condition("Programmed", "False", "Invalid", why),
        condition("ResolvedRefs", "True", "ResolvedRefs", ""),
    ];
    let listener = json!({"name": "http", "conditions": [
        condition("Accepted", "True", "Accepted", ""),
        condition("Programmed", "False", "Invalid", "the Gateway is not accepted"),
    ]});
    let status = json!({"conditions": conditions, "listeners": [listener]});
    assert_eq!(news(&Value::Null, &status), [said("Accepted InvalidParameters", why)]);
}

#[test]
fn a_listener_tells_what_the_gateway_sums_up() {
    let why = "tls.certificateRefs[0]: Secret a/s does not exist";
    let unresolved = condition("ResolvedRefs", "False", "InvalidCertificateRef", why);
    let summary = "listeners whose references are not resolved: https";
    let status = json!({
        "conditions": [condition("ResolvedRefs", "False", "ListenersNotResolved", summary)],
        "listeners": [{"name": "https", "conditions": [unresolved]}],
    });
    assert_eq!(
        news(&Value::Null, &status),
        [said("ResolvedRefs InvalidCertificateRef", &format!("listener https: {why}"))]
    );
}

#[test]
fn what_cannot_be_provisioned_is_told_and_what_is_under_way_is_not() {
    let status = |reason: &str| json!({"conditions": [condition("Programmed", "False", reason, "why")]});
    assert_eq!(news(&Value::Null, &status("Pending")), []);
    assert_eq!(news(&status("Pending"), &status("AddressNotAssigned")), []);
    assert_eq!(news(&status("Pending"), &status("NoResources")), [said("Programmed NoResources", "why")]);
}

#[test]
fn what_a_proxy_rejects_of_a_gateway_that_serves_is_told_once() {
    let status = |why: &str| json!({"conditions": [condition("Programmed", "True", "Programmed", why)]});
    let why = "route/httproute/a/r is not in force: it is too long";
    assert_eq!(news(&status(""), &status(why)), [said("Programmed PartlyProgrammed", why)]);
    assert_eq!(news(&status(why), &status(why)), []);
    assert_eq!(news(&status(why), &status("")), []);
}

#[test]
fn the_first_few_of_many_faults_are_told() {
    let conditions = [condition("Accepted", "False", "UnsupportedProtocol", "no")];
    let listeners: Vec<Value> =
        (0..64).map(|number| json!({"name": format!("l{number}"), "conditions": conditions.clone()})).collect();
    assert_eq!(news(&Value::Null, &json!({"listeners": listeners})).len(), NEWS_MAX);
}

#[test]
fn a_status_of_any_shape_is_read() {
    for odd in [json!([]), json!({"conditions": 1}), json!({"parents": [1, {"conditions": [null]}]}), json!("x")] {
        assert_eq!(news(&odd, &odd), []);
    }
}
