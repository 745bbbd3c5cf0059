//! Brings changed manifests into force: compile, publish, observe, report.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Instant,
};

use anyhow::Context;
use gatewright_core::{
    plan::Plan,
    world::{DataPlane, DataPlaneState, Observed},
};
use gatewright_proxy::{Proxy, Report};

use super::metrics::Metrics;
use crate::{
    admin::Admin,
    finding::Finding,
    judge::Judge,
    manifest::{Refresh, Watch},
};

/// The parts of a running gateway.
pub(super) struct Server {
    judge: Judge,
    proxy: Proxy,
    admin: Arc<Admin>,
    metrics: Metrics,
    bind: Vec<IpAddr>,
    /// What the proxy executes, and what became of it.
    in_force: Option<(Arc<Plan>, Report)>,
    /// What was said already.
    findings: BTreeSet<Finding>,
}

/// What is in force, for the announcement.
pub(super) struct Summary {
    pub(super) plan: Arc<Plan>,
    pub(super) report: Report,
    pub(super) objects: usize,
    pub(super) files: usize,
    pub(super) findings: usize,
}

impl Server {
    pub(super) fn new(judge: Judge, proxy: Proxy, admin: Arc<Admin>, metrics: Metrics, bind: Vec<IpAddr>) -> Self {
        Self { judge, proxy, admin, metrics, bind, in_force: None, findings: BTreeSet::new() }
    }

    /// Takes what changed in the files.
    pub(super) fn refresh(&mut self, watch: &mut Watch) -> Refresh {
        self.judge.refresh(Some(watch))
    }

    /// Has the next refresh read every file anew.
    pub(super) fn reload(&mut self) {
        tracing::info!("reading every file again");
        self.judge.distrust();
    }

    /// Whether a port could not be bound. The port may be free by now.
    pub(super) fn has_failed_ports(&self) -> bool {
        self.in_force.as_ref().is_some_and(|(_, report)| report.ports.values().any(Result::is_err))
    }

    /// Puts what the manifests mean into force. `since` is when the change was noticed.
    ///
    /// # Errors
    /// When the proxy cannot take any Plan: a fault of ours or of the machine.
    pub(super) fn apply(&mut self, since: Instant) -> anyhow::Result<Summary> {
        let mut outcome = self.judge.compile();
        let plan = outcome.plans.remove(&DataPlane::Merged).unwrap_or_default();
        let (plan, report) = self.publish(plan)?;
        if self.judge.observe(observed(&report, &self.bind)) {
            // Statuses speak of the facts, which no Plan depends on.
            outcome = self.judge.compile();
        }
        let status = self.judge.report(&outcome);
        self.tell(&status.findings);
        self.metrics.applied(since.elapsed(), self.judge.objects(), status.findings.len());
        let findings = status.findings.len();
        self.admin.update(|now| {
            now.plan = Some(plan.clone());
            now.report = status;
        });
        tracing::debug!(elapsed = ?since.elapsed(), "in force and reported");
        Ok(Summary { plan, report, objects: self.judge.objects(), files: self.judge.library().files(), findings })
    }

    /// Publishes a Plan that is not in force yet, or whose ports are not all bound.
    fn publish(&mut self, plan: Plan) -> anyhow::Result<(Arc<Plan>, Report)> {
        if let Some((in_force, report)) = &self.in_force
            && **in_force == plan
            && !self.has_failed_ports()
        {
            return Ok((in_force.clone(), report.clone()));
        }
        let since = Instant::now();
        let report = self.proxy.publish(&plan).context("the proxy does not take the Plan")?;
        let is_new = self.in_force.as_ref().is_none_or(|(in_force, _)| **in_force != plan);
        if is_new && self.in_force.is_some() {
            tracing::info!(routes = plan.routes.len(), published_in = ?since.elapsed(), "the changed manifests are in force");
        }
        let failed = |report: &Report| -> Vec<_> {
            report.ports.iter().filter_map(|(port, bound)| Some((*port, bound.clone().err()?))).collect()
        };
        if self.in_force.as_ref().map(|(_, old)| failed(old)) != Some(failed(&report)) {
            for (port, error) in failed(&report) {
                tracing::warn!(port, error, "cannot serve a port; trying again every few seconds");
            }
        }
        let plan = Arc::new(plan);
        self.in_force = Some((plan.clone(), report.clone()));
        Ok((plan, report))
    }

    /// Logs what was not said before, and what is mended.
    fn tell(&mut self, findings: &[Finding]) {
        let now: BTreeSet<_> = findings.iter().cloned().collect();
        for finding in now.difference(&self.findings) {
            tracing::warn!("{finding}");
        }
        let mended = self.findings.difference(&now).count();
        if mended > 0 {
            tracing::info!(mended, left = now.len(), "findings are gone");
        }
        self.findings = now;
    }

    /// Lets running requests end.
    pub(super) fn drain(self) {
        self.admin.update(|now| now.is_draining = true);
        self.proxy.drain();
    }
}

/// Returns what the proxy's report says of the data plane.
fn observed(report: &Report, bind: &[IpAddr]) -> Observed {
    let state = DataPlaneState {
        confirmed: true,
        addresses: addresses(bind),
        ports_failed: report
            .ports
            .iter()
            .filter_map(|(port, bound)| Some((*port, bound.as_ref().err()?.clone())))
            .collect(),
        certificates_failed: report.certificates.clone(),
    };
    Observed { data_planes: [(DataPlane::Merged, state)].into(), bundle_version: None }
}

/// Returns where clients reach what is bound: of an unspecified address, the one that the machine uses itself.
fn addresses(bind: &[IpAddr]) -> Vec<String> {
    let mut addresses: Vec<_> = bind.iter().map(|address| reachable(*address).to_string()).collect();
    addresses.dedup();
    addresses
}

fn reachable(address: IpAddr) -> IpAddr {
    if !address.is_unspecified() {
        return address;
    }
    // Addresses for documentation (RFC 5737, RFC 3849): a route is looked up, nothing is sent.
    let (far, loopback): (SocketAddr, IpAddr) = match address {
        IpAddr::V4(_) => (([192, 0, 2, 1], 9).into(), Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => ((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into(), Ipv6Addr::LOCALHOST.into()),
    };
    let own = UdpSocket::bind((address, 0)).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    own.map_or(loopback, |own| own.ip())
}
