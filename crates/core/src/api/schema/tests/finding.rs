//! What people read: findings of whole documents, with their places.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use crate::api::schema::{Channel, Decision, Entry, Map, Node, Position, Severity, Value, validate};

/// Reads one document with the places of its values. Names stand where their values do, which is enough here.
fn read(text: &str) -> Node {
    fn node(yaml: &MarkedYaml) -> Node {
        let value = match &yaml.data {
            YamlData::Value(Scalar::Null) => Value::Null,
            YamlData::Value(Scalar::Boolean(bit)) => Value::Bool(*bit),
            YamlData::Value(Scalar::Integer(number)) => Value::Integer(*number),
            YamlData::Value(Scalar::FloatingPoint(number)) => Value::Float(number.into_inner()),
            YamlData::Value(Scalar::String(text)) => Value::String(text.to_string()),
            YamlData::Sequence(items) => Value::List(items.iter().map(node).collect()),
            YamlData::Mapping(fields) => Value::Map(Map {
                entries: fields
                    .iter()
                    .map(|(key, value)| {
                        let (key, node) = (node(key), node(value));
                        Entry { key: key.as_str().unwrap().to_owned(), key_at: key.at, node }
                    })
                    .collect(),
            }),
            other => panic!("not read here: {other:?}"),
        };
        let start = yaml.span.start;
        Node::new(value, Position { line: start.line() as u32, column: start.col() as u32 + 1 })
    }
    node(&MarkedYaml::load_from_str(text).unwrap()[0])
}

/// Checks a document in the standard channel, and its findings one a line.
#[track_caller]
fn check(text: &str, decision: Decision, findings: &[&str]) -> Node {
    let checked = validate(read(text), Channel::Standard);
    let lines: Vec<_> = checked
        .findings
        .iter()
        .map(|finding| {
            let mark = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            format!("{}:{} {mark} {finding}", finding.at.line, finding.at.column)
        })
        .collect();
    assert_eq!(lines, findings);
    assert_eq!(checked.decision, decision);
    checked.object
}

#[test]
fn a_finding_says_where_and_what_and_what_else() {
    check(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: Route
spec:
  hostnames: [shop.example.com, SHOP]
  rules:
  - matches:
    - path:
        value: orders
    backendRefs:
    - name: a
    - name: b
      port: 70000
",
        Decision::Rejected,
        &[
            "5:9 error metadata.name: \"Route\" is not well formed; accepted: lower-case letters, digits, '-' and '.', each \
             label beginning and ending with a letter or digit",
            "7:33 error spec.hostnames[1]: \"SHOP\" is not well formed; accepted: a DNS name in lower case, like \
             shop.example.com, or a wildcard, like *.example.com",
            "15:13 error spec.rules[0].backendRefs[1].port: 70000 is out of range; accepted: an integer from 1 to 65535",
            "11:16 error spec.rules[0].matches[0].path.value: \"orders\" does not begin with '/'; accepted: a normalized \
             absolute path like /orders/new, anything unusual percent-encoded",
            "13:13 error spec.rules[0].backendRefs[0].name: \"a\" refers to a Service without its port; accepted: port, the \
             Service's port number",
        ],
    );
}

#[test]
fn a_missing_field_is_found_where_it_would_stand() {
    check(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
spec:
  listeners:
  - name: http
    port: '80'
",
        Decision::Rejected,
        &[
            "2:1 error metadata.name: is missing; accepted: a string: lower-case letters, digits, '-' and '.', each label \
             beginning and ending with a letter or digit",
            "6:3 error spec.gatewayClassName: is missing; accepted: a string (quoted, if it looks like something else)",
            "8:11 error spec.listeners[0].port: \"80\" is a string; accepted: an integer from 1 to 65535",
            "7:5 error spec.listeners[0].protocol: is missing; accepted: a string: HTTP, HTTPS, TLS, TCP, UDP, or a domain \
             and a name",
        ],
    );
}

#[test]
fn unknown_fields_are_pruned_and_defaults_filled_in() {
    let object = check(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a, label: {}}
spec:
  hostname: a
  useDefaultGateways: All
  parentRefs: [{name: g, port: null}]
status: {anything: 1}
",
        Decision::Accepted,
        &[
            "4:21 warning metadata.label: unknown field `label` has no effect; did you mean `labels`?",
            "6:3 warning spec.hostname: unknown field `hostname` has no effect; did you mean `hostnames`?",
            "7:3 warning spec.useDefaultGateways: \"All\" has no effect: the standard channel does not know this field; \
             accepted: the experimental channel",
        ],
    );
    let stored = serde_json::json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": { "name": "a", "namespace": "default" },
        "spec": {
            "parentRefs": [{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "g" }],
            "rules": [{ "matches": [{ "path": { "type": "PathPrefix", "value": "/" } }] }],
        },
    });
    assert_eq!(serde_json::Value::from(object), stored);
}

#[test]
fn a_field_that_nothing_known_resembles_is_answered_with_what_is_known() {
    check(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a}
spec:
  servers: [a]
",
        Decision::Accepted,
        &["6:3 warning spec.servers: unknown field `servers` has no effect; accepted: hostnames, rules, parentRefs"],
    );
}

