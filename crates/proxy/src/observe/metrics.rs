//! Sums up what the workers counted, in Prometheus' words, when somebody scrapes.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use gatewright_core::plan::{ListenerId, RouteId};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::{
    Event, FAILURES, Recorder, Series,
    histogram::Sum,
    log::{AccessLog, Entrance, Writer},
    recorder::Counters,
    series::{CLASSES, SeriesSet},
    version_name,
};
use crate::budget::{Pool, Resource, State};
use crate::message::Version;
use crate::violation::Violation;

/// Everything observed in one proxy. Register it with a Prometheus registry to have it scraped.
#[derive(Debug)]
pub struct Observer {
    workers: Vec<Arc<Counters>>,
    listeners: SeriesSet,
    routes: SeriesSet,
    /// Taken by the workers' recorders.
    entrances: Mutex<Vec<Entrance>>,
    writer: Mutex<Option<Writer>>,
    recorders: AtomicUsize,
    budget: Arc<Pool>,
}

impl Observer {
    /// Prepares observation for `workers` workers, and starts the access log unless it is off.
    ///
    /// # Errors
    /// When the log's thread cannot be started.
    pub(crate) fn start(workers: usize, access_log: AccessLog, budget: Arc<Pool>) -> io::Result<Self> {
        Self::start_to(workers, access_log, budget, io::stdout())
    }

    pub(crate) fn start_to(
        workers: usize,
        access_log: AccessLog,
        budget: Arc<Pool>,
        output: impl io::Write + Send + 'static,
    ) -> io::Result<Self> {
        let (writer, entrances) = Writer::start(access_log, workers, output)?.unzip();
        Ok(Self {
            workers: (0..workers).map(|_| Arc::default()).collect(),
            listeners: SeriesSet::new(workers),
            routes: SeriesSet::new(workers),
            entrances: Mutex::new(entrances.unwrap_or_default()),
            writer: Mutex::new(writer),
            recorders: AtomicUsize::new(0),
            budget,
        })
    }

    /// Returns the recorder of the next worker: call it once for each.
    pub(crate) fn recorder(&self) -> Recorder {
        let worker = self.recorders.fetch_add(1, Ordering::Relaxed);
        assert!(worker < self.workers.len(), "one recorder per worker: two writers of one counter lose counts");
        let log = self.entrances.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Recorder::new(worker, self.workers[worker].clone(), log)
    }

    /// Returns the series of a listener, for the Snapshot that is being built.
    pub(crate) fn listener(&self, id: &ListenerId) -> Series {
        self.listeners.get(id.as_arc())
    }

    /// Returns the series of a route, for the Snapshot that is being built.
    pub(crate) fn route(&self, id: &RouteId) -> Series {
        self.routes.get(id.as_arc())
    }

    /// Waits until the access log is written out. Call it when all recorders are gone.
    pub(crate) fn finish(&self) {
        self.entrances.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            writer.join();
        }
    }

    fn sum(&self, of: impl Fn(&Counters) -> u64) -> u64 {
        self.workers.iter().map(|counters| of(counters)).sum()
    }

    #[cfg(test)]
    pub(crate) fn budget(&self, resource: Resource) -> State {
        self.budget.state(resource)
    }

    pub(crate) fn event(&self, event: Event) -> u64 {
        self.sum(|counters| counters.events[event as usize].get())
    }
}

impl Collector for Observer {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_requests(&mut encoder)?;
        self.encode_durations(&mut encoder)?;
        self.encode_events(&mut encoder)?;
        self.encode_budget(&mut encoder)
    }
}

