use super::{Observed, supported_features};
use crate::world::{Bundle, Kind};

/// As the type of `supportedFeatures` demands: ascending, none twice, 64 at most.
#[test]
fn features_are_sorted_and_few() {
    let features = supported_features(&Observed::default(), false);
    assert!(features.is_sorted_by(|a, b| a < b));
    assert!(features.len() <= 64);
}

#[test]
fn a_cluster_trust_bundle_is_promised_where_it_can_be_referred_to_and_read() {
    let promised = |observed: Observed| supported_features(&observed, false).contains(&"ClusterTrustBundle");
    let kind = Kind::ClusterTrustBundle;
    assert!(promised(Observed::default()));
    assert!(!promised(Observed { bundle: Bundle { standard: true, ..Bundle::default() }, ..Observed::default() }));
    assert!(!promised(Observed { unserved: [kind].into(), ..Observed::default() }));
    assert!(!promised(Observed { forbidden: [(kind, None)].into(), ..Observed::default() }));
}

#[test]
fn an_addresss_routability_is_promised_where_the_api_has_it_and_a_cluster_is_there() {
    let promised = |standard, standalone| {
        let bundle = Bundle { standard, ..Bundle::default() };
        let features = supported_features(&Observed { bundle, ..Observed::default() }, standalone);
        ["GatewayAddressRoutability", "GatewayAddressRoutabilityCluster"].map(|name| features.contains(&name))
    };
    assert_eq!(promised(false, false), [true, true]);
    assert_eq!(promised(false, true), [true, false]);
    assert_eq!(promised(true, false), [false, false]);
}

#[test]
fn listener_filters_are_promised_where_the_api_has_them() {
    let promised = |standard| {
        let bundle = Bundle { standard, ..Bundle::default() };
        supported_features(&Observed { bundle, ..Observed::default() }, false).contains(&"GatewayListenerFilters")
    };
    assert!(promised(false));
    assert!(!promised(true));
}
