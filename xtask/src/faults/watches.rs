//! Faults of the controllers' view: what happened is forgotten before they heard of it, or they are told nothing more.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::{
    Figure, control,
    site::{self, NAMESPACE, Site, until},
};
use crate::cluster::{self, daemon};

/// Where the node's API server listens.
const API_SERVER_PORT: u16 = 6443;
/// Our table of packet filters on the node.
const FILTER: &str = "gatewright-faults";
/// Objects that are changed while nobody looks: more than the API server keeps events of.
const MISSED_CHANGES: u64 = 2000;

/// Lets the controllers sleep while much changes and the API server is started anew, so that their watches ask for what is
/// gone (410) and have to list (F3).
pub(super) async fn expired(site: &Site) -> Result<Vec<Figure>> {
    let controllers = processes(site).await?;
    daemon::signal("STOP", &controllers)?;
    let changed = change_much(site).await;
    daemon::signal("CONT", &controllers)?;
    changed?;
    let since = Instant::now();
    site.edit(7).await?;
    let edit = since.elapsed().as_secs_f64();
    // A route that vanished meanwhile would be a failed request.
    Ok(vec![Figure { name: "an edit is in force after, s", value: edit, at_most: 5.0 }])
}

async fn change_much(site: &Site) -> Result<()> {
    let map = |number: u64| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "missed", "namespace": NAMESPACE },
            "data": { "number": number.to_string() },
        })
    };
    for number in 0..MISSED_CHANGES {
        site.apply(&map(number)).await?;
    }
    site.apply(&site::loaded(1)).await?;
    daemon::end(site.cluster.folder(), "apiserver")?;
    site.cluster.start("apiserver")?;
    control::api_server_ready(site).await?;
    site.delete(&map(0)).await
}

/// Lets nothing more come from the API server on the connections that there are, without closing them (F4).
pub(super) async fn silent(site: &Site) -> Result<Vec<Figure>> {
    let mut rules = Vec::new();
    for process in processes(site).await? {
        for (address, port) in connections(process)? {
            rules.push((address, port));
        }
    }
    ensure!(!rules.is_empty(), "the controllers have no connection to the API server");
    let drops = rules.iter().map(|(address, port)| format!("ip daddr {address} tcp dport {port} drop"));
    let filter = Filter::set(drops)?;
    let since = Instant::now();
    let edited = site.edit(8).await;
    let after = since.elapsed().as_secs_f64();
    filter.lift()?;
    edited?;
    Ok(vec![Figure { name: "an edit is in force after, s", value: after, at_most: 60.0 }])
}

/// Cuts the leader off from the API server, but from nobody else (F6), and then whoever leads after it: one of the two
/// has the proxy. The other leads, and the proxy leaves for it.
pub(super) async fn leader_cut(site: &Site) -> Result<Vec<Figure>> {
    let first = cut(site).await?;
    until_all_hear(site).await?;
    let second = cut(site).await?;
    until_all_hear(site).await?;
    Ok(vec![Figure { name: "the slower of two edits takes, s", value: first.max(second), at_most: 20.0 }])
}

/// Cuts the leader off until another leads, and returns how long an edit takes meanwhile.
async fn cut(site: &Site) -> Result<f64> {
    let leader = control::leader(site).await?;
    let address = leader.data.pointer("/status/podIP").and_then(Value::as_str).context("the leader has an address")?;
    let filter = Filter::set([format!("ip daddr {address} tcp sport {API_SERVER_PORT} drop")].into_iter())?;
    let edit = site.edit(13).await;
    let other = until("another leads", Duration::from_secs(30), async || {
        let now = control::leader(site).await?;
        ensure!(now.metadata.name != leader.metadata.name, "it is still the one that is cut off");
        Ok(())
    })
    .await;
    let leads = leads(&leader).await;
    filter.lift()?;
    other?;
    ensure!(!leads?, "the one that is cut off still leads");
    edit
}

/// Waits until every controller acts on an edit.
async fn until_all_hear(site: &Site) -> Result<()> {
    let mut before = Vec::new();
    for pod in control::controllers(site).await? {
        let count = compiled(&pod).await?;
        before.push((pod, count));
    }
    site.edit(14).await?;
    until("all controllers hear", Duration::from_secs(90), async || {
        for (pod, before) in &before {
            let now = compiled(pod).await?;
            ensure!(now > *before, "{:?} does not", pod.metadata.name);
        }
        Ok(())
    })
    .await
}

async fn compiled(controller: &DynamicObject) -> Result<u64> {
    let text = control::metrics(controller).await?;
    let count = text.lines().find_map(|line| line.strip_prefix("gatewright_controller_compile_seconds_count "));
    Ok(count.context("a controller counts what it compiles")?.parse()?)
}

async fn leads(controller: &DynamicObject) -> Result<bool> {
    let text = control::metrics(controller).await?;
    Ok(text.lines().any(|line| line == "gatewright_controller_leader 1"))
}

/// Packets of the node that are dropped.
struct Filter;

impl Filter {
    fn set(rules: impl Iterator<Item = String>) -> Result<Self> {
        let chain = format!("add chain inet {FILTER} output {{ type filter hook output priority 0; }}");
        let rules = rules.map(|rule| format!("add rule inet {FILTER} output {rule}"));
        let lines: Vec<String> = [format!("add table inet {FILTER}"), chain].into_iter().chain(rules).collect();
        cluster::quietly(Command::new("nft").arg(lines.join("\n")))?;
        Ok(Self)
    }

    fn lift(self) -> Result<()> {
        cluster::quietly(Command::new("nft").arg(format!("delete table inet {FILTER}"))).map(|_| ())
    }
}

async fn processes(site: &Site) -> Result<Vec<u32>> {
    let controllers = control::controllers(site).await?;
    ensure!(!controllers.is_empty(), "no controller runs");
    controllers.iter().map(|pod: &DynamicObject| control::process(site, pod)).collect()
}

/// Returns the local addresses and ports of a process's connections that are not to its own channel.
fn connections(process: u32) -> Result<Vec<(String, u16)>> {
    let text = fs::read_to_string(format!("/proc/{process}/net/tcp"))?;
    let established = text.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        // proc(5): local address, remote address, state; 01 is established. Services are at 443.
        let (local, remote) = (*fields.get(1)?, *fields.get(2)?);
        (*fields.get(3)? == "01" && remote.ends_with(":01BB")).then(|| endpoint(local))?
    });
    Ok(established.collect())
}

/// Reads `0100007F:1F90`: an IPv4 address as the kernel holds it, and a port.
fn endpoint(text: &str) -> Option<(String, u16)> {
    let (address, port) = text.split_once(':')?;
    let address = u32::from_str_radix(address, 16).ok()?;
    Some((std::net::Ipv4Addr::from(address.swap_bytes()).to_string(), u16::from_str_radix(port, 16).ok()?))
}
