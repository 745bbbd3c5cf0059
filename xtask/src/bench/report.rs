//! The figures, as a table for people and as JSON.

use std::fmt::Write;

use anyhow::Result;
use serde::Serialize;

use super::{
    Pace,
    scenario::{Measured, Samples, Target},
};
use crate::sample::Spread;

#[derive(Serialize)]
pub(crate) struct Report {
    machine: String,
    versions: Vec<(String, String)>,
    rounds: usize,
    window_seconds: f64,
    scenarios: Vec<Measured>,
    ratios: Vec<Ratio>,
}

/// A quotient of CPU per request, its spread over the rounds, and whether its median keeps to the target.
#[derive(Serialize)]
struct Ratio {
    scenario: &'static str,
    of: &'static str,
    to: &'static str,
    spread: Spread,
    at_most: Option<f64>,
    met: Option<bool>,
}

impl Report {
    pub(crate) fn new(versions: Vec<(String, String)>, pace: Pace, scenarios: Vec<Measured>) -> Self {
        let ratios = scenarios.iter().flat_map(Ratio::all_of).collect();
        let (rounds, window_seconds) = (pace.rounds, pace.window.as_secs_f64());
        Self { machine: machine(), versions, rounds, window_seconds, scenarios, ratios }
    }

    pub(crate) fn missed(&self) -> bool {
        self.ratios.iter().any(|ratio| ratio.met == Some(false))
    }

    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("\n{}\n", self.machine);
        for (name, version) in &self.versions {
            let _ = writeln!(text, "  {name}: {version}");
        }
        let _ = writeln!(text, "{} rounds of {} s; median (least - greatest)", self.rounds, self.window_seconds);
        for measured in &self.scenarios {
            let _ = writeln!(text, "\n{}: {}", measured.scenario, measured.what);
            measured.samples.iter().for_each(|samples| line(&mut text, samples));
            for ratio in self.ratios.iter().filter(|ratio| ratio.scenario == measured.scenario) {
                ratio.line(&mut text);
            }
        }
        text
    }
}

fn line(text: &mut String, samples: &Samples) {
    let spread = |values: &[f64]| Spread::of(values);
    let (Some(cpu), Some(rate), Some(core)) =
        (spread(&samples.cpu_us_per_request), spread(&samples.requests_per_second), spread(&samples.core_use))
    else {
        return;
    };
    let _ = writeln!(
        text,
        "  {:<14} {:>8.2} us/request ({:.2} - {:.2})  {:>8.0}/s  core {:>3.0} %",
        samples.contender,
        cpu.median,
        cpu.min,
        cpu.max,
        rate.median,
        core.median * 100.0
    );
}

impl Ratio {
    fn all_of(measured: &Measured) -> Vec<Self> {
        measured.targets.iter().filter_map(|target| Self::of(measured, target)).collect()
    }

    /// Returns `None` when one of the two did not take part.
    fn of(measured: &Measured, &Target { of, to, at_most }: &Target) -> Option<Self> {
        let samples = |name| measured.samples.iter().find(|samples| samples.contender == name);
        let spread = Spread::of_ratios(&samples(of)?.cpu_us_per_request, &samples(to)?.cpu_us_per_request)?;
        let met = at_most.map(|at_most| spread.median <= at_most);
        Some(Self { scenario: measured.scenario, of, to, spread, at_most, met })
    }

    fn line(&self, text: &mut String) {
        let Self { of, to, spread: Spread { median, min, max }, .. } = self;
        let verdict = match (self.at_most, self.met) {
            (Some(at_most), Some(met)) => format!("  target {at_most:.2}: {}", if met { "met" } else { "MISSED" }),
            (_, _) => String::new(),
        };
        let _ = writeln!(text, "  {of} / {to}: {median:.3} ({min:.3} - {max:.3}){verdict}");
    }
}

fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let information = read("/proc/cpuinfo");
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    format!("{}, Linux {}", model.unwrap_or("unknown processor"), read("/proc/sys/kernel/osrelease").trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::load::Load;

    fn measured(ours: &[f64], theirs: &[f64], at_most: f64) -> Measured {
        let samples = |contender: &str, values: &[f64]| Samples {
            contender: contender.into(),
            cpu_us_per_request: values.to_vec(),
            requests_per_second: values.to_vec(),
            core_use: values.to_vec(),
        };
        Measured {
            scenario: "s",
            what: "w",
            load: Load::Http1 { connections: 1 },
            samples: vec![samples("gatewright", ours), samples("nginx", theirs)],
            targets: vec![
                Target { of: "gatewright", to: "nginx", at_most: Some(at_most) },
                Target { of: "gatewright", to: "absent", at_most: Some(at_most) },
            ],
        }
    }

    #[test]
    fn median_of_the_rounds_decides() {
        let ratios = Ratio::all_of(&measured(&[8.0, 9.0, 30.0], &[10.0, 10.0, 10.0], 0.9));
        assert_eq!(ratios.len(), 1, "a contender that took no part is compared with nothing");
        assert_eq!(ratios[0].spread, Spread { median: 0.9, min: 0.8, max: 3.0 });
        assert_eq!(ratios[0].met, Some(true));
        assert_eq!(Ratio::all_of(&measured(&[9.1], &[10.0], 0.9))[0].met, Some(false));
    }
}
