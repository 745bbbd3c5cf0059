//! Faults of what serves: proxies that are replaced, multiplied, started cold; Gateways that come and go.

use std::{
    fs,
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    Figure, control, object, scale,
    site::{self, GATEWAY_API, NAMESPACE, Site, until},
};

const OF_GATEWAY: &str = "gateway.networking.k8s.io/gateway-name=gateway";
/// Where a proxy listens for the port 80 of its Gateway: ports below 1024 take privileges.
const LISTENING_PORT: u16 = 10_080;
/// How long proxies may take to be replaced: each drains for a while.
const PATIENCE: Duration = Duration::from_secs(240);

/// What is made of a Gateway.
const MADE: [(&str, &str); 5] = [
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("policy/v1", "PodDisruptionBudget"),
];

/// Replaces all proxies, as `kubectl rollout restart` does (F17).
pub(super) async fn rolling_restarts(site: &Site, times: u64) -> Result<Vec<Figure>> {
    scale_to(site, 2).await?;
    for time in 0..times {
        let stamp = format!("{time}-{}", fastrand::u32(..));
        let annotations = json!({ "gatewright.dev/restarted": stamp });
        patch(site, &json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } })).await?;
        settled(site, 2).await?;
    }
    scale_to(site, 1).await?;
    Ok(Vec::new())
}

/// One proxy, three, one.
pub(super) async fn scale(site: &Site) -> Result<Vec<Figure>> {
    for replicas in [3, 1] {
        scale_to(site, replicas).await?;
        sleep(Duration::from_secs(2)).await;
    }
    Ok(Vec::new())
}

/// Deletes another Gateway and makes it again at once, again and again; what is left must be one that works (F24).
pub(super) async fn gateway_recreated(site: &Site, times: u64) -> Result<Vec<Figure>> {
    let other = json!({
        "apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": { "name": "again", "namespace": NAMESPACE },
        "spec": { "gatewayClassName": "gatewright", "listeners": [{ "name": "http", "port": 80, "protocol": "HTTP" }] },
    });
    let labelled = ListParams::default().labels("gateway.networking.k8s.io/gateway-name=again");
    let services = object::api(&site.client, "v1", "Service", NAMESPACE);
    for time in 0..times {
        site.apply(&other).await?;
        if time % 2 == 0 {
            // The others go before anything is made of them.
            until("it has a Service", PATIENCE, async || {
                ensure!(!services.list(&labelled).await?.items.is_empty(), "it has none");
                Ok(())
            })
            .await?;
        }
        site.delete(&other).await?;
    }
    site.apply(&other).await?;
    let since = Instant::now();
    let gateways = object::api(&site.client, GATEWAY_API, "Gateway", NAMESPACE);
    let address: IpAddr = until("the Gateway is programmed", PATIENCE, async || {
        let gateway = gateways.get("again").await?;
        ensure!(object::is_true(&gateway, "Programmed"), "it is not");
        Ok(gateway.data.pointer("/status/addresses/0/value").and_then(Value::as_str).context("no address")?.parse()?)
    })
    .await?;
    let status = site::look_at(address, "/").await?.status;
    ensure!(status == 404, "a Gateway without routes answers with {status}");
    let after = since.elapsed().as_secs_f64();
    site.delete(&other).await?;
    until("nothing is left of it", PATIENCE, async || {
        for (api_version, kind) in MADE {
            let left = object::api(&site.client, api_version, kind, NAMESPACE).list(&labelled).await?.items.len();
            ensure!(left == 0, "{left} {kind}s are");
        }
        Ok(())
    })
    .await?;
    Ok(vec![Figure { name: "programmed after, s", value: after, at_most: 60.0 }])
}

/// Kills the proxy's process while no controller is there: it must serve what it knew, many routes at that (F16). Its
/// clients notice, until the other proxy has them all.
pub(super) async fn cold_start(site: &Site, routes: u64) -> Result<Vec<Figure>> {
    scale_to(site, 2).await?;
    scale::fill(site, routes).await?;
    let deployments = object::api(&site.client, "apps/v1", "Deployment", control::SYSTEM);
    let replicas = |count: u64| Patch::Merge(json!({ "spec": { "replicas": count } }));
    let before = deployments.get("gatewright").await?.data["spec"]["replicas"].as_u64().unwrap_or(1);
    deployments.patch("gatewright", &PatchParams::default(), &replicas(0)).await?;
    let started = start_without_controllers(site, &scale::path(scale::MANY, routes - 1)).await;
    deployments.patch("gatewright", &PatchParams::default(), &replicas(before)).await?;
    scale_to(site, 1).await?;
    scale::empty(site).await?;
    started
}

