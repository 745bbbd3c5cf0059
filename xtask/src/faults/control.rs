//! Faults of what configures: controllers, the API server, its store.

use std::{
    fs,
    net::IpAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use kube::api::{DynamicObject, ListParams};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    Figure, object,
    site::{Site, until},
};
use crate::cluster::daemon;

pub(super) const SYSTEM: &str = "gatewright-system";
const CONTROLLER: &str = "app.kubernetes.io/name=gatewright,app.kubernetes.io/component=controller";
const ADMIN_PORT: u16 = 19_000;
const LEASE: &str = "gatewright";
/// For how long the load goes on when the API server is back: others find that out one after the other.
const AFTERMATH: Duration = Duration::from_secs(60);
/// How long a controller may take to be ready again.
const PATIENCE: Duration = Duration::from_secs(120);

/// Kills every controller's process.
pub(super) async fn controllers_killed(site: &Site) -> Result<Vec<Figure>> {
    let controllers = controllers(site).await?;
    ensure!(!controllers.is_empty(), "no controller runs");
    for pod in &controllers {
        kill(site, pod)?;
    }
    sleep(Duration::from_secs(1)).await;
    until("all controllers are ready", PATIENCE, async || ready(site, controllers.len()).await).await?;
    Ok(vec![Figure { name: "an edit takes, s", value: site.edit(1).await?, at_most: 20.0 }])
}

/// Kills the leader's process, and looks how soon an edit is in force (HARDENING F6: a lease of 15 s, and some).
pub(super) async fn leader_lost(site: &Site) -> Result<Vec<Figure>> {
    let count = controllers(site).await?.len();
    kill(site, &leader(site).await?)?;
    let before = renewed(site).await?;
    let edit = Figure { name: "an edit takes, s", value: site.edit(2).await?, at_most: 20.0 };
    until("somebody leads again", PATIENCE, async || {
        ensure!(renewed(site).await? != before, "nobody does");
        Ok(())
    })
    .await?;
    until("all controllers are ready", PATIENCE, async || ready(site, count).await).await?;
    Ok(vec![edit])
}

/// Returns when the Lease was renewed.
async fn renewed(site: &Site) -> Result<Value> {
    let lease = object::api(&site.client, "coordination.k8s.io/v1", "Lease", SYSTEM).get(LEASE).await?;
    Ok(lease.data["spec"]["renewTime"].clone())
}

/// Returns the controller that holds the Lease.
pub(super) async fn leader(site: &Site) -> Result<DynamicObject> {
    let lease = object::api(&site.client, "coordination.k8s.io/v1", "Lease", SYSTEM).get(LEASE).await?;
    let holder = lease.data.pointer("/spec/holderIdentity").and_then(Value::as_str).context("nobody leads")?;
    let controllers = controllers(site).await?;
    let leader =
        controllers.into_iter().find(|pod| pod.metadata.name.as_deref().is_some_and(|name| holder.contains(name)));
    leader.with_context(|| format!("{holder} is no pod"))
}

/// Ends the API server and starts it after a while (F1).
pub(super) async fn api_server_down(site: &Site, away: Duration) -> Result<Vec<Figure>> {
    let before = restarts(site).await?;
    daemon::end(site.cluster.folder(), "apiserver")?;
    sleep(away).await;
    site.cluster.start("apiserver")?;
    let back = api_server_ready(site).await?;
    site.edit(3).await?;
    let edit =
        Figure { name: "an edit is in force after its return, s", value: back.elapsed().as_secs_f64(), at_most: 10.0 };
    // What follows its return belongs to it.
    sleep(AFTERMATH).await;
    let restarts = (restarts(site).await? - before) as f64;
    Ok(vec![edit, Figure { name: "restarts", value: restarts, at_most: 0.0 }])
}

/// Restarts the API server again and again (F2). Its counters begin with it, so that they tell who lists afterwards.
pub(super) async fn api_server_restarts(site: &Site, times: u64) -> Result<Vec<Figure>> {
    let before = restarts(site).await?;
    let (mut slowest, mut lists) = (0.0_f64, 0.0_f64);
    for _ in 0..times {
        daemon::end(site.cluster.folder(), "apiserver")?;
        site.cluster.start("apiserver")?;
        let back = api_server_ready(site).await?;
        site.edit(4).await?;
        slowest = slowest.max(back.elapsed().as_secs_f64());
        lists = lists.max(answered(site, "httproutes", "", &["LIST"]).await?);
    }
    let controllers = controllers(site).await?.len() as f64;
    let restarts = (restarts(site).await? - before) as f64;
    Ok(vec![
        Figure { name: "an edit is in force after its return, s", value: slowest, at_most: 10.0 },
        Figure { name: "lists of HTTPRoutes per controller", value: lists / controllers, at_most: 2.0 },
        Figure { name: "restarts", value: restarts, at_most: 0.0 },
    ])
}

