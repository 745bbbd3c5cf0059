//! The matching that the Gateway API promises, in tables.

use super::*;

#[test]
fn prefixes_match_by_path_element() {
    let table =
        table("", &[route("r", 0, &[], [vec![prefix("/match")], vec![prefix("/v2/example")], vec![prefix("/a")]])]);
    serves(
        &table,
        [
            (get("h", "/match"), Some((0, 0))),
            (get("h", "/match/"), Some((0, 0))),
            (get("h", "/match/deep/er"), Some((0, 0))),
            (get("h", "/matching"), None),
            (get("h", "/Match"), None),
            (get("h", "/v2"), None),
            (get("h", "/v2/example"), Some((0, 1))),
            (get("h", "/v2/example/x"), Some((0, 1))),
            (get("h", "/v2/examples"), None),
            (get("h", "/"), None),
            (get("h", "/a"), Some((0, 2))),
        ],
    );
}
