//! A proxy that follows a controller: resources become a Plan, the Plan is put in force, what became of it is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use anyhow::Context;
use gatewright_core::plan::{
    CertificateId, Plan,
    resource::{Name, Store},
};
use gatewright_proxy::{Observer, Proxy, Report};
use gatewright_xds::{Acknowledgement, Resource, Version};
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::cache::Cache;
use crate::{admin::Admin, serving};

/// How long a proxy that started from its cache waits for a controller to send the keys of its TLS listeners before it
/// says that it is ready without: serving what it can is better than serving nothing. One that is there sends them within a
/// second.
const KEYS_WAIT: Duration = Duration::from_secs(5);
/// Upper bounds in seconds of how long a Plan takes to be in force.
const APPLY_BOUNDS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// What the main loop counts.
pub(super) struct Metrics {
    connected: Gauge<i64>,
    applied: Histogram,
    rejected: Gauge<i64>,
    changes: Counter<u64, AtomicU64>,
}

impl Metrics {
    /// Registers everything there is to scrape.
    pub(super) fn register(observer: Arc<Observer>) -> (Self, Registry) {
        let metrics = Self {
            connected: Gauge::default(),
            applied: Histogram::new(APPLY_BOUNDS),
            rejected: Gauge::default(),
            changes: Counter::default(),
        };
        let mut registry = serving::metrics::registry();
        let own = registry.sub_registry_with_prefix("gatewright");
        own.register_collector(Box::new(observer));
        own.register("control_connected", "Whether there is a controller", metrics.connected.clone());
        own.register("config_changes", "Times that a new Plan was put in force", metrics.changes.clone());
        own.register("config_rejected", "Resources that are not in force as sent", metrics.rejected.clone());
        let help = "From having all of a Plan to having it in force";
        own.register("config_apply_seconds", help, metrics.applied.clone());
        (metrics, registry)
    }
}

pub(super) struct Cluster {
    proxy: Proxy,
    admin: Arc<Admin>,
    metrics: Metrics,
    cache: Option<Cache>,
    store: Store,
    /// Whether resources came since the Plan in force was made.
    has_changed: bool,
    /// Whether the Plan in force is newer than the cache.
    is_uncached: bool,
    in_force: Option<(Arc<Plan>, Report)>,
    /// The controller's version of what is in force; none before the first, and of a cache.
    version: Option<Version>,
    /// What is to be told to the controller.
    to_tell: Option<Acknowledgement>,
    /// What was not in force when it was told last, so that each is logged once.
    refused: BTreeMap<String, String>,
    keys_until: Option<Instant>,
}

impl Cluster {
    pub(super) fn new(proxy: Proxy, admin: Arc<Admin>, metrics: Metrics, cache: Option<Cache>) -> Self {
        Self {
            proxy,
            admin,
            metrics,
            cache,
            store: Store::default(),
            has_changed: true,
            is_uncached: false,
            in_force: None,
            version: None,
            to_tell: None,
            refused: BTreeMap::new(),
            keys_until: None,
        }
    }