/// Counts the requests for a resource that the API server answered since it started.
pub(super) async fn answered(site: &Site, resource: &str, subresource: &str, verbs: &[&str]) -> Result<f64> {
    let text = site.client.request_text(http::Request::get("/metrics").body(Vec::new())?).await?;
    let lines = text.lines().filter(|line| {
        line.starts_with("apiserver_request_total{")
            && line.contains(&format!("resource=\"{resource}\""))
            && line.contains(&format!("subresource=\"{subresource}\""))
            && verbs.iter().any(|verb| line.contains(&format!("verb=\"{verb}\"")))
    });
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// Lets etcd stand still for two of every five seconds (F7).
pub(super) async fn etcd_slow(site: &Site, times: u64) -> Result<Vec<Figure>> {
    let etcd = daemon::id(site.cluster.folder(), "etcd").context("etcd runs")?;
    for _ in 0..times {
        daemon::signal("STOP", &[etcd])?;
        sleep(Duration::from_secs(2)).await;
        daemon::signal("CONT", &[etcd])?;
        sleep(Duration::from_secs(3)).await;
    }
    Ok(vec![Figure { name: "an edit takes, s", value: site.edit(5).await?, at_most: 10.0 }])
}

/// Waits until the API server answers where Pods ask it: at its Service's address, which leads to it again only when
/// kube-proxy has found it, some time after administrators have.
pub(super) async fn api_server_ready(site: &Site) -> Result<Instant> {
    let services = object::api(&site.client, "v1", "Service", "default");
    let address = until("the API server answers", PATIENCE, async || {
        let service = services.get("kubernetes").await?;
        let address = service.data.pointer("/spec/clusterIP").and_then(Value::as_str);
        Ok(address.context("it has no address")?.parse::<IpAddr>()?)
    })
    .await?;
    until("its Service leads to it", PATIENCE, async || {
        timeout(Duration::from_secs(1), TcpStream::connect((address, 443))).await??;
        Ok(Instant::now())
    })
    .await
}

pub(super) async fn controllers(site: &Site) -> Result<Vec<DynamicObject>> {
    let pods = object::api(&site.client, "v1", "Pod", SYSTEM).list(&ListParams::default().labels(CONTROLLER)).await?;
    Ok(pods.items)
}

async fn ready(site: &Site, count: usize) -> Result<()> {
    let ready = controllers(site).await?.iter().filter(|pod| object::is_true(pod, "Ready")).count();
    ensure!(ready >= count, "{ready} of {count}");
    Ok(())
}

/// Counts how often the containers of controllers and proxies were started again.
pub(super) async fn restarts(site: &Site) -> Result<u64> {
    let managed = "app.kubernetes.io/name=gatewright";
    let pods = object::api(&site.client, "v1", "Pod", "").list(&ListParams::default().labels(managed)).await?;
    let statuses = pods.items.iter().filter_map(|pod| pod.data.pointer("/status/containerStatuses")?.as_array());
    Ok(statuses.flatten().filter_map(|status| status["restartCount"].as_u64()).sum())
}

/// Kills the first process of a pod's container, as the kernel would: without a word to Kubernetes.
pub(super) fn kill(site: &Site, pod: &DynamicObject) -> Result<()> {
    daemon::signal("KILL", &[process(site, pod)?])
}

/// Returns what a controller's admin listener says of itself.
pub(super) async fn metrics(pod: &DynamicObject) -> Result<String> {
    let address = pod.data.pointer("/status/podIP").and_then(Value::as_str).context("a controller has an address")?;
    let mut connection = TcpStream::connect((address.parse::<IpAddr>()?, ADMIN_PORT)).await?;
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut text = String::new();
    connection.read_to_string(&mut text).await?;
    Ok(text)
}

/// Returns the root of the file system that a pod's process sees.
pub(super) fn root(site: &Site, pod: &DynamicObject) -> Result<PathBuf> {
    Ok(PathBuf::from(format!("/proc/{}/root", process(site, pod)?)))
}

/// Returns the id of that process.
pub(super) fn process(site: &Site, pod: &DynamicObject) -> Result<u32> {
    let id = pod.data.pointer("/status/containerStatuses/0/containerID").and_then(Value::as_str);
    let id = id.and_then(|id| id.strip_prefix("containerd://")).context("the pod's container does not run")?;
    let task = site.cluster.folder().join("containerd/state/io.containerd.runtime.v2.task/k8s.io").join(id);
    let process = fs::read_to_string(task.join("init.pid")).context("containerd knows the process")?;
    Ok(process.trim().parse()?)
}

/// Returns how long a process runs, to a hundredth of a second.
pub(super) fn age(process: u32) -> Result<Duration> {
    /// proc(5) counts in these, which are 100 to the second wherever Linux runs us.
    const TICKS_PER_SECOND: f64 = 100.0;
    let status = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold spaces; the start is the 22nd field, the 20th after it.
    let (_, fields) = status.rsplit_once(')').context("a process has a name")?;
    let start: f64 = fields.split_ascii_whitespace().nth(19).context("a process has a start")?.parse()?;
    let uptime = fs::read_to_string("/proc/uptime")?;
    let uptime: f64 = uptime.split_ascii_whitespace().next().context("the machine has a start")?.parse()?;
    Ok(Duration::from_secs_f64((uptime - start / TICKS_PER_SECOND).max(0.0)))
}
