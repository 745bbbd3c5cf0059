use proptest::prelude::*;

use super::*;

/// How many of `requests` consecutive numbers from `start` fall to each weight.
fn count(weights: &[u32], start: u32, requests: u32) -> Vec<u32> {
    let chooser = Weights::new(weights.iter().copied());
    let mut counts = vec![0; weights.len()];
    for number in 0..requests {
        counts[chooser.choose(start.wrapping_add(number)).unwrap()] += 1;
    }
    counts
}

#[test]
fn nothing_is_chosen_without_weight() {
    assert_eq!(Weights::new([]).choose(1), None);
    assert_eq!(Weights::new([0, 0]).choose(1), None);
}

#[test]
fn the_largest_weights_do_not_overflow() {
    assert_eq!(Weights::new([u32::MAX; 16]).choose(u32::MAX).map(|index| index < 16), Some(true));
}

/// The conformance suite's weights and number of requests (HTTPRouteWeight); it allows 25.
#[test]
fn five_hundred_requests_are_off_by_a_few_at_most() {
    for (got, want) in count(&[70, 30, 0], 0, 500).into_iter().zip([350, 150, 0]) {
        assert!(got.abs_diff(want) <= 2, "{got} of {want}");
    }
}

proptest! {
    /// Any run, from anywhere, the wrap included: each share is within a few requests, not within a deviation.
    #[test]
    fn every_run_honours_the_weights(
        weights in prop::collection::vec(0u32..1000, 1..6).prop_filter("some weight", |weights| weights.iter().any(|&weight| weight > 0)),
        start: u32,
        requests in 1u32..2000,
    ) {
        let total: u32 = weights.iter().sum();
        for (got, weight) in count(&weights, start, requests).into_iter().zip(&weights) {
            let want = f64::from(requests) * f64::from(*weight) / f64::from(total);
            prop_assert!((f64::from(got) - want).abs() < 8.0, "{got} of {want}");
            prop_assert!(*weight > 0 || got == 0);
        }
    }
}