impl Observer {
    fn encode_requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut listeners = self.listeners.sums();
        let mut without = [0; CLASSES.len()];
        for counters in &self.workers {
            without.iter_mut().zip(&counters.without_listener).for_each(|(sum, count)| *sum += count.get());
        }
        listeners.push(("none".into(), without));
        for (name, help, label, sums) in [
            ("requests", "Finished requests, by listener and class of status", "listener", listeners),
            ("route_requests", "Finished requests that a route took, by class of status", "route", self.routes.sums()),
        ] {
            let samples = sums.iter().flat_map(|(id, classes)| {
                CLASSES.iter().zip(classes).map(move |(class, count)| ([(label, &**id), ("class", *class)], *count))
            });
            counter(encoder, name, help, samples.filter(|(_, count)| *count > 0))?;
        }
        let versions = [Version::Http10, Version::Http11, Version::Http2].map(|version| {
            ([("protocol", version_name(version))], self.sum(|counters| counters.versions[version as usize].get()))
        });
        counter(encoder, "protocol_requests", "Finished requests, by protocol of the client", versions.into_iter())?;
        let failures = FAILURES
            .map(|(what, name)| ([("kind", name)], self.sum(|counters| counters.failures[what as usize].get())));
        counter(encoder, "failures", "Requests that could not be served as asked, by kind", failures.into_iter())?;
        let refused = Violation::all()
            .map(|(rule, name)| ([("rule", name)], self.sum(|counters| counters.violations.0[rule as usize].get())));
        counter(encoder, "refused_requests", "Requests that were refused, by the rule that they broke", refused)?;
        let received = self.sum(|counters| counters.request_bytes.get());
        single(encoder, "request_body_bytes", "Bytes of request bodies", received)?;
        let sent = self.sum(|counters| counters.response_bytes.get());
        single(encoder, "response_body_bytes", "Bytes of response bodies", sent)
    }

    fn encode_durations(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let request = Sum::of(self.workers.iter().map(|counters| &counters.duration));
        let backend = Sum::of(self.workers.iter().map(|counters| &counters.backend_duration));
        for (name, help, sum) in [
            ("request_duration_seconds", "From the first byte of a request to the last of its response", request),
            ("backend_duration_seconds", "Until the head of the backend's response", backend),
        ] {
            encoder.encode_descriptor(name, help, None, MetricType::Histogram)?.encode_histogram::<NoLabelSet>(
                sum.seconds,
                sum.count,
                &sum.buckets,
                None,
            )?;
        }
        Ok(())
    }

    fn encode_events(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let opened = self.event(Event::ConnectionOpened);
        let open = opened.saturating_sub(self.event(Event::ConnectionClosed));
        encoder
            .encode_descriptor("connections_open", "Client connections open now", None, MetricType::Gauge)?
            .encode_gauge(&i64::try_from(open).unwrap_or(i64::MAX))?;
        single(encoder, "connections", "Client connections accepted", opened)?;
        for (name, help, event) in [
            ("connections_refused", "Client connections over the limit, closed at once", Event::ConnectionRefused),
            ("tls_handshake_failures", "Client connections that failed in their TLS handshake", Event::HandshakeFailed),
            ("backend_connections", "Connections made to backends", Event::BackendConnected),
            ("backend_connection_failures", "Connections to backends that failed", Event::BackendConnectFailed),
            ("retries", "Tries beyond a request's first", Event::Retried),
            ("mirrored_requests", "Copies of requests sent to mirrors", Event::Mirrored),
            ("denied_requests", "Requests that an authorization server denied", Event::Denied),
            ("endpoint_ejections", "Endpoints put aside because connections to them fail", Event::EndpointEjected),
            ("panics", "Requests ended by our own fault: please report the log's words", Event::Panicked),
            ("access_log_dropped_lines", "Lines of the access log lost because its reader is slow", Event::LogDropped),
        ] {
            single(encoder, name, help, self.event(event))?;
        }
        Ok(())
    }
}

impl Observer {
    fn encode_budget(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let states = Resource::ALL.map(|(resource, name)| (name, self.budget.state(resource)));
        for (name, help, of) in [
            (
                "budget_used",
                "What is spent now of the budget of the process",
                (|state| state.used) as fn(&State) -> usize,
            ),
            ("budget_limit", "What may be spent at once; of retries a share of live requests", |state| state.max),
        ] {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (budget, state) in &states {
                metric.encode_family(&[("budget", *budget)])?.encode_gauge(&(of(state) as u64))?;
            }
        }
        let refusals = states.into_iter().map(|(budget, state)| ([("budget", budget)], state.refused));
        counter(
            encoder,
            "budget_refusals",
            "Retries and mirrors not made, and bodies not kept, for lack of budget",
            refusals,
        )
    }
}

fn counter<const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl Iterator<Item = ([(&'static str, impl AsRef<str>); N], u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in samples {
        let labels = labels.each_ref().map(|(name, value)| (*name, value.as_ref()));
        metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    Ok(())
}

fn single(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, count: u64) -> fmt::Result {
    encoder.encode_descriptor(name, help, None, MetricType::Counter)?.encode_counter::<NoLabelSet, _, u64>(&count, None)
}