#[test]
fn fields_that_a_kind_does_not_have_are_told_from_other_warnings() {
    let unknown = |text: &str| -> Vec<bool> {
        let checked = validate(read(text), Channel::Standard);
        checked.findings.iter().map(|finding| finding.is_unknown_field).collect()
    };
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\n";
    assert_eq!(unknown(&format!("{route}spec: {{hostname: a, useDefaultGateways: All}}")), [true, true]);
    let class = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: a, namespace: b}\n";
    assert_eq!(unknown(&format!("{class}spec: {{controllerName: a.b/c}}")), [false]);
    // Of another project's kind, the next version may have it.
    let envoy = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nmetadata: {name: a}\n";
    assert_eq!(unknown(&format!("{envoy}spec: {{concurency: 1}}")), [false]);
}

#[test]
fn the_last_of_two_equal_names_counts() {
    let place = |line| Position { line, column: 1 };
    let text = |text: &str, line| Node::new(Value::String(text.into()), place(line));
    let mut object = read("{apiVersion: v1, kind: Namespace}");
    let Value::Map(root) = &mut object.value else { panic!("a map") };
    let mut metadata = Map::default();
    metadata.push("name", place(3), text("first", 3));
    metadata.push("name", place(4), text("second", 4));
    root.push("metadata", place(2), Node::new(Value::Map(metadata), place(2)));
    let checked = validate(object, Channel::Standard);
    assert_eq!(checked.decision, Decision::Accepted);
    assert_eq!(checked.object.find(&["metadata", "name"]).unwrap().as_str(), Some("second"));
    let [finding] = checked.findings.as_slice() else { panic!("{:?}", checked.findings) };
    assert_eq!((finding.severity, finding.at, finding.path.as_str()), (Severity::Warning, place(3), "metadata.name"));
}

#[test]
fn kinds_are_told_from_what_is_not_ours() {
    let deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}";
    let no_kind_of_ours = "1:29 warning kind: \"Deployment\" is no kind that Gatewright reads in group \"apps\", and has no \
                           effect; accepted: the kinds of the Gateway API, and those they refer to";
    check(deployment, Decision::Ignored, &[no_kind_of_ours]);
    check(
        "{apiVersion: gateway.networking.k8s.io/v1alpha2, kind: TLSRoute, metadata: {name: a}}",
        Decision::Rejected,
        &["1:14 error apiVersion: \"gateway.networking.k8s.io/v1alpha2\" is not served for this kind; accepted: \
           gateway.networking.k8s.io/v1"],
    );
    check(
        "{apiVersion: gateway.networking.x-k8s.io/v1alpha1, kind: XMesh, metadata: {name: a}}",
        Decision::Rejected,
        &[
            "1:14 error apiVersion: \"gateway.networking.x-k8s.io/v1alpha1\" is not served for this kind; accepted: the \
           experimental channel",
        ],
    );
    check(
        "{apiVersion: v1beta1, kind: Service, metadata: {name: a}}",
        Decision::Rejected,
        &["1:14 error apiVersion: \"v1beta1\" is not served for this kind; accepted: v1"],
    );
    check(
        "{kind: 1}",
        Decision::Rejected,
        &[
            "1:1 error apiVersion: is missing; accepted: a string like gateway.networking.k8s.io/v1",
            "1:8 error kind: 1 is no name; accepted: a string like HTTPRoute",
        ],
    );
    check(
        "[]",
        Decision::Rejected,
        &["1:1 error the document is no object; accepted: an object with apiVersion, kind and metadata"],
    );
}

#[test]
fn names_have_the_form_of_their_kind() {
    let service = |name: &str| {
        let text = format!("{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{clusterIP: None}}}}");
        validate(read(&text), Channel::Standard).decision
    };
    assert_eq!(
        [service("a-1"), service("1-a"), service("a.b")],
        [Decision::Accepted, Decision::Rejected, Decision::Rejected]
    );
    let config_map = |name: &str| {
        let text = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}");
        validate(read(&text), Channel::Standard).decision
    };
    assert_eq!([config_map("1.b"), config_map("a_b")], [Decision::Accepted, Decision::Rejected]);
}

#[test]
fn a_cluster_scoped_object_loses_its_namespace() {
    let object = check(
        "{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}",
        Decision::Accepted,
        &[
            "1:66 warning metadata.namespace: \"b\" has no effect: the kind belongs to no namespace; accepted: its absence",
        ],
    );
    assert_eq!(object.find(&["metadata", "namespace"]), None);
}

#[test]
fn findings_are_bounded_and_never_hide_that_there_is_an_error() {
    let mut spec = Map::default();
    for index in 0..1000 {
        spec.push(format!("unknown{index}"), Position::default(), Node::default());
    }
    let mut object = read("{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a}}");
    let Value::Map(root) = &mut object.value else { panic!("a map") };
    root.push("spec", Position::default(), Node::new(Value::Map(spec), Position::default()));
    let checked = validate(object, Channel::Standard);
    assert_eq!((checked.decision, checked.findings.len()), (Decision::Rejected, 101));
}
