//! The matching that the Gateway API promises, in tables. Each names the conformance test it restates, if there is one.

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

/// HTTPRouteExactPathMatching.
#[test]
fn exact_paths_match_to_the_byte() {
    let table = table("", &[route("r", 0, &[], [vec![exact("/one")], vec![exact("/two")]])]);
    serves(
        &table,
        [
            (get("h", "/one"), Some((0, 0))),
            (get("h", "/one?two"), Some((0, 0))),
            (get("h", "/two"), Some((0, 1))),
            (get("h", "/"), None),
            (get("h", "/one/example"), None),
            (get("h", "/two/"), None),
            (get("h", "/Two"), None),
        ],
    );
}

/// HTTPRoutePathMatchOrder.
#[test]
fn exact_goes_before_the_longest_prefix() {
    let rules = [
        vec![exact("/match/exact/one")],
        vec![exact("/match/exact")],
        vec![prefix("/match")],
        vec![prefix("/match/prefix/one")],
        vec![prefix("/match/prefix")],
        vec![prefix("/match/prefix/one/any")],
        vec![exact("/match/prefix/one")],
    ];
    serves(
        &table("", &[route("r", 0, &[], rules)]),
        [
            (get("h", "/match/exact/one"), Some((0, 0))),
            (get("h", "/match/exact"), Some((0, 1))),
            (get("h", "/match"), Some((0, 2))),
            (get("h", "/match/exact/two"), Some((0, 2))),
            (get("h", "/match/prefix/one"), Some((0, 6))),
            (get("h", "/match/prefix/one/"), Some((0, 3))),
            (get("h", "/match/prefix/one/any"), Some((0, 5))),
            (get("h", "/match/prefix/two"), Some((0, 4))),
        ],
    );
}

/// A regular expression goes between (istio#60695: it must not vanish beside a `/`).
#[test]
fn expressions_go_between_exact_and_prefix_the_longer_first() {
    let rules = [
        vec![prefix("/api")],
        vec![regex("/api/.*")],
        vec![exact("/api/v1")],
        vec![regex("/api/v[0-9]+")],
        vec![prefix("/")],
    ];
    serves(
        &table("", &[route("r", 0, &[], rules)]),
        [
            (get("h", "/api/v1"), Some((0, 2))),
            (get("h", "/api/v2"), Some((0, 3))),
            (get("h", "/api/other"), Some((0, 1))),
            (get("h", "/api"), Some((0, 0))),
            (get("h", "/xapi/v2x"), Some((0, 4))),
        ],
    );
}

/// HTTPRouteMatching, HTTPRouteHeaderMatching.
#[test]
fn headers_must_all_hold_and_more_of_them_go_first() {
    let rules = [
        vec![prefix("/")],
        vec![prefix("/").header("version", "one")],
        vec![prefix("/").header("version", "two"), prefix("/v2")],
        vec![prefix("/").header("version", "two").header("color", "orange")],
        vec![prefix("/").header("color", "blue"), prefix("/").header("color", "green")],
    ];
    serves(
        &table("", &[route("r", 0, &[], rules)]),
        [
            (get("h", "/"), Some((0, 0))),
            (get("h", "/").header("version", "one"), Some((0, 1))),
            (get("h", "/").header("version", "two"), Some((0, 2))),
            (get("h", "/").header("version", "three"), Some((0, 0))),
            (get("h", "/v2"), Some((0, 2))),
            (get("h", "/v2").header("version", "one"), Some((0, 2))),
            (get("h", "/").header("version", "two").header("color", "orange"), Some((0, 3))),
            (get("h", "/").header("version", "two").header("color", "blue"), Some((0, 2))),
            (get("h", "/").header("color", "green"), Some((0, 4))),
            (get("h", "/").header("color", "orange"), Some((0, 0))),
            (get("h", "/").header("color", "Blue"), Some((0, 0))),
        ],
    );
}

