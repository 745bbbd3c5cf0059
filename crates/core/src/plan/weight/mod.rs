//! Shares of traffic, honoured closely from the first requests on and exactly in the long run.
//!
//! Where a fair die would need thousands of requests, request number `n` lands at `n` times the golden ratio, modulo 1:
//! any run of consecutive numbers spreads evenly (Kronecker's additive recurrence; three-distance theorem). There is no
//! state here: the caller counts, for each thing it decides apart from every other.

/// The weights of a rule's backends, ready to choose by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// The sum of the weights up to and including each one.
    sums: Box<[u64]>,
}

impl Weights {
    pub fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        let mut total = 0;
        let sums = weights.into_iter().map(|weight| {
            total += u64::from(weight);
            total
        });
        Self { sums: sums.collect() }
    }

    /// Returns the index of the weight that request number `counter` falls to, or `None` where nothing has any weight.
    /// The counter may wrap.
    pub fn choose(&self, counter: u32) -> Option<usize> {
        let total = *self.sums.last().filter(|&&total| total > 0)?;
        let point = ((u128::from(spread(counter)) * u128::from(total)) >> 32) as u64;
        Some(self.sums.partition_point(|&sum| sum <= point))
    }
}

/// Returns where request number `counter` lands, in units of 2^-32. Over 2^32 numbers it takes every place once.
pub(crate) fn spread(counter: u32) -> u32 {
    // 2^32 divided by the golden ratio; it is odd, so no place is taken twice.
    counter.wrapping_mul(0x9e37_79b9)
}

#[cfg(test)]
mod tests;
