//! Many routes: how soon they are served, what they weigh, how much is written about them.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use kube::api::{DynamicObject, ListParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    Figure, HOST, control, object,
    site::{GATEWAY_API, NAMESPACE, POLL, Site, until},
};
use crate::sample::percentile;

/// Writes that are under way at once.
const PARALLEL: usize = 24;
const NAMESPACES: u64 = 50;
/// The set of routes that are there before anything is measured.
pub(super) const MANY: &str = "many";
/// Routes that are added one by one on top of the many.
const ADDED: u64 = 100;
/// Routes that are attached at once.
const AT_ONCE: u64 = 1000;
/// How long many objects may take to be made or said something of.
const PATIENCE: Duration = Duration::from_secs(300);

/// Adds routes in many namespaces and takes every measure of them (F8).
pub(super) async fn many_routes(site: &Site, count: u64) -> Result<Vec<Figure>> {
    fill(site, count).await?;
    let mut figures = vec![Figure { name: "sync of a new controller, s", value: sync(site).await?, at_most: 10.0 }];
    figures.extend(memory(site).await?);
    figures.extend(added(site).await?);
    figures.extend(at_once(site).await?);
    empty(site).await?;
    Ok(figures)
}

/// Adds routes in many namespaces; returns when they are served.
pub(super) async fn fill(site: &Site, count: u64) -> Result<()> {
    open_to_all(site).await?;
    until_none_is_leaving(site).await?;
    all(site, (0..NAMESPACES).map(namespace).collect()).await?;
    all(site, grants()).await?;
    all(site, (0..count).map(|number| route(MANY, number)).collect()).await?;
    site.until_status(&path(MANY, count - 1), 200, PATIENCE).await
}

/// Takes the namespaces away and all that is in them.
pub(super) async fn empty(site: &Site) -> Result<()> {
    let namespaces: Vec<Value> = (0..NAMESPACES).map(namespace).collect();
    stream::iter(&namespaces)
        .map(|namespace| site.delete(namespace))
        .buffer_unordered(PARALLEL)
        .try_collect::<Vec<()>>()
        .await?;
    site.until_status(&path(MANY, 0), 404, PATIENCE).await
}

/// Waits for namespaces of a run before to be gone: nothing is made in one that is on its way.
async fn until_none_is_leaving(site: &Site) -> Result<()> {
    let namespaces = object::api(&site.client, "v1", "Namespace", "");
    until("no namespace is on its way out", PATIENCE, async || {
        let there = namespaces.list(&ListParams::default()).await?.items;
        let leaving = there.iter().filter(|namespace| namespace.metadata.deletion_timestamp.is_some()).count();
        ensure!(leaving == 0, "{leaving} are");
        Ok(())
    })
    .await
}

/// Lets routes of every namespace attach.
async fn open_to_all(site: &Site) -> Result<()> {
    let mut gateway = super::site::gateway("gateway");
    let now = object::api(&site.client, GATEWAY_API, "Gateway", NAMESPACE).get("gateway").await?;
    if let Some(infrastructure) = now.data.pointer("/spec/infrastructure") {
        gateway["spec"]["infrastructure"] = infrastructure.clone();
    }
    for listener in gateway["spec"]["listeners"].as_array_mut().into_iter().flatten() {
        listener["allowedRoutes"] = json!({ "namespaces": { "from": "All" } });
    }
    site.apply(&gateway).await
}

async fn all(site: &Site, objects: Vec<Value>) -> Result<()> {
    let applied = stream::iter(&objects).map(|object| site.apply(object)).buffer_unordered(PARALLEL);
    applied.try_collect::<Vec<()>>().await.map(|_| ())
}

/// Kills the controllers and returns how long it takes from when they are started until an edit of all is in force.
async fn sync(site: &Site) -> Result<f64> {
    control::controllers_killed(site).await?;
    let pods = object::api(&site.client, "v1", "Pod", control::SYSTEM).list(&ListParams::default()).await?;
    let started = pods.items.iter().filter_map(|pod| {
        let started = pod.data.pointer("/status/containerStatuses/0/state/running/startedAt")?.as_str()?;
        started.parse::<k8s_openapi::jiff::Timestamp>().ok()
    });
    let started = started.max().context("a controller runs")?;
    let ready = pods.items.iter().filter_map(|pod| {
        let conditions = pod.data.pointer("/status/conditions")?.as_array()?;
        let ready = conditions.iter().find(|one| one["type"] == "Ready")?["lastTransitionTime"].as_str()?;
        ready.parse::<k8s_openapi::jiff::Timestamp>().ok()
    });
    let ready = ready.max().context("a controller is ready")?;
    Ok((ready - started).total(k8s_openapi::jiff::Unit::Second)?.max(0.0))
}

