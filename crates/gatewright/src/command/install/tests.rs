use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn installed(line: &str) -> Vec<Value> {
    manifests(&Line::try_parse_from(["install", "--dry-run"].into_iter().chain(line.split_whitespace())).unwrap().args)
}

fn of_kind<'a>(manifests: &'a [Value], kind: &str) -> Vec<&'a Value> {
    manifests.iter().filter(|manifest| manifest["kind"] == kind).collect()
}

fn rules(manifests: &[Value]) -> impl Iterator<Item = (&Value, &Value)> {
    let roles = manifests.iter().filter(|it| it["kind"] == "ClusterRole" || it["kind"] == "Role");
    roles.flat_map(|role| role["rules"].as_array().unwrap().iter().map(move |rule| (role, rule)))
}

fn says(rule: &Value, field: &str, word: &str) -> bool {
    rule[field].as_array().unwrap().iter().any(|item| item == word)
}

#[test]
fn no_secret_is_read_unless_somebody_says_whose() {
    let reads = |line: &str| -> Vec<(String, String)> {
        let manifests = installed(line);
        let readable =
            rules(&manifests).filter(|(_, rule)| says(rule, "resources", "secrets") && says(rule, "verbs", "list"));
        let at = |role: &Value| (role["kind"].as_str().unwrap().to_owned(), role["metadata"]["namespace"].to_string());
        readable.map(|(role, _)| at(role)).collect()
    };
    assert_eq!(reads(""), []);
    let role = |namespace: &str| ("Role".to_owned(), format!("{namespace:?}"));
    assert_eq!(reads("--secrets-namespace a --secrets-namespace b"), [role("a"), role("b")]);
    assert_eq!(reads("--secrets-cluster-wide"), [("ClusterRole".to_owned(), "null".to_owned())]);
}

#[test]
fn no_role_gives_rights_on_or_runs_commands() {
    for (_, rule) in rules(&installed("--secrets-cluster-wide")) {
        for verb in ["*", "escalate", "bind", "impersonate", "deletecollection"] {
            assert!(!says(rule, "verbs", verb), "{rule}");
        }
        for resource in ["pods", "pods/exec", "roles", "clusterroles", "rolebindings", "serviceaccounts/token", "nodes"]
        {
            assert!(!says(rule, "resources", resource), "{rule}");
        }
    }
}

#[test]
fn the_controllers_are_what_the_flags_say() {
    let manifests = installed(
        "--namespace n --image i:1 --replicas 3 --controller-name a/b --controller-name c/d --gateway-class none --log-level debug",
    );
    let deployment = of_kind(&manifests, "Deployment")[0];
    assert_eq!(deployment["metadata"]["namespace"], "n");
    assert_eq!(deployment["spec"]["replicas"], 3);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "i:1");
    for argument in ["--controller-name=a/b", "--controller-name=c/d", "--log-level=debug", "--proxy-image=i:1"] {
        assert!(says(container, "args", argument), "{argument}");
    }
    assert_eq!(of_kind(&manifests, "GatewayClass"), Vec::<&Value>::new());
}

#[test]
fn manifests_read_back_as_what_they_are() {
    let manifests = installed("--secrets-namespace a --envoy-proxy-crd");
    let read = crate::manifest::yaml::parse(&text(&manifests)).unwrap();
    assert_eq!(read.len(), manifests.len());
    for (node, manifest) in read.iter().zip(&manifests) {
        assert_eq!(node.get("kind").and_then(|kind| kind.as_str()), manifest["kind"].as_str());
    }
}