/// HTTPRouteMethodMatching; a method weighs more than any number of headers.
#[test]
fn a_method_goes_before_headers() {
    let rules = [
        vec![prefix("/").method("POST")],
        vec![prefix("/").method("GET")],
        vec![prefix("/path").method("GET")],
        vec![prefix("/").method("PUT").header("version", "one")],
        vec![prefix("/path5"), prefix("/").method("PATCH").header("version", "two")],
        vec![prefix("/").header("version", "three").header("more", "1")],
    ];
    serves(
        &table("", &[route("r", 0, &[], rules)]),
        [
            (get("h", "/").method("POST"), Some((0, 0))),
            (get("h", "/"), Some((0, 1))),
            (get("h", "/").method("get"), None),
            (get("h", "/").method("HEAD"), None),
            (get("h", "/path"), Some((0, 2))),
            (get("h", "/path").method("POST"), Some((0, 0))),
            (get("h", "/").method("PUT"), None),
            (get("h", "/").method("PUT").header("version", "one"), Some((0, 3))),
            (get("h", "/path5"), Some((0, 4))),
            (get("h", "/").method("PATCH").header("version", "two"), Some((0, 4))),
            (get("h", "/").header("version", "three").header("more", "1"), Some((0, 1))),
            (get("h", "/").method("DELETE").header("version", "three").header("more", "1"), Some((0, 5))),
        ],
    );
}

/// HTTPRouteQueryParamMatching.
#[test]
fn query_parameters_match_their_first_decoded_value() {
    let rules = [
        vec![prefix("/").query("animal", "whale")],
        vec![prefix("/").query("animal", "dolphin")],
        vec![prefix("/").query("animal", "dolphin").query("color", "blue"), prefix("/").query("ANIMAL", "Whale")],
        vec![prefix("/").query("a b", "c&d")],
        vec![prefix("/").query("empty", "")],
    ];
    serves(
        &table("", &[route("r", 0, &[], rules)]),
        [
            (get("h", "/?animal=whale"), Some((0, 0))),
            (get("h", "/?animal=dolphin"), Some((0, 1))),
            (get("h", "/?animal=dolphin&color=blue"), Some((0, 2))),
            (get("h", "/?color=blue&animal=dolphin"), Some((0, 2))),
            (get("h", "/?ANIMAL=Whale"), Some((0, 2))),
            (get("h", "/?animal=whale&otherparam=irrelevant"), Some((0, 0))),
            (get("h", "/?animal=whale&animal=dolphin"), Some((0, 0))),
            (get("h", "/?animal=%77h%61le"), Some((0, 0))),
            (get("h", "/?%61nimal=whale"), Some((0, 0))),
            (get("h", "/?a%20b=c%26d"), Some((0, 3))),
            (get("h", "/?a+b=c%26d"), None),
            (get("h", "/?empty"), Some((0, 4))),
            (get("h", "/?empty="), Some((0, 4))),
            (get("h", "/?animal=whale%"), None),
            (get("h", "/?animal=WHALE"), None),
            (get("h", "/?animal="), None),
            (get("h", "/"), None),
        ],
    );
}

#[test]
fn more_headers_go_before_more_query_parameters() {
    let rules = [
        vec![prefix("/").query("a", "1").query("b", "2")],
        vec![prefix("/").query("a", "1").header("h", "1")],
        vec![prefix("/").query("a", "1")],
    ];
    serves(
        &table("", &[route("r", 0, &[], rules)]),
        [
            (get("h", "/?a=1&b=2").header("h", "1"), Some((0, 1))),
            (get("h", "/?a=1&b=2"), Some((0, 0))),
            (get("h", "/?a=1"), Some((0, 2))),
        ],
    );
}