async fn start_without_controllers(site: &Site, path: &str) -> Result<Vec<Figure>> {
    let controllers = object::api(&site.client, "v1", "Pod", control::SYSTEM);
    until("no controller is left", PATIENCE, async || {
        ensure!(controllers.list(&ListParams::default()).await?.items.is_empty(), "one is");
        Ok(())
    })
    .await?;
    let pod = proxies(site).await?.into_iter().next().context("a proxy runs")?;
    let cache = control::root(site, &pod)?.join("var/cache/gatewright/plan");
    until("the Plan is cached", PATIENCE, async || {
        let text = fs::read(&cache).with_context(|| cache.display().to_string())?;
        let found = text.windows(path.len()).any(|found| found == path.as_bytes());
        ensure!(found, "not with the last route");
        Ok(())
    })
    .await?;
    let name = pod.metadata.name.clone().context("a pod has a name")?;
    let address: IpAddr = pod.data.pointer("/status/podIP").and_then(Value::as_str).context("an address")?.parse()?;
    control::kill(site, &pod)?;
    let since = Instant::now();
    let pods = object::api(&site.client, "v1", "Pod", NAMESPACE);
    let serves = async {
        until("the proxy serves again", PATIENCE, async || {
            let status = site::look_at_port(address, LISTENING_PORT, path).await?.status;
            ensure!(status == 200, "it answers with {status}");
            Ok(Instant::now())
        })
        .await
    };
    let ready = async {
        until("the proxy is ready again", PATIENCE, async || {
            let pod = pods.get(&name).await?;
            let count = pod.data.pointer("/status/containerStatuses/0/restartCount").and_then(Value::as_u64);
            ensure!(count > Some(0) && object::is_true(&pod, "Ready"), "it is not");
            let ready = since.elapsed().as_secs_f64();
            Ok((ready, Instant::now() - control::age(control::process(site, &pod)?)?))
        })
        .await
    };
    let (serves, ready) = tokio::join!(serves, ready);
    let (ready, started) = ready?;
    Ok(vec![
        Figure {
            name: "serves after its start, s",
            value: serves?.duration_since(started).as_secs_f64(),
            at_most: 1.0,
        },
        Figure { name: "ready after, s", value: ready, at_most: 10.0 },
    ])
}

async fn scale_to(site: &Site, replicas: u32) -> Result<()> {
    let parameters = json!({
        "apiVersion": "gatewright.dev/v1alpha1", "kind": "GatewayParameters",
        "metadata": { "name": "replicas", "namespace": NAMESPACE },
        "spec": { "provider": { "type": "Kubernetes", "kubernetes": { "envoyDeployment": { "replicas": replicas } } } },
    });
    site.apply(&parameters).await?;
    let mut gateway = site::gateway("gateway");
    gateway["spec"]["infrastructure"] =
        json!({ "parametersRef": { "group": "gatewright.dev", "kind": "GatewayParameters", "name": "replicas" } });
    site.apply(&gateway).await?;
    settled(site, replicas as usize).await
}

async fn deployment(site: &Site) -> Result<DynamicObject> {
    let deployments = object::api(&site.client, "apps/v1", "Deployment", NAMESPACE);
    let found = deployments.list(&ListParams::default().labels(OF_GATEWAY)).await?;
    found.items.into_iter().next().context("the Gateway has no Deployment")
}

async fn patch(site: &Site, patch: &Value) -> Result<()> {
    let name = deployment(site).await?.metadata.name.context("an object has a name")?;
    let deployments = object::api(&site.client, "apps/v1", "Deployment", NAMESPACE);
    deployments.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

async fn proxies(site: &Site) -> Result<Vec<DynamicObject>> {
    let pods = object::api(&site.client, "v1", "Pod", NAMESPACE);
    Ok(pods.list(&ListParams::default().labels(OF_GATEWAY)).await?.items)
}

/// Waits until the Deployment is as it is to be, and nothing of what was before is left.
async fn settled(site: &Site, replicas: usize) -> Result<()> {
    until("the proxies have settled", PATIENCE, async || {
        let deployment = deployment(site).await?;
        let status = &deployment.data["status"];
        ensure!(
            status["observedGeneration"].as_i64() == deployment.metadata.generation
                && status["updatedReplicas"].as_u64() == Some(replicas as u64)
                && status["readyReplicas"].as_u64() == Some(replicas as u64),
            "{status}"
        );
        let left = proxies(site).await?.len();
        ensure!(left == replicas, "{left} pods");
        Ok(())
    })
    .await
}
