//! A latency histogram that one worker writes and a scrape reads.

use std::time::Duration;

use super::recorder::Counter;

/// Upper bounds in seconds. A proxy adds tens of microseconds and its backends answer within milliseconds, so the
/// finest buckets lie there; the last is as long as a request may take.
pub(super) const BOUNDS: [f64; 17] = [
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
    60.0,
    f64::INFINITY,
];

/// The same in nanoseconds, without the last, which has none.
const BOUNDS_NANOS: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
    60_000_000_000,
];

#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Not cumulative.
    buckets: [Counter; BOUNDS.len()],
    sum_nanos: Counter,
}

impl Histogram {
    pub(super) fn observe(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[BOUNDS_NANOS.partition_point(|bound| *bound < nanos)].add(1);
        self.sum_nanos.add(nanos);
    }
}

/// What several workers' histograms make together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) seconds: f64,
    pub(super) count: u64,
    /// With the bounds, not cumulative, as the encoder wants them.
    pub(super) buckets: Vec<(f64, u64)>,
}

impl Sum {
    pub(super) fn of<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Self {
        let mut sum = Self { buckets: BOUNDS.map(|bound| (bound, 0)).to_vec(), ..Self::default() };
        for histogram in histograms {
            sum.seconds += Duration::from_nanos(histogram.sum_nanos.get()).as_secs_f64();
            for ((_, count), bucket) in sum.buckets.iter_mut().zip(&histogram.buckets) {
                let more = bucket.get();
                *count += more;
                sum.count += more;
            }
        }
        sum
    }
}
