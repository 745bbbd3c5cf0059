//! The figures of a run, and whether they keep what is promised.

use std::{collections::BTreeMap, fmt::Write};

use anyhow::Result;
use serde::Serialize;

use super::edit::Edit;
use crate::{
    load::{Count, Counts, Via},
    sample::percentile,
};

#[derive(Serialize)]
pub(super) struct Report {
    gatewright: String,
    edits: u32,
    requests: u64,
    failed: u64,
    in_force_ms: Quantiles,
    /// Edits that nobody ever saw in force.
    never_in_force: Vec<String>,
    by_edit: BTreeMap<Edit, Quantiles>,
    by_protocol: BTreeMap<Via, Count>,
    latency_ms: Quantiles,
    failures: Vec<String>,
}

/// How long edits took to be in force, by kind; what was only broken is not among them.
#[derive(Default)]
pub(super) struct InForce {
    pub(super) edits: u32,
    pub(super) milliseconds: BTreeMap<Edit, Vec<f64>>,
    pub(super) never: Vec<String>,
}

#[derive(Serialize)]
struct Quantiles {
    count: usize,
    p50: f64,
    p99: f64,
    max: f64,
}

/// What must hold.
pub(super) struct Promise {
    pub(super) requests_min: u64,
    pub(super) in_force_ms_max: f64,
}

impl Report {
    pub(super) fn new(gatewright: String, in_force: InForce, counts: Counts) -> Self {
        let all: Vec<f64> = in_force.milliseconds.values().flatten().copied().collect();
        Self {
            gatewright,
            edits: in_force.edits,
            requests: counts.answered() + counts.failed(),
            failed: counts.failed(),
            in_force_ms: Quantiles::of(&all),
            never_in_force: in_force.never,
            by_edit: in_force.milliseconds.iter().map(|(&edit, times)| (edit, Quantiles::of(times))).collect(),
            latency_ms: Quantiles::of(&counts.latencies_ms),
            by_protocol: counts.by_protocol,
            failures: counts.failures,
        }
    }

    /// Says what was promised and not kept.
    pub(super) fn missed(&self, promise: &Promise) -> Vec<String> {
        let mut missed = Vec::new();
        if self.failed > 0 {
            missed.push(format!("{} requests failed", self.failed));
        }
        if self.requests < promise.requests_min {
            missed.push(format!("only {} of {} requests were made", self.requests, promise.requests_min));
        }
        if !self.never_in_force.is_empty() {
            missed.push(format!("{} edits were never in force", self.never_in_force.len()));
        }
        if self.in_force_ms.p99 > promise.in_force_ms_max {
            missed.push(format!("edits took {:.1} ms at p99", self.in_force_ms.p99));
        }
        missed
    }

    pub(super) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "\n{}: {} edits, {} requests, {} failed\n",
            self.gatewright, self.edits, self.requests, self.failed
        );
        for (via, Count { answered, failed }) in &self.by_protocol {
            let _ = writeln!(text, "  {:<18} {answered:>8} answered {failed:>6} failed", format!("{via:?}"));
        }
        let _ = writeln!(text, "  {}", self.latency_ms.line("latency"));
        let _ = writeln!(text, "in force, milliseconds after the file was written");
        let _ = writeln!(text, "  {}", self.in_force_ms.line("all"));
        for (edit, times) in &self.by_edit {
            let _ = writeln!(text, "  {}", times.line(&format!("{edit:?}")));
        }
        for failure in self.failures.iter().chain(&self.never_in_force) {
            let _ = writeln!(text, "  ! {failure}");
        }
        text
    }
}

impl Quantiles {
    fn of(samples: &[f64]) -> Self {
        let at = |percent| percentile(samples, percent).unwrap_or(0.0);
        Self { count: samples.len(), p50: at(50.0), p99: at(99.0), max: at(100.0) }
    }

    fn line(&self, name: &str) -> String {
        let Self { count, p50, p99, max } = self;
        format!("{name:<18} {count:>8}  p50 {p50:>7.2}  p99 {p99:>7.2}  max {max:>7.2}")
    }
}
