//! `gatewright check`: what it says, and its exit code.

use std::fs;

use crate::harness::{Gateway, copy_talk, free_port, gatewright};

#[test]
fn check_says_by_its_exit_code_whether_anything_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    let check = |extra: &[&str]| {
        let output = gatewright(&[&["check", path.to_str().unwrap()], extra].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(check(&[]).0, Some(2), "there is no such file");
    fs::write(&path, "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  ports:\n  - port: 80\n").unwrap();
    assert_eq!(check(&[]).0, Some(0), "{}", check(&[]).1);
    let idle = "apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: a}\nspec:\n  \
                targetRefs: [{group: '', kind: Service, name: a}]\n  validation: {hostname: a.example.com, \
                wellKnownCACertificates: System}\n  options: {example.com/level: high}\n";
    fs::write(&path, idle).unwrap();
    let (code, text) = check(&[]);
    assert!(code == Some(0) && text.contains("warning: BackendTLSPolicy default/a: spec.options"), "{text}");
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: c}\nspec: \
                   {controllerName: a.io/c}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: \
                   {name: g}\nspec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}\n";
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec: {parentRefs: \
                 [{name: g}], rules: [{backendRefs: [{name: s, port: 80}]}]}\n";
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n";
    fs::write(&path, [gateway, route, service].join("---\n")).unwrap();
    let (code, text) = check(&[]);
    assert!(code == Some(0) && text.contains("warning: Service default/s: it has no endpoints"), "{text}");
    fs::write(&path, "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  ports:\n  - port: 800000\n")
        .unwrap();
    let (code, text) = check(&[]);
    assert_eq!(code, Some(1));
    assert!(text.contains("a.yaml:7:11: error: Service default/a: spec.ports[0].port: 800000"), "{text}");
    let findings: serde_json::Value = serde_json::from_str(&check(&["--output", "json"]).1).unwrap();
    assert_eq!((&findings[0]["line"], &findings[0]["field"]), (&7.into(), &"spec.ports[0].port".into()));
}

#[test]
fn an_unknown_field_fails_unless_it_is_tolerated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    let check = |extra: &[&str]| {
        let output = gatewright(&[&["check", path.to_str().unwrap()], extra].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  prots: [{port: 1}]\n  ports: [{port: 80}]\n";
    fs::write(&path, service).unwrap();
    let (code, text) = check(&[]);
    assert_eq!(code, Some(1), "{text}");
    let said = "Service default/a: spec.prots: unknown field `prots` has no effect; did you mean `ports`?";
    assert!(text.contains(&format!("a.yaml:5:3: error: {said}")), "{text}");
    let (code, text) = check(&["--lenient"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("a.yaml:5:3: warning: {said}")), "{text}");
}

#[test]
fn run_serves_the_rest_and_names_an_unknown_field_at_every_reload() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    copy_talk(folder.path(), "gateway.yaml", port, 1);
    let path = folder.path().join("gateway.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("  rules:", "  hostname: [x.example.com]\n  rules:", 1)).unwrap();
    let gateway = Gateway::start(folder.path(), port);
    let said = "unknown field `hostname` has no effect; did you mean `hostnames`?";
    assert_ne!(gateway.get("api.internal.kubernetes.com").0, 0);
    for _ in 0..2 {
        gateway.process.signal("HUP");
        gateway.process.wait_for_line("reading every file again");
        gateway.process.wait_for_line(said);
    }
}
