//! The first document of a case.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::Deserialize;
use serde_json::Value;

use super::yaml;
use crate::{
    plan::{CertificateId, Request},
    world::{Bundle, CertificateInfo, Controllers, DataPlane, DataPlaneState, Inspect, Kind, Object, Settings, World},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    pub(super) objects: Vec<Value>,
    /// One data plane per Gateway when false, as in a cluster.
    #[serde(default = "yes")]
    merge_gateways: bool,
    /// Every controller is served when empty, as standalone.
    #[serde(default)]
    controllers: Vec<String>,
    /// Of every data plane.
    #[serde(default)]
    observed: Observed,
    #[serde(default)]
    pub(super) requests: Vec<Asked>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Observed {
    confirmed: bool,
    addresses: Vec<String>,
    cluster_addresses: Vec<String>,
    problems: Vec<String>,
    ports_failed: BTreeMap<u16, String>,
    certificates_failed: BTreeMap<String, String>,
    shared_classes: BTreeSet<String>,
    /// Kind, and the namespace unless it is all.
    forbidden: Vec<(String, Option<String>)>,
    bundle_version: Option<String>,
    /// Whether the CRDs are of the Standard channel.
    standard: bool,
    /// Kinds that are not served.
    unserved: Vec<String>,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            confirmed: true,
            addresses: vec!["127.0.0.1".to_owned()],
            cluster_addresses: Vec::new(),
            problems: Vec::new(),
            ports_failed: BTreeMap::new(),
            certificates_failed: BTreeMap::new(),
            shared_classes: BTreeSet::new(),
            forbidden: Vec::new(),
            bundle_version: None,
            standard: false,
            unserved: Vec::new(),
        }
    }
}

/// A request, written as `GET http://host:port/path`, and its headers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

pub(super) fn read(text: &str) -> Result<Input, String> {
    serde_json::from_value(yaml::read(text)?).map_err(|error| error.to_string())
}

impl Input {
    pub(super) fn world(&self, order: impl FnOnce(Vec<Value>) -> Vec<Value>) -> World {
        let controllers = match self.controllers.as_slice() {
            [] => Controllers::All,
            names => Controllers::Named(names.to_vec()),
        };
        let mut world = World::new(Settings {
            controllers,
            merge_gateways: self.merge_gateways,
            inspect: Inspect { key_pair, trust_anchors },
        });
        for object in order(self.objects.clone()) {
            world.insert(Object::from_value(object).unwrap());
        }
        let planes = std::iter::once(DataPlane::Merged).chain(world.gateways.keys().cloned().map(DataPlane::Gateway));
        let planes = planes.chain(world.gateway_classes.keys().map(|class| DataPlane::Class(class.name.clone())));
        world.observed.data_planes = planes.map(|plane| (plane, self.observed.state())).collect();
        world.observed.shared_classes.clone_from(&self.observed.shared_classes);
        world.observed.forbidden = self.observed.forbidden();
        world.observed.bundle = self.observed.bundle();
        world.observed.unserved = self.observed.unserved.iter().map(|name| kind(name)).collect();
        world
    }
}

fn kind(name: &str) -> Kind {
    *Kind::ALL.iter().find(|kind| kind.name() == name).unwrap()
}

impl Observed {
    fn bundle(&self) -> Bundle {
        Bundle { version: self.bundle_version.clone(), standard: self.standard }
    }

    fn forbidden(&self) -> BTreeSet<(Kind, Option<String>)> {
        self.forbidden.iter().map(|(name, namespace)| (kind(name), namespace.clone())).collect()
    }

    fn state(&self) -> DataPlaneState {
        let failed = |(id, why): (&String, &String)| (CertificateId::new(id.as_str()), why.clone());
        DataPlaneState {
            confirmed: self.confirmed,
            addresses: self.addresses.clone(),
            cluster_addresses: self.cluster_addresses.clone(),
            problems: self.problems.clone(),
            ports_failed: self.ports_failed.clone(),
            certificates_failed: self.certificates_failed.iter().map(failed).collect(),
        }
    }
}

/// Stands for X.509: a good chain is the word `certificate` with the DNS names after it, and a good key is `key`.
fn key_pair(chain: &[u8], key: &[u8]) -> Result<CertificateInfo, String> {
    let chain = String::from_utf8_lossy(chain);
    let mut words = chain.split_whitespace();
    if words.next() != Some("certificate") {
        return Err("tls.crt holds no certificate".to_owned());
    }
    if key != b"key" {
        return Err("tls.key does not fit the certificate".to_owned());
    }
    let dns_names: Vec<String> = words.map(str::to_owned).collect();
    Ok(CertificateInfo { fingerprint: format!("{}", dns_names.len()), not_after_unix: 4_000_000_000, dns_names })
}

fn trust_anchors(pem: &[u8]) -> Result<usize, String> {
    match pem.starts_with(b"certificate") {
        true => Ok(1),
        false => Err("ca.crt holds no certificate".to_owned()),
    }
}

impl Asked {
    fn after_scheme(&self) -> &str {
        self.request.split_once("://").map_or("", |(_, rest)| rest)
    }

    fn authority(&self) -> &str {
        self.after_scheme().split(['/', '?']).next().unwrap_or_default()
    }

    pub(super) fn port(&self) -> u16 {
        let default = if self.request.contains("https://") { 443 } else { 80 };
        self.authority().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(default)
    }

    fn target(&self) -> &str {
        &self.after_scheme()[self.authority().len()..]
    }
}

impl Request for Asked {
    fn host(&self) -> &str {
        self.authority().rsplit_once(':').map_or(self.authority(), |(host, _)| host)
    }

    fn method(&self) -> &str {
        self.request.split(' ').next().unwrap_or_default()
    }

    fn path(&self) -> &str {
        match self.target().split('?').next() {
            None | Some("") => "/",
            Some(path) => path,
        }
    }

    fn query(&self) -> Option<&str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.headers.get(name).map(|value| Cow::Borrowed(value.as_bytes()))
    }

    fn is_grpc(&self) -> bool {
        self.headers.get("content-type").is_some_and(|value| value.starts_with("application/grpc"))
    }
}