/// Adds routes one by one: 404 before, 200 after, and never anything else.
async fn added(site: &Site) -> Result<Vec<Figure>> {
    let mut seconds = Vec::new();
    for number in 0..ADDED {
        let (route, path) = (route("added", number), path("added", number));
        let before = site.look(&path).await?.status;
        ensure!(before == 404, "{path} is answered with {before} before it is there");
        site.apply(&route).await?;
        let since = Instant::now();
        loop {
            match site.look(&path).await?.status {
                200 => break,
                404 => {
                    ensure!(since.elapsed() < Duration::from_secs(30), "{path} is never served");
                    sleep(POLL).await;
                }
                other => anyhow::bail!("{path} is answered with {other}"),
            }
        }
        seconds.push(since.elapsed().as_secs_f64());
    }
    let at = |percent| percentile(&seconds, percent).unwrap_or_default();
    Ok(vec![
        Figure { name: "a new route in force at p50, s", value: at(50.0), at_most: 0.05 },
        Figure { name: "a new route in force at p99, s", value: at(99.0), at_most: 0.05 },
    ])
}

/// Attaches many routes at once, and counts what is written about them and for how long.
async fn at_once(site: &Site) -> Result<Vec<Figure>> {
    let before = (writes(site, "httproutes").await?, writes(site, "gateways").await?);
    let objects = (0..AT_ONCE).map(|number| route("once", number)).collect();
    all(site, objects).await?;
    let since = Instant::now();
    let routes = object::api(&site.client, GATEWAY_API, "HTTPRoute", "");
    let labelled = ListParams::default().labels("faults=once");
    until("every route has a status", PATIENCE, async || {
        let list = routes.list(&labelled).await?;
        let said =
            list.items.iter().filter(|route| route.data.pointer("/status/parents/0/conditions/0").is_some()).count();
        ensure!(said as u64 == AT_ONCE, "{said} have");
        Ok(())
    })
    .await?;
    let after = since.elapsed().as_secs_f64();
    // The Gateway's own count comes last.
    sleep(Duration::from_secs(2)).await;
    Ok(vec![
        Figure { name: "all have a status after, s", value: after, at_most: 2.0 },
        Figure { name: "writes of routes", value: writes(site, "httproutes").await? - before.0, at_most: 1100.0 },
        Figure { name: "writes of Gateways", value: writes(site, "gateways").await? - before.1, at_most: 50.0 },
    ])
}

/// Counts the status writes that the API server answered so far.
async fn writes(site: &Site, resource: &str) -> Result<f64> {
    control::answered(site, resource, "status", &["PATCH", "PUT", "APPLY"]).await
}

async fn memory(site: &Site) -> Result<Vec<Figure>> {
    let of_gateway = ListParams::default().labels("gateway.networking.k8s.io/gateway-name=gateway");
    let proxies = object::api(&site.client, "v1", "Pod", NAMESPACE).list(&of_gateway).await?.items;
    let controllers = control::controllers(site).await?;
    let largest = |pods: &[DynamicObject]| -> Result<f64> {
        let sizes: Result<Vec<f64>> = pods.iter().map(|pod| resident_mib(site, pod)).collect();
        Ok(sizes?.into_iter().fold(0.0, f64::max))
    };
    Ok(vec![
        Figure { name: "data plane, MiB", value: largest(&proxies)?, at_most: 32.0 },
        Figure { name: "controller, MiB", value: largest(&controllers)?, at_most: 256.0 },
    ])
}

fn resident_mib(site: &Site, pod: &DynamicObject) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", control::process(site, pod)?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a process has VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

fn namespace(number: u64) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": format!("many-{number}") } })
}

/// Returns the path of a route of a set.
pub(super) fn path(set: &str, number: u64) -> String {
    format!("/{set}/{number}")
}

fn route(set: &str, number: u64) -> Value {
    let matched = json!([{ "path": { "type": "PathPrefix", "value": path(set, number) } }]);
    let filter = json!({ "type": "ResponseHeaderModifier", "responseHeaderModifier": { "set": [{ "name": "x-set", "value": set }] } });
    let backend = json!([{ "name": "echo", "namespace": NAMESPACE, "port": 80 }]);
    json!({
        "apiVersion": GATEWAY_API, "kind": "HTTPRoute",
        "metadata": { "name": format!("{set}-{number}"), "namespace": format!("many-{}", number % NAMESPACES),
                      "labels": { "faults": set } },
        "spec": {
            "parentRefs": [{ "name": "gateway", "namespace": NAMESPACE }], "hostnames": [HOST],
            "rules": [{ "matches": matched, "filters": [filter], "backendRefs": backend }],
        },
    })
}

/// Lets routes of every namespace lead to the site's backends; a grant names at most 16 namespaces.
fn grants() -> Vec<Value> {
    let from: Vec<Value> = (0..NAMESPACES)
        .map(|number| {
            let namespace = format!("many-{number}");
            json!({ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": namespace })
        })
        .collect();
    let grants = from.chunks(16).enumerate().map(|(index, from)| {
        json!({
            "apiVersion": GATEWAY_API, "kind": "ReferenceGrant",
            "metadata": { "name": format!("many-{index}"), "namespace": NAMESPACE },
            "spec": { "from": from, "to": [{ "group": "", "kind": "Service" }] },
        })
    });
    grants.collect()
}
