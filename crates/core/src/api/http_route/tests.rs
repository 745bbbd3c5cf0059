use serde_json::{from_value, json};

use super::*;

#[test]
fn an_empty_spec_matches_everything() {
    let route: HttpRoute = from_value(json!({"metadata": {"name": "r"}, "spec": {}})).unwrap();
    assert_eq!(route.spec.rules, [HttpRouteRule::default()]);
    assert_eq!(HttpRouteMatch::default().path, HttpPathMatch { r#type: PathMatchType::PathPrefix, value: "/".into() });
}

#[test]
fn what_is_left_out_reads_as_the_crd_fills_it_in() {
    let rule: HttpRouteRule = from_value(json!({
        "matches": [{"path": {"value": "/a"}, "headers": [{"name": "h", "value": "v"}]}, {"path": {"type": "Exact"}}],
        "filters": [{"type": "RequestRedirect", "requestRedirect": {}}, {"type": "CORS", "cors": {}}],
        "backendRefs": [{"name": "svc", "port": 80}],
        "retry": {},
    }))
    .unwrap();
    assert_eq!(rule.matches[0].path.r#type, PathMatchType::PathPrefix);
    assert_eq!(rule.matches[0].headers[0].r#type, HeaderMatchType::Exact);
    assert_eq!(rule.matches[1].path.value, "/");
    assert_eq!(rule.filters[0].request_redirect.as_ref().unwrap().status_code, 302);
    assert_eq!(rule.filters[1].cors.as_ref().unwrap().max_age, 5);
    assert_eq!(
        (rule.backend_refs[0].backend.object.kind.as_str(), rule.backend_refs[0].backend.weight),
        ("Service", 1)
    );
    assert_eq!(rule.retry.unwrap().attempts, 1);
}

/// A CRD newer than this program may allow values that it does not know: the object must still be read.
#[test]
fn unknown_values_keep_their_text() {
    let rule: HttpRouteRule =
        from_value(json!({"matches": [{"path": {"type": "Glob", "value": "/*"}}], "filters": [{"type": "Teleport"}]}))
            .unwrap();
    assert_eq!(rule.matches[0].path.r#type, PathMatchType::Unknown("Glob".into()));
    assert_eq!(rule.filters[0].r#type, HttpFilterType::Unknown("Teleport".into()));
}