#[test]
fn values_match_expressions_to_the_ends() {
    let mut found = prefix("/");
    found
        .headers
        .push(HeaderMatch { name: "version".into(), value: StringMatch::Regex(Pattern::new("v[0-9]+").unwrap()) });
    found.query.push(QueryMatch { name: "q".into(), value: StringMatch::Regex(Pattern::new("a b|c").unwrap()) });
    serves(
        &table("", &[route("r", 0, &[], [vec![found]])]),
        [
            (get("h", "/?q=c").header("version", "v12"), Some((0, 0))),
            (get("h", "/?q=a%20b").header("version", "v1"), Some((0, 0))),
            (get("h", "/?q=cc").header("version", "v1"), None),
            (get("h", "/?q=c").header("version", "v1x"), None),
            (get("h", "/?q=c").header("version", "xv1"), None),
            (get("h", "/?q=c"), None),
        ],
    );
}

/// HTTPRouteMatchingAcrossRoutes.
#[test]
fn matches_of_all_routes_stand_in_one_order() {
    let first = route(
        "part1",
        0,
        &["example.com", "example.net"],
        [vec![prefix("/"), prefix("/").header("version", "one")], vec![]],
    );
    let second = route("part2", 0, &["example.com"], [vec![prefix("/v2"), prefix("/").header("version", "two")]]);
    serves(
        &table("", &[first, second]),
        [
            (get("example.com", "/"), Some((0, 0))),
            (get("example.com", "/example"), Some((0, 0))),
            (get("example.net", "/example"), Some((0, 0))),
            (get("example.com", "/").header("version", "one"), Some((0, 0))),
            (get("example.com", "/v2"), Some((1, 0))),
            (get("example.net", "/v2"), Some((0, 0))),
            (get("example.com", "/v2/example"), Some((1, 0))),
            (get("example.com", "/").header("version", "two"), Some((1, 0))),
        ],
    );
}

#[test]
fn between_equals_the_oldest_goes_first_then_the_name() {
    let young = route("a", 2, &[], [vec![prefix("/")]]);
    let old = route("z", 1, &[], [vec![prefix("/")]]);
    let as_old = route("b", 1, &[], [vec![prefix("/")]]);
    serves(&table("", &[young.clone(), old.clone()]), [(get("h", "/"), Some((1, 0)))]);
    serves(&table("", &[old, young, as_old]), [(get("h", "/"), Some((2, 0)))]);
}

/// HTTPRouteRuleOrder: headers in another order are no difference.
#[test]
fn between_equal_rules_the_first_goes_first() {
    let rules = [
        vec![prefix("/").header("a", "1").header("b", "2")],
        vec![prefix("/").header("b", "2").header("a", "1")],
        vec![prefix("/")],
        vec![prefix("/"), prefix("/")],
    ];
    let table = table("", &[route("r", 0, &[], rules)]);
    serves(
        &table,
        [
            (get("h", "/").header("a", "1").header("b", "2"), Some((0, 0))),
            (get("h", "/").header("a", "1"), Some((0, 2))),
        ],
    );
}

#[test]
fn a_hit_names_the_match() {
    let route = route("r", 0, &[], [vec![prefix("/x")], vec![prefix("/a"), exact("/a/b")]]);
    let table = RouteTable::build(&Hostname::Any, [Arc::clone(&route)]);
    assert_eq!(table.find(&get("h", "/a/b")), Some(Hit { route: &route, rule: 1, matched: 1 }));
    assert_eq!(table.find(&get("h", "/a")), Some(Hit { route: &route, rule: 1, matched: 0 }));
}

/// HTTPRouteListenerHostnameMatching, HTTPRouteHostnameIntersection.
#[test]
fn hostnames_go_from_exact_over_longer_wildcards_to_any() {
    let routes = [
        route("any", 0, &[], [vec![prefix("/")]]),
        route("com", 0, &["*.com"], [vec![prefix("/")]]),
        route("example", 0, &["*.example.com"], [vec![prefix("/")]]),
        route("exact", 0, &["very.specific.example.com"], [vec![prefix("/")]]),
    ];
    serves(
        &table("", &routes),
        [
            (get("very.specific.example.com", "/"), Some((3, 0))),
            (get("specific.example.com", "/"), Some((2, 0))),
            (get("deep.down.example.com", "/"), Some((2, 0))),
            (get("example.com", "/"), Some((1, 0))),
            (get("com", "/"), Some((0, 0))),
            (get("example.org", "/"), Some((0, 0))),
            (get("", "/"), Some((0, 0))),
            (get(".example.com", "/"), Some((1, 0))),
            (get("notexample.com", "/"), Some((1, 0))),
        ],
    );
}

