use super::SUPPORTED_FEATURES;

/// As the type of `supportedFeatures` demands: ascending, none twice, 64 at most.
#[test]
fn features_are_sorted_and_few() {
    assert!(SUPPORTED_FEATURES.is_sorted_by(|a, b| a < b));
    assert!(SUPPORTED_FEATURES.len() <= 64);
}
