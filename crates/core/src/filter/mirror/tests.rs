use proptest::prelude::*;

use super::*;

fn copies(numerator: u32, denominator: u32, start: u32, requests: u32) -> usize {
    let mirror = Mirror { backend: BackendId::new("service/default/copy/80/http1"), numerator, denominator };
    (0..requests).filter(|number| mirror.takes(start.wrapping_add(*number))).count()
}

#[test]
fn none_and_all_are_exact() {
    assert_eq!(copies(0, 100, 0, 10_000), 0);
    assert_eq!(copies(100, 100, 0, 10_000), 10_000);
    assert_eq!(copies(u32::MAX, u32::MAX, 0, 10_000), 10_000);
}

#[test]
fn a_long_run_is_off_by_a_few_in_a_million() {
    let got = copies(1, 3, 0, 3_000_000);
    assert!(got.abs_diff(1_000_000) <= 16, "{got}");
}

proptest! {
    /// The conformance suite sends 500 requests and allows three standard deviations of a fair die.
    #[test]
    fn five_hundred_requests_are_within_three_deviations(numerator in 0u32..=1000, denominator in 1u32..=1000, start: u32) {
        prop_assume!(numerator <= denominator);
        let share = f64::from(numerator) / f64::from(denominator);
        let deviation = (500.0 * share * (1.0 - share)).sqrt();
        let off = (copies(numerator, denominator, start, 500) as f64 - 500.0 * share).abs();
        prop_assert!(off <= f64::max(3.0 * deviation, 1.0) && off < 4.0, "{off}");
    }
}
