//! Which kinds the API server serves, and in which version.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gatewright_core::world::{Bundle, Kind};
use http::Request;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::{Client, api::ApiResource};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};

use super::Backoff;

/// How often is asked what is served. A kind that comes is watched within half a minute.
const INTERVAL: Duration = Duration::from_secs(10);

/// A kind counts as gone when it was missing this often in a row: an API server that starts may not know it yet.
const MISSING_MAX: u8 = 3;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The bundle says its version and channel on each of its CRDs; this one is in all of them.
const BUNDLE_PATH: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gatewayclasses.gateway.networking.k8s.io";
const BUNDLE_VERSION: &str = "gateway.networking.k8s.io/bundle-version";
const CHANNEL: &str = "gateway.networking.k8s.io/channel";

/// What the API server serves of what the compiler reads.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Served {
    /// Each by its newest version.
    pub(super) kinds: BTreeMap<Kind, ApiResource>,
    pub(super) bundle: Bundle,
}

/// Asks again and again.
pub(super) struct Discovery {
    client: Client,
    last: Option<Served>,
    /// How often in a row each kind was missing.
    missing: BTreeMap<Kind, u8>,
    next: Instant,
    backoff: Backoff,
}

impl Discovery {
    pub(super) fn new(client: Client) -> Self {
        let backoff = Backoff::new(Duration::from_millis(400), Duration::from_secs(6));
        Self { client, last: None, missing: BTreeMap::new(), next: Instant::now(), backoff }
    }

    /// Waits until what is served changes; the first answer is a change. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Served {
        loop {
            sleep_until(self.next).await;
            let before = self.last.as_ref().map(|last| last.bundle.clone());
            match ask(&self.client, before).await {
                Ok(found) => {
                    self.backoff.reset();
                    self.next = Instant::now() + INTERVAL;
                    let served = self.settle(found);
                    if self.last.as_ref() != Some(&served) {
                        self.last = Some(served.clone());
                        return served;
                    }
                }
                Err(error) => {
                    self.next = Instant::now() + self.backoff.wait();
                    tracing::warn!(%error, "cannot ask the API server what it serves; trying again");
                }
            }
        }
    }

    /// Keeps kinds that are missing for the first few times.
    fn settle(&mut self, mut found: Served) -> Served {
        self.missing.retain(|kind, _| !found.kinds.contains_key(kind));
        for (kind, resource) in self.last.iter().flat_map(|last| &last.kinds) {
            if !found.kinds.contains_key(kind) {
                let missing = self.missing.entry(*kind).or_default();
                *missing = missing.saturating_add(1);
                if *missing < MISSING_MAX {
                    found.kinds.insert(*kind, resource.clone());
                }
            }
        }
        found
    }
}

/// `before` is the bundle that was read before.
async fn ask(client: &Client, before: Option<Bundle>) -> kube::Result<Served> {
    let mut served = Served::default();
    let versions: BTreeSet<(&str, &str)> =
        Kind::ALL.iter().flat_map(|kind| kind.versions().iter().map(|version| (kind.group(), *version))).collect();
    let mut found: BTreeMap<(Kind, &str), ApiResource> = BTreeMap::new();
    for (group, version) in versions {
        let path = match group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        for resource in get::<APIResourceList>(client, &path).await?.into_iter().flat_map(|list| list.resources) {
            let (Some(kind), false) = (Kind::find(group, &resource.kind), resource.name.contains('/')) else {
                continue;
            };
            let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
            let resource = ApiResource {
                group: group.to_owned(),
                version: version.to_owned(),
                api_version,
                kind: resource.kind,
                plural: resource.name,
            };
            found.insert((kind, version), resource);
        }
    }
    for kind in Kind::ALL {
        // Newest first.
        if let Some(resource) = kind.versions().iter().find_map(|version| found.remove(&(*kind, *version))) {
            served.kinds.insert(*kind, resource);
        }
    }
    served.bundle = bundle(client).await.unwrap_or_else(|_| before.unwrap_or_else(|| read(&Value::Null)));
    Ok(served)
}

async fn bundle(client: &Client) -> kube::Result<Bundle> {
    Ok(read(&get::<Value>(client, BUNDLE_PATH).await?.unwrap_or_default()))
}

/// Reads what a CRD says of its bundle; nothing is experimental that does not say so.
fn read(definition: &Value) -> Bundle {
    let annotations = &definition["metadata"]["annotations"];
    Bundle {
        version: annotations[BUNDLE_VERSION].as_str().map(str::to_owned),
        standard: annotations[CHANNEL] != "experimental",
    }
}

/// Returns nothing where there is nothing.
async fn get<T: serde::de::DeserializeOwned>(client: &Client, path: &str) -> kube::Result<Option<T>> {
    let request = Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    match timeout(TIMEOUT, client.request(request)).await {
        Ok(Ok(answer)) => Ok(Some(answer)),
        Ok(Err(kube::Error::Api(status))) if status.is_not_found() || status.code == 404 => Ok(None),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(kube::Error::Service("the API server does not answer".into())),
    }
}