/// HTTPRouteMultipleRoutesAttachmentSameHostnameIntersection: the route's own hostname, not its intersection with the
/// listener's, and no hostname is a closed box.
#[test]
fn the_more_specific_route_goes_first_though_younger_and_shorter() {
    for (listener, less, more) in
        [("abc.example.com", "*.example.com", "abc.example.com"), ("*.example.com", "*.com", "*.example.com")]
    {
        let older = route(
            "older",
            0,
            &[less],
            [vec![prefix("/path/prefix")], vec![prefix("/").header("header-b", "1")], vec![exact("/only/older")]],
        );
        let newer = route(
            "newer",
            1,
            &[more],
            [vec![prefix("/path")], vec![prefix("/").header("header-a", "1")], vec![exact("/x")]],
        );
        serves(
            &table(listener, &[older, newer]),
            [
                (get("abc.example.com", "/path/prefix"), Some((1, 0))),
                (get("abc.example.com", "/").header("header-a", "1").header("header-b", "1"), Some((1, 1))),
                (get("abc.example.com", "/").header("header-b", "1"), Some((0, 1))),
                (get("abc.example.com", "/only/older"), Some((0, 2))),
                (get("abc.example.com", "/"), None),
            ],
        );
    }
}

#[test]
fn hostnames_outside_the_listener_are_left_out() {
    let routes = [route("r", 0, &["a.example.com", "example.org"], [vec![prefix("/")]])];
    let table = table("*.example.com", &routes);
    serves(&table, [(get("a.example.com", "/"), Some((0, 0))), (get("example.org", "/"), None)]);
}

/// GRPCRoute: the characters of service, then method; each match as the Plan writes it.
#[test]
fn grpc_goes_by_service_then_method() {
    let rules = [
        vec![prefix("/")],
        vec![regex("/[^/]+/Method")],
        vec![prefix("/pkg.Service")],
        vec![exact("/pkg.Service/Method")],
        vec![prefix("/pkg.Service").header("version", "one")],
    ];
    serves(
        &table("", &[grpc_route("g", 0, &[], rules)]),
        [
            (get("h", "/pkg.Service/Method").grpc(), Some((0, 3))),
            (get("h", "/pkg.Service/Other").grpc(), Some((0, 2))),
            (get("h", "/pkg.Service/Other").grpc().header("version", "one"), Some((0, 4))),
            (get("h", "/pkg.Other/Method").grpc(), Some((0, 1))),
            (get("h", "/pkg.Other/Other").grpc(), Some((0, 0))),
        ],
    );
}

#[test]
fn a_service_goes_before_a_method_alone() {
    let rules = [vec![regex("/[^/]+/AVeryLongNameOfAMethod")], vec![prefix("/s")]];
    serves(
        &table("", &[grpc_route("g", 0, &[], rules)]),
        [(get("h", "/s/AVeryLongNameOfAMethod").grpc(), Some((0, 1)))],
    );
}

#[test]
fn grpc_routes_leave_other_requests_to_http_routes() {
    let routes = [
        grpc_route("g", 0, &[], [vec![prefix("/")]]),
        route("h", 1, &[], [vec![prefix("/")]]),
        grpc_route("elsewhere", 0, &["grpc.example.com"], [vec![exact("/a/b")]]),
    ];
    serves(
        &table("", &routes),
        [
            (get("h", "/a/b").grpc(), Some((0, 0))),
            (get("h", "/a/b"), Some((1, 0))),
            (get("grpc.example.com", "/a/b"), Some((1, 0))),
            (get("grpc.example.com", "/a/b").grpc(), Some((2, 0))),
        ],
    );
}

