//! Faults of what is said to the controllers: objects that no API server should have let in, kinds that come and go, rights
//! that are taken away, Plans that a proxy cannot carry out.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::{
    Figure, control, object,
    site::{self, GATEWAY_API, NAMESPACE, Site, until},
};

const CRDS: &str = "apiextensions.k8s.io/v1";
const CRD: &str = "CustomResourceDefinition";
const ROUTES: &str = "httproutes.gateway.networking.k8s.io";
/// A kind that a cluster may be without, and that gets a status.
const OPTIONAL: &str = "tcproutes.gateway.networking.k8s.io";
/// The proxy's own, so that no listener can have it.
const TAKEN_PORT: u16 = 19_000;
/// A kind is looked for again after this long.
const DISCOVERY: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets a route in that the rules of its CRD refuse (F12).
pub(super) async fn invalid_object(site: &Site) -> Result<Vec<Figure>> {
    let definitions = object::api(&site.client, CRDS, CRD, "");
    let before = definitions.get(ROUTES).await?;
    let mut lax = before.data["spec"].clone();
    drop_rules(&mut lax);
    replace(&definitions, ROUTES, &lax).await?;
    let backends = json!([{ "name": "echo", "port": 80 }]);
    let mut rule = site::rule("/invalid", 0, &backends);
    rule["filters"] = json!([
        { "type": "RequestRedirect", "requestRedirect": { "hostname": "elsewhere.example.com" } },
        { "type": "URLRewrite", "urlRewrite": { "hostname": "elsewhere.example.com" } },
    ]);
    let route = site::route("invalid", &[rule]);
    let let_in = until("the rules are gone", PATIENCE, async || site.apply(&route).await).await;
    let since = Instant::now();
    let said = until("the route is not accepted", PATIENCE, async || {
        let said = condition(site, "HTTPRoute", "invalid", "/status/parents/0/conditions", "Accepted").await?;
        ensure!(said == "False", "it is: {said}");
        Ok(())
    })
    .await;
    let after = since.elapsed().as_secs_f64();
    let edit = site.edit(9).await;
    site.delete(&route).await?;
    replace(&definitions, ROUTES, &before.data["spec"]).await?;
    let_in?;
    said?;
    Ok(vec![
        Figure { name: "said after, s", value: after, at_most: 2.0 },
        Figure { name: "an edit of another takes, s", value: edit?, at_most: 1.0 },
    ])
}