    /// Puts the cached Plan in force, if there is one, and returns what it was made of.
    ///
    /// # Errors
    /// When the proxy takes no Plan at all.
    pub(super) fn start_from_cache(&mut self) -> anyhow::Result<BTreeMap<Arc<str>, Version>> {
        let Some(cache) = &self.cache else { return Ok(BTreeMap::new()) };
        let known = match cache.read(&mut self.store) {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(%error, "the cached Plan cannot be read: starting without");
                self.store = Store::default();
                return Ok(BTreeMap::new());
            }
        };
        if known.is_empty() {
            return Ok(known);
        }
        self.publish()?;
        self.is_uncached = false;
        if self.lacks_keys() {
            self.keys_until = Some(Instant::now() + KEYS_WAIT);
        }
        tracing::info!(resources = known.len(), lacks_keys = self.lacks_keys(), "the cached Plan is in force");
        self.show();
        Ok(known)
    }

    /// Takes a piece of a snapshot. Nothing of it is in force before the snapshot is complete.
    pub(super) fn take(&mut self, added: &[Resource], removed: &[Arc<str>]) {
        for resource in added {
            self.store.add(&resource.name, &resource.body);
        }
        for name in removed {
            self.store.remove(name);
        }
        self.has_changed = true;
    }

    /// Puts in force what came, all at once.
    ///
    /// # Errors
    /// When the proxy takes no Plan at all: a fault of ours or of the machine.
    pub(super) fn complete(&mut self, version: Version) -> anyhow::Result<()> {
        if self.has_changed || self.in_force.is_none() {
            self.publish()?;
            self.is_uncached = true;
        }
        self.version = Some(version);
        self.tell();
        self.show();
        Ok(())
    }

    fn publish(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        let plan = self.store.plan();
        let report = self.proxy.publish(&plan).context("the proxy does not take the Plan")?;
        self.has_changed = false;
        self.metrics.applied.observe(since.elapsed().as_secs_f64());
        self.metrics.changes.inc();
        tracing::info!(routes = plan.routes.len(), in_force_after = ?since.elapsed(), "a new Plan is in force");
        self.in_force = Some((Arc::new(plan), report));
        Ok(())
    }

    /// Prepares what the controller is told: the version in force, and what of it is not.
    fn tell(&mut self) {
        let (Some(version), Some((_, report))) = (self.version, &self.in_force) else { return };
        let mut rejected = self.store.rejected().clone();
        for (port, bound) in &report.ports {
            if let Err(error) = bound {
                rejected.insert(Name::Port(*port).to_string(), error.clone());
            }
        }
        for (id, reason) in &report.certificates {
            rejected.insert(Name::Certificate(id.clone()).to_string(), reason.clone());
        }
        for (name, reason) in rejected.iter().filter(|(name, reason)| self.refused.get(*name) != Some(*reason)) {
            tracing::warn!(name, reason, "not in force as sent");
        }
        self.refused.clone_from(&rejected);
        self.metrics.rejected.set(i64::try_from(rejected.len()).unwrap_or(i64::MAX));
        self.to_tell = Some(Acknowledgement { version, rejected });
    }

    /// Returns what the controller is to be told, once.
    pub(super) fn acknowledgement(&mut self) -> Option<Acknowledgement> {
        self.to_tell.take()
    }

    pub(super) fn connected(&mut self, is_connected: bool) {
        self.metrics.connected.set(is_connected.into());
    }

    /// Tries again what failed, and brings the cache up to date.
    ///
    /// # Errors
    /// When the proxy takes no Plan at all.
    pub(super) fn tick(&mut self) -> anyhow::Result<()> {
        self.retry_ports()?;
        self.show();
        self.renew_cache();
        Ok(())
    }

    fn renew_cache(&mut self) {
        let (Some(cache), Some((plan, _))) = (&mut self.cache, &self.in_force) else { return };
        let Some(mut written) = cache.written() else { return };
        if written.is_ok() && self.is_uncached {
            written = cache.write(plan.clone());
            self.is_uncached = false;
        }
        if let Err(error) = written {
            self.is_uncached = true;
            tracing::warn!(%error, "the Plan cannot be cached");
        }
    }

    /// A port that could not be bound may be free by now.
    fn retry_ports(&mut self) -> anyhow::Result<()> {
        let Some((plan, before)) = self.in_force.clone() else { return Ok(()) };
        if before.ports.values().all(Result::is_ok) {
            return Ok(());
        }
        let report = self.proxy.publish(&plan).context("the proxy does not take the Plan")?;
        if report != before {
            self.in_force = Some((plan, report));
            self.tell();
        }
        Ok(())
    }

    /// Whether a TLS listener has a certificate that never came.
    fn lacks_keys(&self) -> bool {
        let Some((plan, _)) = &self.in_force else { return false };
        let listeners = plan.ports.values().flat_map(|port| &port.listeners);
        let mut wanted = listeners.filter_map(|listener| listener.tls.as_ref()).flat_map(|tls| &tls.certificates);
        wanted.any(|id: &CertificateId| !plan.certificates.contains_key(id))
    }

    /// Brings the admin listener up to date.
    fn show(&mut self) {
        if self.version.is_some() || self.keys_until.is_some_and(|until| until <= Instant::now()) {
            self.keys_until = None;
        }
        let plan = self.in_force.as_ref().map(|(plan, _)| plan.clone());
        let is_waiting = self.keys_until.is_some();
        self.admin.update(|now| (now.plan, now.is_waiting) = (plan, is_waiting));
    }

    /// Serves on, but not for long: nobody should count on it any more.
    pub(super) fn wind_down(&mut self) {
        self.admin.update(|now| now.is_draining = true);
        self.proxy.wind_down();
    }

    /// Lets running requests end.
    pub(super) fn drain(self) {
        self.proxy.drain();
    }
}
