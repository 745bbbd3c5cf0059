//! From one version to the next: controllers first, whose new proxies then take the place of the old.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use serde_json::Value;

use super::{
    Figure, control, object,
    site::{NAMESPACE, Site, until},
};
use crate::cluster::image::{self, GATEWRIGHT};

const BEFORE: &str = "docker.io/gatewright/gatewright:before";
const CONTROLLER: &str = "gatewright";
/// Pods of both are replaced one after the other, and proxies drain.
const PATIENCE: Duration = Duration::from_secs(300);

/// Goes back to the version before and forward again, and edits all the while (F18).
pub(super) async fn there_and_back(site: &Site, before: Option<&Path>) -> Result<Vec<Figure>> {
    let before = before.context("say which program is the version before: --before PROGRAM")?;
    image::load_as(&site.cluster, before, BEFORE)?;
    let back = change(site, GATEWRIGHT, BEFORE).await;
    let forward = change(site, BEFORE, GATEWRIGHT).await;
    Ok(vec![
        Figure { name: "slowest edit on the way back, s", value: back?, at_most: 20.0 },
        Figure { name: "and forward, s", value: forward?, at_most: 20.0 },
    ])
}

/// Puts one image in the place of the other, and returns the slowest edit until nothing runs the old one.
async fn change(site: &Site, from: &str, to: &str) -> Result<f64> {
    let deployments = object::api(&site.client, "apps/v1", "Deployment", control::SYSTEM);
    let deployment = deployments.get(CONTROLLER).await?;
    let spec: Value = serde_json::from_str(&deployment.data["spec"].to_string().replace(from, to))?;
    let patch = Patch::Merge(serde_json::json!({ "spec": spec }));
    deployments.patch(CONTROLLER, &PatchParams::default(), &patch).await?;
    let start = Instant::now();
    let mut slowest: f64 = 0.0;
    for number in 0.. {
        slowest = slowest.max(site.edit(number).await?);
        match all_run(site, to).await {
            Ok(()) => break,
            Err(error) => ensure!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {error}"),
        }
    }
    until("the controllers are ready", PATIENCE, async || {
        let controllers = control::controllers(site).await?;
        ensure!(controllers.iter().all(|pod| object::is_true(pod, "Ready")), "not all are");
        Ok(())
    })
    .await?;
    Ok(slowest)
}

async fn all_run(site: &Site, image: &str) -> Result<()> {
    let of_gateway = ListParams::default().labels("gateway.networking.k8s.io/gateway-name=gateway");
    let mut pods = object::api(&site.client, "v1", "Pod", NAMESPACE).list(&of_gateway).await?.items;
    pods.extend(control::controllers(site).await?);
    let runs =
        |pod: &DynamicObject| pod.data.pointer("/spec/containers/0/image").and_then(Value::as_str) == Some(image);
    let others = pods.iter().filter(|pod| !runs(pod) || !object::is_true(pod, "Ready")).count();
    ensure!(others == 0, "{others} of {} pods do not run {image}", pods.len());
    Ok(())
}
