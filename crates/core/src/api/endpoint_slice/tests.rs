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
