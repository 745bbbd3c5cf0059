use serde_json::json;

use super::*;

#[test]
fn a_slice_whose_last_endpoint_has_gone_is_read_as_empty() {
    let slice: EndpointSlice = serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "web-x7k2p"},
        "addressType": "IPv4",
        "endpoints": null,
        "ports": null,
    }))
    .expect("this is what the API server sends");
    assert_eq!((slice.endpoints.len(), slice.ports.len()), (0, 0));
}

#[test]
fn unknown_conditions_mean_a_working_endpoint() {
    let slice: EndpointSlice = serde_json::from_value(serde_json::json!({
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.0.0.1"]},
            {"addresses": ["10.0.0.2"], "conditions": {"ready": false}},
            {"addresses": ["10.0.0.3"], "conditions": {"ready": false, "serving": true, "terminating": true}},
        ],
        "ports": [{"port": 3000}],
    }))
    .unwrap();
    let read: Vec<_> = slice
        .endpoints
        .iter()
        .map(|endpoint| &endpoint.conditions)
        .map(|conditions| (conditions.is_ready(), conditions.is_serving(), conditions.is_terminating()))
        .collect();
    assert_eq!(read, [(true, true, false), (false, false, false), (false, true, true)]);
    assert_eq!((slice.ports[0].name.as_str(), slice.ports[0].port), ("", Some(3000)));
}
