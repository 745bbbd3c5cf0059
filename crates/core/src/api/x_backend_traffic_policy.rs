//! XBackendTrafficPolicy (gateway.networking.x-k8s.io/v1alpha1, experimental).

use std::time;

use serde::Deserialize;

use super::{
    meta::ObjectMeta,
    shared::{Duration, LocalObjectReference, PolicyStatus, SessionPersistence},
};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct XBackendTrafficPolicy {
    pub metadata: ObjectMeta,
    pub spec: XBackendTrafficPolicySpec,
    pub status: PolicyStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct XBackendTrafficPolicySpec {
    pub target_refs: Vec<LocalObjectReference>,
    pub retry_constraint: Option<RetryConstraint>,
    pub session_persistence: Option<SessionPersistence>,
}

/// GEP-3388: how much of a backend's traffic may be retries; what is over is answered 503.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryConstraint {
    pub budget: RetryBudget,
    pub min_retry_rate: RequestRate,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct RetryBudget {
    pub percent: u32,
    pub interval: Duration,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { percent: 20, interval: Duration(time::Duration::from_secs(10)) }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct RequestRate {
    pub count: u32,
    pub interval: Duration,
}

impl Default for RequestRate {
    fn default() -> Self {
        Self { count: 10, interval: Duration(time::Duration::from_secs(1)) }
    }
}
