//! Metrics of the process and of its configuration, beside the proxy's own.

use std::{fmt, fs, sync::Arc, time::Duration};

use gatewright_proxy::Observer;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        counter::{ConstCounter, Counter},
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
        info::Info,
    },
    registry::Registry,
};

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
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process));
        let own = registry.sub_registry_with_prefix("gatewright");
        own.register_collector(Box::new(observer));
        own.register("build", "This program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
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

/// The process as the kernel sees it, under the names that every Prometheus client uses.
#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut put = |name: &str, help: &str, metric: &dyn EncodeMetric| {
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        if let Some(seconds) = cpu_seconds() {
            put("process_cpu_seconds", "CPU time spent, user and system", &ConstCounter::new(seconds))?;
        }
        if let Some(bytes) = resident_bytes() {
            put("process_resident_memory_bytes", "Memory in use", &ConstGauge::new(bytes))?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            let open = i64::try_from(open.count()).unwrap_or(i64::MAX);
            put("process_open_fds", "Open file descriptors", &ConstGauge::new(open))?;
        }
        Ok(())
    }
}

/// Ticks of `utime` and `stime` (proc(5)); Linux counts 100 a second on every platform it shows them on.
fn cpu_seconds() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything; what follows is numbered from field 3.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some((ticks(14)? + ticks(15)?) as f64 / TICKS_PER_SECOND)
}

fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok()? * 1024)
}
