//! What is measured: a load, who takes part, and which quotient has a target.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::{Pace, load::Load, peer::Contender, route::Layout};

/// One kind of work, done by several contenders in turn.
#[derive(Clone)]
pub(crate) struct Scenario {
    /// Short; `--only` chooses by it.
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    load: Load,
    targets: Vec<Target>,
}

/// CPU per request of one contender over that of another, in the same round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Target {
    pub(crate) of: &'static str,
    pub(crate) to: &'static str,
    /// `None` is compared for information.
    pub(crate) at_most: Option<f64>,
}

/// A scenario's figures.
#[derive(Serialize)]
pub(crate) struct Measured {
    pub(crate) scenario: &'static str,
    pub(crate) what: &'static str,
    pub(crate) load: Load,
    pub(crate) samples: Vec<Samples>,
    #[serde(skip)]
    pub(crate) targets: Vec<Target>,
}

/// One contender's figures, a value per round.
#[derive(Serialize)]
pub(crate) struct Samples {
    pub(crate) contender: String,
    pub(crate) cpu_us_per_request: Vec<f64>,
    pub(crate) requests_per_second: Vec<f64>,
    /// Of the proxies' core: below one, the contender had to wait for work.
    pub(crate) core_use: Vec<f64>,
}

/// The scenarios in which every proxy does the same work.
pub(crate) fn beside_peers() -> Vec<Scenario> {
    let compare = |nginx, haproxy| {
        vec![
            Target { of: "gatewright", to: "nginx", at_most: nginx },
            Target { of: "gatewright", to: "haproxy", at_most: haproxy },
            Target { of: "gatewright", to: "envoy", at_most: None },
        ]
    };
    vec![
        Scenario {
            name: "http1-64",
            what: "small HTTP/1.1 requests, 64 connections",
            load: Load::Http1 { connections: 64 },
            targets: compare(Some(1.0), None),
        },
        Scenario {
            name: "http1-512",
            what: "small HTTP/1.1 requests, 512 connections",
            load: Load::Http1 { connections: 512 },
            targets: compare(Some(0.85), None),
        },
        Scenario {
            name: "h2c",
            what: "small h2c requests, 4 connections of 32 streams, to an HTTP/1.1 origin",
            load: Load::H2c { connections: 4, streams: 32 },
            targets: compare(None, Some(1.0)),
        },
        Scenario {
            name: "handshakes",
            what: "TLS 1.3 connections of one small request each, ECDSA P-256, 16 at a time",
            load: Load::Handshakes { connections: 16 },
            targets: compare(None, None),
        },
        Scenario {
            name: "large",
            what: "HTTP/1.1 responses of 1 MiB, 16 connections",
            load: Load::LargeBodies { connections: 16 },
            targets: compare(None, None),
        },
    ]
}

/// The scenarios in which Gatewright alone serves ever more routes.
pub(crate) fn over_routes() -> [(Scenario, Layout); 2] {
    let compare = ["100 routes", "1000 routes", "10000 routes"];
    let targets = compare.map(|of| Target { of, to: "10 routes", at_most: Some(1.10) }).to_vec();
    let load = Load::Http1 { connections: 64 };
    let scenario = |name, what| Scenario { name, what, load, targets: targets.clone() };
    [
        (
            scenario("routes", "small HTTP/1.1 requests over all routes, ten to a hostname, 64 connections"),
            Layout::TenPerHostname,
        ),
        (
            scenario("routes-one-host", "small HTTP/1.1 requests over all routes of one hostname, 64 connections"),
            Layout::OneHostname,
        ),
    ]
}

impl Scenario {
    /// Warms every contender up, then measures them in turn, round after round.
    pub(crate) fn measure(&self, contenders: &[Contender<'_>], pace: Pace) -> Result<Measured> {
        eprintln!("{}: {}", self.name, self.what);
        for contender in contenders {
            self.load.run(contender.ports, contender.script, pace.warm_up)?;
        }
        let mut samples: Vec<Samples> = contenders.iter().map(Samples::none).collect();
        for round in 1..=pace.rounds {
            for (contender, samples) in contenders.iter().zip(&mut samples) {
                self.sample(contender, pace, samples)?;
            }
            eprintln!("  round {round} of {}", pace.rounds);
        }
        let Self { name, what, load, .. } = *self;
        Ok(Measured { scenario: name, what, load, samples, targets: self.targets.clone() })
    }

    fn sample(&self, contender: &Contender<'_>, pace: Pace, samples: &mut Samples) -> Result<()> {
        let (start, used) = (Instant::now(), contender.process.cpu_time()?);
        let count = self.load.run(contender.ports, contender.script, pace.window)?;
        let cpu = (contender.process.cpu_time()? - used).as_secs_f64();
        let elapsed = start.elapsed().as_secs_f64();
        ensure!(count.failed == 0, "{}: {} of {} requests failed", contender.name, count.failed, count.answered);
        ensure!(count.answered > 0, "{} answered nothing", contender.name);
        samples.cpu_us_per_request.push(cpu * 1e6 / count.answered as f64);
        samples.requests_per_second.push(count.answered as f64 / elapsed);
        samples.core_use.push(cpu / elapsed);
        Ok(())
    }
}

impl Samples {
    fn none(contender: &Contender<'_>) -> Self {
        let contender = contender.name.to_owned();
        Self { contender, cpu_us_per_request: Vec::new(), requests_per_second: Vec::new(), core_use: Vec::new() }
    }
}
