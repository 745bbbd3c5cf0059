//! Brings changed manifests into force: compile, publish, observe, report.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    judge::{Judge, News, Told},
    manifest::{Refresh, Watch},
    output::count,
};

/// The parts of a running gateway.
pub(super) struct Server {
    /// Shared with the admin listener, which asks it for reports.
    judge: Arc<Mutex<Judge>>,
    proxy: Proxy,
    admin: Arc<Admin>,
    metrics: Metrics,
    bind: Vec<IpAddr>,
    /// What the proxy executes, and what became of it.
    in_force: Option<(Arc<Plan>, Report)>,
    told: Told,
}

/// What is in force, for the announcement.
pub(super) struct Summary {
    pub(super) plan: Arc<Plan>,
    pub(super) report: Report,
    pub(super) objects: usize,
    pub(super) files: usize,
    pub(super) findings: usize,
}

/// Findings of one change that are logged; a generated file may be wrong ten thousand times over.
const LOGGED_MAX: usize = 50;

impl Server {
    pub(super) fn new(
        judge: Arc<Mutex<Judge>>,
        proxy: Proxy,
        admin: Arc<Admin>,
        metrics: Metrics,
        bind: Vec<IpAddr>,
    ) -> Self {
        Self { judge, proxy, admin, metrics, bind, in_force: None, told: Told::default() }
    }

    /// Takes what changed in the files.
    pub(super) fn refresh(&mut self, watch: &mut Watch) -> Refresh {
        lock(&self.judge).refresh(Some(watch))
    }

    /// Has the next refresh read every file anew.
    pub(super) fn reload(&mut self) {
        tracing::info!("reading every file again");
        lock(&self.judge).distrust();
    }

    /// Logs the fields that have no effect because their kinds do not have them.
    pub(super) fn warn_of_unknown_fields(&self) {
        let unknown = lock(&self.judge).unknown_fields();
        log(&unknown);
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
        let plan = lock(&self.judge).compile();
        let (plan, report) = self.publish(plan)?;
        let (news, objects, files) = {
            let mut judge = lock(&self.judge);
            judge.observe(observed(&report, &self.bind));
            (judge.news(&mut self.told), judge.library().objects(), judge.library().files())
        };
        self.admin.update(|now| now.plan = Some(plan.clone()));
        self.metrics.applied(since.elapsed(), objects, news.total);
        tell(&news);
        Ok(Summary { plan, report, objects, files, findings: news.total })
    }

    /// Publishes a Plan that is not in force yet, or whose ports are not all bound.
    fn publish(&mut self, plan: Arc<Plan>) -> anyhow::Result<(Arc<Plan>, Report)> {
        let before = self.in_force.clone();
        let is_new = before.as_ref().is_none_or(|(in_force, _)| !Arc::ptr_eq(in_force, &plan));
        let failed_before = before.as_ref().map(|(_, report)| failed(report)).unwrap_or_default();
        if let (Some((plan, report)), false, true) = (&before, is_new, failed_before.is_empty()) {
            return Ok((plan.clone(), report.clone()));
        }
        let since = Instant::now();
        let report = self.proxy.publish(&plan).context("the proxy does not take the Plan")?;
        if is_new {
            tracing::info!(routes = plan.routes.len(), published_in = ?since.elapsed(), "the manifests are in force");
        }
        for (port, error) in failed(&report) {
            if !failed_before.contains(&(port, error)) {
                tracing::warn!(port, error, "cannot serve a port; trying again every few seconds");
            }
        }
        self.in_force = Some((plan.clone(), report.clone()));
        Ok((plan, report))
    }

    /// Lets running requests end.
    pub(super) fn drain(self) {
        self.admin.update(|now| now.is_draining = true);
        self.proxy.drain();
    }
}

/// Takes the judge. A panic of somebody who had it leaves it as good as its last change.
pub(super) fn lock(judge: &Mutex<Judge>) -> MutexGuard<'_, Judge> {
    judge.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(report: &Report) -> Vec<(u16, &str)> {
    report.ports.iter().filter_map(|(port, bound)| Some((*port, bound.as_ref().err()?.as_str()))).collect()
}

/// Logs what was not said before, and what is mended.
fn tell(news: &News) {
    log(&news.new);
    if news.mended > 0 {
        tracing::info!(mended = news.mended, left = news.total, "findings are gone");
    }
}

fn log(findings: &[Finding]) {
    for finding in findings.iter().take(LOGGED_MAX) {
        tracing::warn!("{finding}");
    }
    if findings.len() > LOGGED_MAX {
        tracing::warn!("and {} more: see `gatewright status`", count(findings.len() - LOGGED_MAX, "finding"));
    }
}

/// Returns what the proxy's report says of the data plane.
fn observed(report: &Report, bind: &[IpAddr]) -> Observed {
    let state = DataPlaneState {
        confirmed: true,
        addresses: addresses(bind),
        ports_failed: failed(report).into_iter().map(|(port, error)| (port, error.to_owned())).collect(),
        certificates_failed: report.certificates.clone(),
        ..DataPlaneState::default()
    };
    Observed { data_planes: [(DataPlane::Merged, state)].into(), ..Observed::default() }
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
