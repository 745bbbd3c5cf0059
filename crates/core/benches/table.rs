//! What finding a route costs at 10 to 10,000 routes, and what the canonical path does: `cargo bench -p gatewright-core --bench table`.
//!
//! Every request is for another route than the one before, so that at 10,000 the caches miss as they would in traffic.
#![allow(clippy::print_stdout, reason = "its output is the figures")]

use std::{borrow::Cow, hint::black_box, sync::Arc, time::Instant};

use gatewright_core::plan::{
    HeaderMatch, Hostname, Match, PathMatch, PathOptions, Pattern, Precedence, Request, Route, RouteId, RouteKind,
    RouteTable, Rule, StringMatch, Timeouts, canonicalize,
};

const FINDS: u32 = 1_000_000;

/// How routes differ from one another, and the request that asks for one of them.
struct Shape {
    name: &'static str,
    route: fn(usize) -> (Hostname, Match),
    request: fn(usize) -> Get,
    routes_max: usize,
}

const SHAPES: [Shape; 6] = [
    Shape {
        name: "a hostname each",
        route: |n| (Hostname::Exact(host(n).into()), path(PathMatch::Prefix("/".into()))),
        request: |n| get(&host(n), "/some/path/of/a/request"),
        routes_max: 10_000,
    },
    Shape {
        name: "a wildcard each",
        route: |n| (Hostname::Wildcard(format!(".{}", host(n)).into()), path(PathMatch::Prefix("/".into()))),
        request: |n| get(&format!("www.{}", host(n)), "/some/path/of/a/request"),
        routes_max: 10_000,
    },
    Shape {
        name: "a prefix each",
        route: |n| (Hostname::Any, path(PathMatch::Prefix(format!("/team/service-{n}").into()))),
        request: |n| get("example.com", &format!("/team/service-{n}/of/a/request")),
        routes_max: 10_000,
    },
    Shape {
        name: "an exact path each",
        route: |n| (Hostname::Any, path(PathMatch::Exact(format!("/team/service-{n}").into()))),
        request: |n| get("example.com", &format!("/team/service-{n}")),
        routes_max: 10_000,
    },
    Shape {
        name: "a header each",
        route: |n| {
            let mut found = path(PathMatch::Prefix("/".into()));
            found.headers.push(HeaderMatch { name: "tenant".into(), value: StringMatch::Exact(host(n).into()) });
            (Hostname::Any, found)
        },
        request: |n| Get { tenant: host(n), ..get("example.com", "/some/path") },
        routes_max: 10_000,
    },
    Shape {
        name: "an expression each",
        route: |n| {
            (Hostname::Any, path(PathMatch::Regex(Pattern::new(&format!("/team/service-{n}/[a-z]+")).expect("valid"))))
        },
        request: |n| get("example.com", &format!("/team/service-{n}/users")),
        routes_max: 10_000,
    },
];

fn main() {
    println!("{:20} {:>7} {:>9} {:>9} {:>9}", "routes that have", "routes", "build ms", "update ms", "find ns");
    for shape in &SHAPES {
        for count in [10, 100, 1_000, 10_000].into_iter().filter(|count| *count <= shape.routes_max) {
            measure(shape, count);
        }
    }
    println!("\n{:44} {:>9}", "path", "canon. ns");
    for path in [
        "/",
        "/api/v1/users/12345",
        "/a/rather/long/path/of/the/kind/that/rest.html",
        "/.well-known/x",
        "/a/%7Euser/../b",
    ] {
        measure_path(path);
    }
}

fn measure_path(path: &str) {
    let start = Instant::now();
    for _ in 0..FINDS {
        black_box(canonicalize(black_box(path.as_bytes()), PathOptions::default())).expect("it has a canonical form");
    }
    println!("{path:44} {:>9.1}", start.elapsed().as_secs_f64() * 1e9 / f64::from(FINDS));
}

fn measure(shape: &Shape, count: usize) {
    let numbered = |number| Arc::new(Numbered { number, route: route(number, (shape.route)(number)) });
    let routes: Vec<Arc<Numbered>> = (0..count).map(numbered).collect();
    let requests: Vec<Get> = (0..count).map(shape.request).collect();

    let start = Instant::now();
    let table = RouteTable::build(&Hostname::Any, routes.iter().cloned());
    let build_ms = start.elapsed().as_secs_f64() * 1e3;

    let start = Instant::now();
    // A stride that is coprime to every count visits all routes in an order no prefetcher guesses.
    let mut at = 0;
    for _ in 0..FINDS {
        at = (at + 7_919) % count;
        let hit = black_box(table.find(black_box(&requests[at]))).expect("there is a route for it");
        assert!(hit.route.number == at);
    }
    let find_ns = start.elapsed().as_secs_f64() * 1e9 / f64::from(FINDS);
    let start = Instant::now();
    let changed = routes[count / 2].number;
    black_box(table.updated(&routes[count / 2..=count / 2], [numbered(changed)]));
    let update_ms = start.elapsed().as_secs_f64() * 1e3;
    println!("{:20} {count:>7} {build_ms:>9.2} {update_ms:>9.2} {find_ns:>9.0}", shape.name);
}

fn host(n: usize) -> String {
    format!("service-{n}.team.example.com")
}

fn path(path: PathMatch) -> Match {
    Match { path, method: None, headers: Vec::new(), query: Vec::new() }
}

/// What the table keeps of a route.
struct Numbered {
    number: usize,
    route: Route,
}

impl AsRef<Route> for Numbered {
    fn as_ref(&self) -> &Route {
        &self.route
    }
}

fn route(n: usize, (hostname, found): (Hostname, Match)) -> Route {
    let rule = Rule {
        name: None,
        matches: vec![found],
        filters: Vec::new(),
        backends: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
    };
    Route {
        id: RouteId::new(format!("httproute/team/service-{n}")),
        kind: RouteKind::Http,
        hostnames: vec![hostname],
        precedence: Precedence { created: 0, namespace: "team".into(), name: format!("service-{n}").into() },
        rules: vec![rule],
    }
}

#[derive(Clone)]
struct Get {
    host: String,
    path: String,
    tenant: String,
}

fn get(host: &str, path: &str) -> Get {
    Get { host: host.into(), path: path.into(), tenant: String::new() }
}

impl Request for Get {
    fn host(&self) -> &str {
        &self.host
    }

    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        (name == "tenant").then(|| self.tenant.as_bytes().into())
    }

    fn is_grpc(&self) -> bool {
        false
    }
}
