//! Addresses for Services of type LoadBalancer, as a cloud would give them. kube-proxy serves whatever status says.
//!
//! The decision is a function of all Services; what it refuses to know is who asks, and why.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    path::Path,
    pin::pin,
};

use anyhow::{Context, Result};
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{LoadBalancerIngress, Service};
use kube::{
    Api, Client, Config, ResourceExt,
    api::{Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;

#[cfg(test)]
mod tests;

/// The pool is TEST-NET-2, 198.51.100.0/24 without its ends. A Service that asks for none gets one of the lower part, so
/// that those of the upper part are there for who asks.
const POOL: [u8; 3] = [198, 51, 100];
const LAST: u8 = 254;
const LAST_UNASKED: u8 = 199;

/// Namespace and name of a Service.
type Key = (String, String);

/// Gives addresses until it is ended.
pub(crate) fn run(kubeconfig: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(kubeconfig))
}

async fn serve(kubeconfig: &Path) -> Result<()> {
    let config = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
    let client = Client::try_from(config)?;
    let mut events = pin!(watcher(Api::<Service>::all(client.clone()), watcher::Config::default()).default_backoff());
    let mut services: BTreeMap<Key, Service> = BTreeMap::new();
    let mut fresh = BTreeMap::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => fresh.clear(),
            Ok(watcher::Event::InitApply(service)) => {
                fresh.insert(key(&service), service);
                continue;
            }
            Ok(watcher::Event::InitDone) => services = std::mem::take(&mut fresh),
            Ok(watcher::Event::Apply(service)) => {
                services.insert(key(&service), service);
            }
            Ok(watcher::Event::Delete(service)) => {
                services.remove(&key(&service));
            }
            Err(error) => {
                eprintln!("cannot watch Services, and will try again: {error}");
                continue;
            }
        }
        for (key, address) in changes(&services) {
            match write(&client, &key, address).await {
                Ok(service) => drop(services.insert(key, service)),
                Err(error) => eprintln!("{}/{}: {error:#}", key.0, key.1),
            }
        }
    }
    Ok(())
}

async fn write(client: &Client, key: &Key, address: Option<Ipv4Addr>) -> Result<Service> {
    println!("{}/{}: {}", key.0, key.1, address.map_or("none".to_owned(), |address| address.to_string()));
    let ingress = address.map(|address| json!([{"ip": address.to_string(), "ipMode": "VIP"}]));
    let patch = Patch::Merge(json!({"status": {"loadBalancer": {"ingress": ingress}}}));
    let api: Api<Service> = Api::namespaced(client.clone(), &key.0);
    api.patch_status(&key.1, &PatchParams::default(), &patch).await.context("cannot write its status")
}

fn key(service: &Service) -> Key {
    (service.namespace().unwrap_or_default(), service.name_any())
}

/// Returns the Services whose address is not what it should be, with what it should be.
///
/// An address that is asked for goes to the oldest who asks, and to nobody when it is not of the pool: such a Service stays
/// without. All others keep what they have, or get the first that is free.
fn changes(services: &BTreeMap<Key, Service>) -> Vec<(Key, Option<Ipv4Addr>)> {
    let mut wanting: Vec<(&Key, &Service)> = services.iter().filter(|(_, service)| wants_address(service)).collect();
    wanting.sort_by_key(|(key, service)| (service.creation_timestamp(), *key));
    let mut given: BTreeMap<&Key, Ipv4Addr> = BTreeMap::new();
    let mut taken: BTreeSet<Ipv4Addr> = BTreeSet::new();
    // Who asks comes first, then who has one, then the others.
    for (key, service) in &wanting {
        if let Some(address) = asked(service).filter(|address| in_pool(*address) && taken.insert(*address)) {
            given.insert(key, address);
        }
    }
    for (key, service) in wanting.iter().filter(|(_, service)| !asks(service)) {
        if let Some(address) = present(service).filter(|address| in_pool(*address) && taken.insert(*address)) {
            given.insert(key, address);
        }
    }
    for (key, _) in wanting.iter().filter(|(_, service)| !asks(service)) {
        if !given.contains_key(key) {
            let free = (1..=LAST_UNASKED).map(of_pool).find(|address| taken.insert(*address));
            given.extend(free.map(|address| (*key, address)));
        }
    }
    let differs = |(key, service): &(&Key, &Service)| {
        let right = given.get(key).map(ToString::to_string);
        let first = ingress(service).first().map(|ingress| ingress.ip.clone().unwrap_or_default());
        right != first || ingress(service).len() > 1
    };
    services.iter().filter(differs).map(|(key, _)| (key.clone(), given.get(key).copied())).collect()
}

/// A Service that names a class is for whoever serves that class.
fn wants_address(service: &Service) -> bool {
    let Some(spec) = &service.spec else { return false };
    spec.type_.as_deref() == Some("LoadBalancer")
        && spec.load_balancer_class.is_none()
        && service.metadata.deletion_timestamp.is_none()
}

fn asks(service: &Service) -> bool {
    requested(service).is_some()
}

/// The address that it asks for, if it is one.
fn asked(service: &Service) -> Option<Ipv4Addr> {
    requested(service)?.parse().ok()
}

fn requested(service: &Service) -> Option<&str> {
    service.spec.as_ref()?.load_balancer_ip.as_deref().filter(|address| !address.is_empty())
}

fn present(service: &Service) -> Option<Ipv4Addr> {
    ingress(service).first()?.ip.as_ref()?.parse().ok()
}

fn ingress(service: &Service) -> &[LoadBalancerIngress] {
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    balancer.and_then(|balancer| balancer.ingress.as_deref()).unwrap_or_default()
}

fn in_pool(address: Ipv4Addr) -> bool {
    let [a, b, c, last] = address.octets();
    [a, b, c] == POOL && (1..=LAST).contains(&last)
}

fn of_pool(last: u8) -> Ipv4Addr {
    let [a, b, c] = POOL;
    Ipv4Addr::new(a, b, c, last)
}
