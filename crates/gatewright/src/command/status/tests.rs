//! Reports are written as people know them from kubectl, and YAML is read back as what it was.

use serde_json::{Value, json};

use super::*;

fn report() -> StatusReport {
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({"type": kind, "status": status, "reason": reason, "lastTransitionTime": "2026-01-31T12:00:00Z",
            "message": ""})
    };
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "infra"}, "spec": {"gatewayClassName": "internal"},
        "status": {
            "addresses": [{"type": "IPAddress", "value": "192.0.2.1"}],
            "conditions": [condition("Accepted", "True", "Accepted"), condition("Programmed", "True", "Programmed")],
            "listeners": [{"name": "http", "attachedRoutes": 2, "conditions": []}],
        },
    });
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "apps"}, "spec": {"hostnames": ["a.example", "b.example"]},
        "status": {"parents": [{
            "parentRef": {"name": "edge", "namespace": "infra"},
            "conditions": [condition("Accepted", "True", "Accepted"),
                condition("ResolvedRefs", "False", "RefNotPermitted")],
        }]},
    });
    let finding = Finding {
        file: "web.yaml".into(),
        line: 7,
        column: 9,
        is_error: true,
        object: "HTTPRoute apps/web".into(),
        field: "spec.rules[0].backendRefs[0]".into(),
        problem: "may not refer to Service infra/x".into(),
        mend: "kind: ReferenceGrant\n".into(),
        ..Finding::default()
    };
    StatusReport { objects: vec![gateway, route], findings: vec![finding] }
}

#[test]
fn a_table_says_what_kubectl_get_would() {
    let report = report();
    assert_eq!(
        table::write(&report) + &explanations(&report),
        "\
NAMESPACE   GATEWAY   CLASS      ADDRESS     ACCEPTED   PROGRAMMED   ROUTES
infra       edge      internal   192.0.2.1   True       True         2

NAMESPACE   HTTPROUTE   HOSTNAMES             ACCEPTED   RESOLVEDREFS
apps        web         a.example,b.example   True       False (RefNotPermitted)

web.yaml:7:9: error: HTTPRoute apps/web: spec.rules[0].backendRefs[0]: may not refer to Service infra/x
This manifest would mend it:

    kind: ReferenceGrant
"
    );
}

#[test]
fn a_description_says_each_condition_and_finding() {
    let text = describe::write(&report());
    for part in [
        "HTTPRoute apps/web\nSpec:\n  hostnames:\n  - a.example\n",
        "Conditions for parent Gateway infra/edge:\n",
        "  ResolvedRefs   False    RefNotPermitted   2026-01-31T12:00:00Z\n",
        "Conditions of listener http (2 routes):\n",
        "    kind: ReferenceGrant\n",
    ] {
        assert!(text.contains(part), "{part}\n is missing in\n{text}");
    }
}

#[test]
fn a_report_is_narrowed_to_a_kind_or_an_object() {
    for (only, objects, findings) in [
        ("gateways", 1, 0),
        ("HTTPRoute", 1, 1),
        ("httproute/apps/web", 1, 1),
        ("httproute/web", 1, 1),
        ("httproute/x", 0, 0),
    ] {
        let mut report = report();
        narrow(&mut report, only);
        assert_eq!((report.objects.len(), report.findings.len()), (objects, findings), "{only}");
    }
}

#[test]
fn yaml_is_read_back_as_it_was() {
    let value = json!({
        "a": {"b": [1, "1", "yes", "", " x", "a: b", "#c", "- d", "e\nf", "\u{e9}", null, true, 1.5, [], {}, [1, [2]]]},
        "list": [{"x": 1, "w": {"z": ["*.example.com", "/path"]}}, {"only": "2001-01-01"}],
        "*": "key",
    });
    let mut text = String::new();
    yaml::write(&mut text, &value);
    let mut nodes = crate::manifest::yaml::parse(&text).unwrap();
    assert_eq!(Value::from(nodes.remove(0)), value, "{text}");
    assert!(
        text.contains("list:\n- x: 1\n  w:\n    z:\n    - \"*.example.com\"\n    - /path\n- only: 2001-01-01\n"),
        "{text}"
    );
}
