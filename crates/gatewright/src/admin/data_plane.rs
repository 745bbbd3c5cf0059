//! What a process that moves traffic shows: the Plan in force, and what became of each object.

use std::sync::{Arc, PoisonError, RwLock};

use gatewright_core::plan::Plan;

use super::{Admin, Answer, Show};
use crate::report::StatusReport;

/// What the process is doing now, as far as it is shown.
#[derive(Debug, Default)]
pub(crate) struct Now {
    /// The Plan in force; none before the first.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) is_draining: bool,
    /// What is in force lacks something that may come any moment.
    pub(crate) is_waiting: bool,
}

pub(crate) struct DataPlane {
    now: RwLock<Now>,
    /// Makes a report when somebody asks: it is too much to make for every change.
    report: Box<dyn Fn() -> StatusReport + Send + Sync>,
}

impl DataPlane {
    pub(crate) fn new(report: impl Fn() -> StatusReport + Send + Sync + 'static) -> Self {
        Self { now: RwLock::default(), report: Box::new(report) }
    }

    fn plan(&self) -> Option<Arc<Plan>> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).plan.clone()
    }
}

impl Admin {
    /// Changes what is shown.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.shown.now.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Show for DataPlane {
    const INDEX: &'static str = "/healthz  the process lives
/readyz   a Plan is in force
/metrics  for Prometheus
/plan     what the proxy executes, as JSON
/status   what became of each object, as JSON
";

    fn unready(&self) -> Option<&'static str> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        match &*now {
            Now { is_draining: true, .. } => Some("draining\n"),
            Now { plan: None, .. } => Some("no Plan is in force yet\n"),
            Now { is_waiting: true, .. } => Some("waiting for the controller to send TLS keys\n"),
            Now { .. } => None,
        }
    }

    fn page(&self, path: &str) -> Option<Answer> {
        match path {
            "/plan" => Some(match self.plan() {
                Some(plan) => Answer::json(&*plan),
                None => Answer::text(503, "no Plan is in force yet\n"),
            }),
            "/status" => Some(Answer::json(&(self.report)())),
            _ => None,
        }
    }
}