/// Takes the CEL rules out of a schema, as CRDs of an older version have none.
fn drop_rules(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("x-kubernetes-validations");
            fields.values_mut().for_each(drop_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_rules),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn replace(definitions: &Api<DynamicObject>, name: &str, spec: &Value) -> Result<()> {
    let versions = json!({ "spec": { "versions": spec["versions"] } });
    definitions.patch(name, &PatchParams::default(), &Patch::Merge(versions)).await?;
    Ok(())
}

/// Takes a kind away and brings it back (F13).
pub(super) async fn kind_gone(site: &Site) -> Result<Vec<Figure>> {
    let definitions = object::api(&site.client, CRDS, CRD, "");
    let before = definitions.get(OPTIONAL).await?;
    let restarts = control::restarts(site).await?;
    let definition = json!({
        "apiVersion": CRDS, "kind": CRD,
        "metadata": { "name": OPTIONAL, "annotations": before.metadata.annotations, "labels": before.metadata.labels },
        "spec": before.data["spec"],
    });
    site.delete(&definition).await?;
    // Long enough to be noticed.
    tokio::time::sleep(DISCOVERY + Duration::from_secs(10)).await;
    let without = site.edit(10).await?;
    site.apply(&definition).await?;
    let since = Instant::now();
    let route = json!({
        "apiVersion": GATEWAY_API, "kind": "TCPRoute", "metadata": { "name": "late", "namespace": NAMESPACE },
        "spec": { "parentRefs": [{ "name": "gateway" }], "rules": [{ "backendRefs": [{ "name": "echo", "port": 80 }] }] },
    });
    until("its objects can be made", PATIENCE, async || site.apply(&route).await).await?;
    let routes = object::api(&site.client, GATEWAY_API, "TCPRoute", NAMESPACE);
    until("its objects are looked at", PATIENCE, async || {
        let route = routes.get("late").await?;
        ensure!(route.data.pointer("/status/parents/0/conditions/0").is_some(), "nobody has");
        Ok(())
    })
    .await?;
    let noticed = since.elapsed().as_secs_f64();
    site.delete(&route).await?;
    let restarts = control::restarts(site).await? - restarts;
    Ok(vec![
        Figure { name: "an edit without it takes, s", value: without, at_most: 1.0 },
        Figure { name: "noticed after, s", value: noticed, at_most: 30.0 },
        Figure { name: "restarts", value: restarts as f64, at_most: 0.0 },
    ])
}

/// Takes the right to read one kind away; everything else must go on, and the metric must say so (F14).
pub(super) async fn forbidden(site: &Site) -> Result<Vec<Figure>> {
    const ROLE: &str = "gatewright-watch";
    let roles = object::api(&site.client, "rbac.authorization.k8s.io/v1", "ClusterRole", "");
    let before = roles.get(ROLE).await?.data["rules"].clone();
    let fewer = all_but_grpc_routes(&before)?;
    let set = async |rules: &Value| {
        let patch = Patch::Merge(json!({ "rules": rules }));
        roles.patch(ROLE, &PatchParams::default(), &patch).await.map(|_| ())
    };
    set(&fewer).await?;
    // A watch that is open outlives the right, but not for long.
    let failing = until("the metric says that GRPCRoutes cannot be watched", Duration::from_secs(120), async || {
        let controllers = control::controllers(site).await?;
        let mut said = 0;
        for pod in &controllers {
            let text = control::metrics(pod).await?;
            said += usize::from(text.lines().any(|line| {
                line.starts_with("gatewright_controller_watch_failing")
                    && line.contains("GRPCRoute")
                    && line.contains("forbidden")
            }));
        }
        ensure!(said == controllers.len(), "{said} of {} say so", controllers.len());
        Ok(())
    })
    .await;
    let edit = site.edit(11).await;
    set(&before).await?;
    failing?;
    Ok(vec![Figure { name: "an edit of others takes, s", value: edit?, at_most: 1.0 }])
}

/// Returns the rules with the routes' wildcard written out, but for one kind.
fn all_but_grpc_routes(rules: &Value) -> Result<Value> {
    const KINDS: [&str; 13] = [
        "gatewayclasses",
        "gateways",
        "listenersets",
        "httproutes",
        "tlsroutes",
        "tcproutes",
        "udproutes",
        "referencegrants",
        "backendtlspolicies",
        "xbackends",
        "xbackendtrafficpolicies",
        "xtelemetrypolicies",
        "xmeshes",
    ];
    let mut rules = rules.clone();
    let whole = rules.as_array_mut().into_iter().flatten().find(|rule| rule["resources"] == json!(["*"]));
    whole.context("no rule is of all resources")?["resources"] = json!(KINDS);
    Ok(rules)
}

/// Asks for a port that no proxy can bind: what is wrong is named, the rest stays and goes on changing (F15).
pub(super) async fn refused_by_proxy(site: &Site) -> Result<Vec<Figure>> {
    let mut gateway = site::gateway("gateway");
    let listeners = gateway["spec"]["listeners"].as_array_mut().context("a Gateway has listeners")?;
    listeners.push(json!({ "name": "taken", "port": TAKEN_PORT, "protocol": "HTTP" }));
    site.apply(&gateway).await?;
    let since = Instant::now();
    let said = until("the listener is not programmed", PATIENCE, async || {
        let gateways = object::api(&site.client, GATEWAY_API, "Gateway", NAMESPACE);
        let gateway = gateways.get("gateway").await?;
        let listeners =
            gateway.data.pointer("/status/listeners").and_then(Value::as_array).cloned().unwrap_or_default();
        let taken = listeners.iter().find(|one| one["name"] == "taken").context("nothing is said of it")?;
        let conditions = taken["conditions"].as_array().cloned().unwrap_or_default();
        let programmed = conditions.iter().find(|one| one["type"] == "Programmed").context("not yet")?;
        ensure!(programmed["status"] == "False" && programmed["message"].as_str() != Some(""), "{programmed}");
        Ok(())
    })
    .await;
    let after = since.elapsed().as_secs_f64();
    let edit = site.edit(12).await;
    site.apply(&site::gateway("gateway")).await?;
    said?;
    Ok(vec![
        Figure { name: "said after, s", value: after, at_most: 10.0 },
        Figure { name: "an edit of another takes, s", value: edit?, at_most: 1.0 },
    ])
}

async fn condition(site: &Site, kind: &str, name: &str, list: &str, condition: &str) -> Result<String> {
    let object = object::api(&site.client, GATEWAY_API, kind, NAMESPACE).get(name).await?;
    let conditions = object.data.pointer(list).and_then(Value::as_array).cloned().unwrap_or_default();
    let found = conditions.iter().find(|one| one["type"] == condition).context("nothing is said yet")?;
    Ok(found["status"].as_str().unwrap_or_default().to_owned())
}
