//! Metrics of the configuration, beside those of the process and the proxy.

use std::{sync::Arc, time::Duration};

use gatewright_proxy::Observer;
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::serving;

/// Upper bounds in seconds of how long a change takes to be in force; 50 ms is what is promised.
const APPLY_BOUNDS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// What the main loop counts.
pub(super) struct Metrics {
    applied: Histogram,
    objects: Gauge,
    findings: Gauge,
    changes: Counter,
}

impl Metrics {
    /// Registers everything there is to scrape.
    pub(super) fn register(observer: Arc<Observer>) -> (Self, Registry) {
        let metrics = Self {
            applied: Histogram::new(APPLY_BOUNDS),
            objects: Gauge::default(),
            findings: Gauge::default(),
            changes: Counter::default(),
        };
        let mut registry = serving::metrics::registry();
        let own = registry.sub_registry_with_prefix("gatewright");
        own.register_collector(Box::new(observer));
        own.register("config_objects", "Objects in force", metrics.objects.clone());
        own.register("config_findings", "What is wrong with them now", metrics.findings.clone());
        own.register("config_changes", "Times that changed manifests were applied", metrics.changes.clone());
        let help = "From noticing a change to having it in force and reported";
        own.register("config_apply_seconds", help, metrics.applied.clone());
        (metrics, registry)
    }

    pub(super) fn applied(&self, elapsed: Duration, objects: usize, findings: usize) {
        self.changes.inc();
        self.applied.observe(elapsed.as_secs_f64());
        self.objects.set(i64::try_from(objects).unwrap_or(i64::MAX));
        self.findings.set(i64::try_from(findings).unwrap_or(i64::MAX));
    }
}
