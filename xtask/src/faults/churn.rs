//! Faults of nothing: everything that changes all day long, only more often.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kube::api::DynamicObject;
use serde_json::{Value, json};
use tokio::time::{interval, sleep};

use super::{
    Figure, HOST, object,
    site::{self, GATEWAY_API, NAMESPACE, Site, until},
};
use crate::sample::percentile;

/// Endpoints of one slice; each write of a slice changes all of them.
const ENDPOINTS_PER_SLICE: u64 = 50;
/// Changes of endpoints per second (F19).
const CHANGES_PER_SECOND: u64 = 1000;

/// So that there are a hundred requests to each edit when 2,500 come in a second.
const EDIT_INTERVAL: Duration = Duration::from_millis(40);

/// Longer than the controller leaves an object alone after a write.
const RECREATED_WITHIN: Duration = Duration::from_millis(250);

/// Edits the loaded route: weights, the order of rules, a field of the answers (F20).
pub(super) async fn routes(site: &Site, edits: u64) -> Result<Vec<Figure>> {
    let mut seconds = Vec::new();
    let mut pace = interval(EDIT_INTERVAL);
    for edit in 1..=edits {
        site.apply(&site::loaded(edit)).await?;
        let since = Instant::now();
        let wanted = edit.to_string();
        until("the edit is in force", Duration::from_secs(10), async || {
            let answer = site.look("/probe").await?;
            ensure!(answer.field("x-edit") == Some(&wanted), "it shows {:?}", answer.field("x-edit"));
            Ok(())
        })
        .await?;
        seconds.push(since.elapsed().as_secs_f64());
        pace.tick().await;
    }
    let p99 = percentile(&seconds, 99.0).unwrap_or_default();
    Ok(vec![Figure { name: "in force at p99, s", value: p99, at_most: 1.0 }])
}

/// Deletes a route and makes it again at once, at any moment of the quarter of a second after its status was written: each
/// one must get its own.
pub(super) async fn routes_recreated(site: &Site, times: u64) -> Result<Vec<Figure>> {
    let routes = object::api(&site.client, GATEWAY_API, "HTTPRoute", NAMESPACE);
    let mut slowest = 0_f64;
    for time in 0..times {
        let route = site::route("again", &[site::rule("/again", time, &json!([{ "name": "echo", "port": 80 }]))]);
        site.apply(&route).await?;
        let since = Instant::now();
        until("the route has a status", Duration::from_secs(10), async || {
            let said = routes.get("again").await?.data.pointer("/status/parents/0/conditions/0").cloned();
            said.map(|_| ()).context("nothing is said of it")
        })
        .await?;
        slowest = slowest.max(since.elapsed().as_secs_f64());
        sleep(RECREATED_WITHIN.mul_f64(fastrand::f64())).await;
        site.delete(&route).await?;
    }
    Ok(vec![Figure { name: "the slowest status after, s", value: slowest, at_most: 1.0 }])
}

/// Rotates the certificate; one of them is bad, and the last good one must stay in force (F10).
pub(super) async fn certificates(site: &Site, times: u64) -> Result<Vec<Figure>> {
    let gateways = object::api(&site.client, GATEWAY_API, "Gateway", NAMESPACE);
    for time in 0..times {
        let certificate = site.authority.issue(HOST)?;
        if time != times / 2 {
            site.apply(&site::secret(&certificate)).await?;
            sleep(Duration::from_millis(100)).await;
            continue;
        }
        let other = site.authority.issue(HOST)?;
        site.apply(&site::secret_of(&certificate.chain, &other.key)).await?;
        until("the bad certificate is said", Duration::from_secs(10), async || {
            let gateway = gateways.get("gateway").await?;
            let said = listener_condition(&gateway, "https", "ResolvedRefs");
            ensure!(said.as_deref() == Some("False"), "ResolvedRefs is {said:?}");
            Ok(())
        })
        .await?;
    }
    until("the certificates are good again", Duration::from_secs(10), async || {
        let said = listener_condition(&gateways.get("gateway").await?, "https", "ResolvedRefs");
        ensure!(said.as_deref() == Some("True"), "ResolvedRefs is {said:?}");
        Ok(())
    })
    .await?;
    Ok(Vec::new())
}

