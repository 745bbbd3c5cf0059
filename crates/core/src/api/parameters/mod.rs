//! GatewayParameters (gatewright.dev/v1alpha1), and its alias EnvoyProxy (gateway.envoyproxy.io/v1alpha1).
//!
//! The fields are those of EnvoyProxy, wherever Gatewright has a meaning for them. Two levels of them, a class's and a
//! Gateway's own, become one here; who may have which is decided elsewhere.

mod kubernetes;
mod merge;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use kubernetes::{
    Autoscaler, Container, DaemonSet, Deployment, DisruptionBudget, ExternalTrafficPolicy, Kubernetes, Patch,
    PatchType, Pod, Service, ServiceAccount, ServiceType,
};
pub use merge::merge;

use super::{meta::ObjectMeta, shared::Duration};
use crate::plan::{EmptySegments, EncodedSlash, Strictness, Underscores};

/// Configures a GatewayClass or a Gateway.
///
/// The spec is kept as it was written, so that what is wrong in it is said of who refers to it: see [`Parameters::read`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GatewayParameters {
    pub metadata: ObjectMeta,
    pub spec: Map<String, Value>,
}

/// What a spec says, of the fields that have an effect in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parameters {
    pub provider: Provider,
    /// Whether all Gateways of the class share one data plane. Counts in a class's parameters only.
    pub merge_gateways: bool,
    /// Workers of a proxy; one for each processor that it may use, when absent.
    pub concurrency: Option<u32>,
    pub logging: Logging,
    pub shutdown: Shutdown,
    pub ip_family: Option<IpFamily>,
    /// What becomes of `%2F` and `%5C` in a path.
    pub encoded_slash: Option<EncodedSlash>,
    /// What becomes of `//` in a path.
    pub empty_segments: Option<EmptySegments>,
    /// What becomes of header fields with `_` in their name.
    pub underscores: Option<Underscores>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Provider {
    pub r#type: ProviderType,
    pub kubernetes: Kubernetes,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ProviderType {
    #[default]
    Kubernetes,
    Host,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Logging {
    /// By component; `default` is the whole proxy.
    pub level: BTreeMap<String, LogLevel>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// How a proxy ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Shutdown {
    /// How long requests may take to end before their connections are closed.
    pub drain_timeout: Option<Duration>,
    /// How long connections are still taken, while whoever balances load learns that the proxy goes.
    pub min_drain_duration: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum IpFamily {
    IPv4,
    IPv6,
    DualStack,
}

impl Parameters {
    /// Reads a spec.
    ///
    /// # Errors
    /// Says which value cannot be.
    pub fn read(spec: &Map<String, Value>) -> Result<Self, String> {
        let parameters = Self::deserialize(Value::Object(spec.clone()))
            .map_err(|error| format!("the spec cannot be read: {error}"))?;
        if parameters.provider.r#type == ProviderType::Host {
            return Err("spec.provider.type \"Host\" has no meaning in a cluster; \"Kubernetes\" has".to_owned());
        }
        parameters.provider.kubernetes.check()?;
        Ok(parameters)
    }

    pub fn strictness(&self) -> Strictness {
        let Self { encoded_slash, empty_segments, underscores, .. } = *self;
        Strictness { encoded_slash, empty_segments, underscores }
    }

    pub fn log_level(&self) -> LogLevel {
        self.logging.level.get("default").copied().unwrap_or(LogLevel::Info)
    }
}

/// Fields of a spec that have an effect in a cluster.
const HONOURED: &[&str] = &[
    "provider",
    "mergeGateways",
    "concurrency",
    "logging",
    "shutdown",
    "ipFamily",
    "encodedSlash",
    "emptySegments",
    "underscores",
];

/// Those that have an effect standalone, too: they say what is served, not what runs it.
pub const EVERYWHERE: &[&str] = &["encodedSlash", "emptySegments", "underscores"];

/// Names the fields that were set and have no effect in a cluster, as `spec.telemetry`.
pub fn unhonoured(spec: &Map<String, Value>) -> Vec<String> {
    let top = spec.keys().filter(|field| !HONOURED.contains(&field.as_str())).map(|field| format!("spec.{field}"));
    let set = |path: &str| {
        let value = path.split('.').try_fold(spec, |map, step| map.get(step)?.as_object());
        value.into_iter().flat_map(Map::keys)
    };
    let levels = set("logging.level").filter(|component| *component != "default");
    let levels = levels.map(|component| format!("spec.logging.level.{component}"));
    let shutdown = set("shutdown").filter(|field| !["drainTimeout", "minDrainDuration"].contains(&field.as_str()));
    let shutdown = shutdown.map(|field| format!("spec.shutdown.{field}"));
    top.chain(levels).chain(shutdown).collect()
}

#[cfg(test)]
mod tests;