/// An HTTPRoute and a GRPCRoute of one name, age and match: the order of building still means nothing.
#[test]
fn kinds_of_one_name_have_an_order() {
    let (http, grpc) = (route("r", 0, &[], [vec![prefix("/")]]), grpc_route("r", 0, &[], [vec![prefix("/")]]));
    let found = |routes: [&Arc<Route>; 2]| {
        let table = RouteTable::build(&Hostname::Any, routes.map(Arc::clone));
        table.find(&get("h", "/").grpc()).map(|hit| hit.route.id.clone())
    };
    assert_eq!(found([&http, &grpc]), found([&grpc, &http]));
}

#[test]
fn no_routes_serve_nothing() {
    serves(&table("", &[]), [(get("h", "/"), None)]);
    serves(&table("", &[route("r", 0, &[], [])]), [(get("h", "/"), None)]);
}

#[test]
fn long_paths_and_hosts_are_searched_all_the_same() {
    let deep = format!("/{}", "x/".repeat(300)) + "end";
    let host = "a.".repeat(120) + "example.com";
    let table = table("", &[route("r", 0, &["*.example.com"], [vec![prefix(&deep)], vec![prefix("/x")]])]);
    serves(
        &table,
        [
            (get(&host, &format!("{deep}/more")), Some((0, 0))),
            (get(&host, &deep), Some((0, 0))),
            (get(&host, &format!("{deep}more")), Some((0, 1))),
        ],
    );
}

/// A run longer than what is tried one by one: entries that share host and path, and differ in something else.
#[test]
fn a_long_run_is_divided_and_still_in_order() {
    let numbers = 0..100;
    let mut rules: Vec<_> = numbers.clone().map(|n| vec![prefix("/").header("tenant", &n.to_string())]).collect();
    rules.extend(numbers.clone().map(|n| vec![prefix("/").header("env", "prod").query("q", &n.to_string())]));
    rules.extend(numbers.map(|n| vec![regex(&format!("/team/{n}/.*"))]));
    rules.push(vec![regex(".*/50/.*|/other")]);
    rules.push(vec![regex("/team/50/.*/the/longest")]);
    rules.push(vec![prefix("/").method("PUT")]);
    rules.push(vec![prefix("/")]);
    let route = Arc::new(route_of(RouteKind::Http, "r", 0, &[], rules));
    serves(
        &table("", &[route]),
        [
            (get("h", "/").header("tenant", "42"), Some((0, 42))),
            (get("h", "/x").header("tenant", "100"), Some((0, 303))),
            (get("h", "/?q=7").header("tenant", "100").header("env", "prod"), Some((0, 107))),
            (get("h", "/?q=%37").header("tenant", "42").header("env", "prod"), Some((0, 107))),
            (get("h", "/?q=7").header("tenant", "42").header("env", "test"), Some((0, 42))),
            (get("h", "/").method("PUT").header("tenant", "42"), Some((0, 302))),
            (get("h", "/team/7/x"), Some((0, 207))),
            (get("h", "/team/50/x"), Some((0, 300))),
            (get("h", "/team/50/x/the/longest"), Some((0, 301))),
            (get("h", "/team/500/x"), Some((0, 303))),
            (get("h", "/other"), Some((0, 300))),
            (get("h", "/"), Some((0, 303))),
        ],
    );
}

#[test]
fn an_expression_says_how_its_values_begin() {
    for (pattern, begin) in [
        ("/team/a/.*", "/team/a/"),
        ("/v[0-9]+", "/v"),
        (r"/v1\.0/x?", "/v1.0/"),
        ("/a/(b|c)/d", "/a/"),
        ("/a/b|/a/c", "/a/"),
        ("/a|b", ""),
        ("^/a/b$", "/a/b"),
        ("(/a)?/b", "/"),
        (".*", ""),
        ("", ""),
    ] {
        let pattern = Pattern::new(pattern).unwrap();
        assert_eq!(pattern.literal_prefix(), begin, "{pattern:?}");
    }
}