fn listener_condition(gateway: &DynamicObject, listener: &str, condition: &str) -> Option<String> {
    let listeners = gateway.data.pointer("/status/listeners")?.as_array()?;
    let conditions = listeners.iter().find(|one| one["name"] == listener)?["conditions"].as_array()?;
    Some(conditions.iter().find(|one| one["type"] == condition)?["status"].as_str()?.to_owned())
}

/// Takes all endpoints from a Service of its own and gives them back (F21).
pub(super) async fn no_endpoints(site: &Site) -> Result<Vec<Figure>> {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "bare", "namespace": NAMESPACE },
        "spec": { "ports": [{ "name": "http", "port": 80 }] },
    });
    let ready = site.endpoints().await?;
    let slice = |endpoints: &Value| {
        let labels = json!({ "kubernetes.io/service-name": "bare" });
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": { "name": "bare", "namespace": NAMESPACE, "labels": labels },
            "addressType": "IPv4", "ports": [{ "name": "http", "port": 3000 }], "endpoints": endpoints,
        })
    };
    let bare = site::route("bare", &[site::rule("/bare", 0, &json!([{ "name": "bare", "port": 80 }]))]);
    site.apply(&service).await?;
    site.apply(&slice(&ready)).await?;
    site.apply(&bare).await?;
    site.until_status("/bare", 200, Duration::from_secs(10)).await?;
    site.apply(&slice(&json!([]))).await?;
    site.until_status("/bare", 503, Duration::from_secs(5)).await?;
    site.apply(&slice(&ready)).await?;
    let since = Instant::now();
    site.until_status("/bare", 200, Duration::from_secs(5)).await?;
    let back = since.elapsed().as_secs_f64();
    for object in [&bare, &slice(&ready), &service] {
        site.delete(object).await?;
    }
    Ok(vec![Figure { name: "served again after, s", value: back, at_most: 0.5 }])
}

/// Changes endpoints of Services that nobody asks for but a route of ours leads to (F19).
pub(super) async fn endpoints(site: &Site, during: Duration) -> Result<Vec<Figure>> {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "churned", "namespace": NAMESPACE },
        "spec": { "ports": [{ "name": "http", "port": 80 }] },
    });
    let route = site::route("churned", &[site::rule("/churned", 0, &json!([{ "name": "churned", "port": 80 }]))]);
    site.apply(&service).await?;
    site.apply(&route).await?;
    let start = Instant::now();
    let mut ticks = interval(Duration::from_secs(1) * ENDPOINTS_PER_SLICE as u32 / CHANGES_PER_SECOND as u32);
    let mut writes = 0_u64;
    while start.elapsed() < during {
        ticks.tick().await;
        site.apply(&churned(writes)).await?;
        writes += 1;
    }
    let rate = (writes * ENDPOINTS_PER_SLICE) as f64 / start.elapsed().as_secs_f64();
    let edit = site.edit(6).await?;
    for slice in 0..SLICES {
        site.delete(&churned(slice)).await?;
    }
    for object in [&route, &service] {
        site.delete(object).await?;
    }
    Ok(vec![
        Figure { name: "an edit takes, s", value: edit, at_most: 1.0 },
        Figure {
            name: "changes a second missing",
            value: (CHANGES_PER_SECOND as f64 * 0.9 - rate).max(0.0),
            at_most: 0.0,
        },
    ])
}

/// Slices that are written in turn.
const SLICES: u64 = 20;

fn churned(write: u64) -> Value {
    let slice = write % SLICES;
    let endpoints: Vec<Value> = (0..ENDPOINTS_PER_SLICE)
        .map(|index| {
            // Addresses of TEST-NET-3 and others for documentation (RFC 5737): nobody is asked there.
            let number = (write / SLICES) * 7 + index;
            json!({ "addresses": [format!("203.0.113.{}", number % 250 + 1)], "conditions": { "ready": !(number + write).is_multiple_of(3) } })
        })
        .collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": { "name": format!("churned-{slice}"), "namespace": NAMESPACE,
                      "labels": { "kubernetes.io/service-name": "churned" } },
        "addressType": "IPv4", "ports": [{ "name": "http", "port": 3000 }], "endpoints": endpoints,
    })
}
