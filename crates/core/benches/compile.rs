//! What compiling a whole world costs, at 500 and 5,000 HTTPRoutes with a Service each:
//! `cargo bench -p gatewright-core --bench compile`.
#![allow(clippy::print_stdout, reason = "its output is the figures")]
#![allow(clippy::unwrap_used, reason = "the manifests below are good")]

use std::time::{Duration, Instant};

use gatewright_core::{
    compile,
    world::{Controllers, Inspect, Object, Settings, World},
};
use serde_json::{Value, json};

const RUNS: usize = 9;

fn main() {
    for routes in [500, 5_000] {
        let world = world(routes);
        let mut times: Vec<Duration> = (0..RUNS).map(|_| time(&world, routes)).collect();
        times.sort();
        println!(
            "{routes} routes: median {:.1?}, least {:.1?}, most {:.1?}",
            times[RUNS / 2],
            times[0],
            times[RUNS - 1]
        );
    }
}

fn time(world: &World, routes: usize) -> Duration {
    let start = Instant::now();
    let outcome = compile(world);
    let taken = start.elapsed();
    let planned: usize = outcome.plans.values().map(|plan| plan.routes.len()).sum();
    assert_eq!((planned, outcome.findings.len()), (routes, 0));
    taken
}

/// Routes in 50 namespaces, each with two rules, a filter, and a Service of four endpoints.
fn world(routes: usize) -> World {
    let inspect = Inspect { key_pair: |_, _| Err(String::new()), trust_anchors: |_| Err(String::new()) };
    let mut world = World::new(Settings { controllers: Controllers::All, merge_gateways: true, inspect });
    let mut add = |object: Value| world.insert(Object::from_value(object).unwrap());
    add(json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "c"},
        "spec": {"controllerName": "example.com/c"}}));
    add(json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
    "metadata": {"name": "gw", "namespace": "infra"},
    "spec": {"gatewayClassName": "c", "listeners": [
        {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}},
        {"name": "alt", "port": 8080, "protocol": "HTTP", "hostname": "*.example.com",
         "allowedRoutes": {"namespaces": {"from": "All"}}},
    ]}}));
    for n in 0..routes {
        let (name, namespace) = (format!("r{n}"), format!("team-{}", n % 50));
        let metadata = json!({"name": name, "namespace": namespace});
        add(json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata,
        "spec": {
            "parentRefs": [{"name": "gw", "namespace": "infra"}],
            "hostnames": [format!("{name}.example.com")],
            "rules": [
                {"matches": [{"path": {"type": "PathPrefix", "value": "/api"}, "method": "GET"},
                             {"headers": [{"name": "version", "value": "2"}]}],
                 "filters": [{"type": "RequestHeaderModifier",
                              "requestHeaderModifier": {"set": [{"name": "x-team", "value": namespace}]}}],
                 "timeouts": {"request": "10s"},
                 "backendRefs": [{"name": name, "port": 80, "weight": 9}, {"name": name, "port": 81}]},
                {"backendRefs": [{"name": name, "port": 80}]},
            ]}}));
        add(json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"ports": [{"name": "http", "port": 80}, {"name": "alt", "port": 81}]}}));
        add(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080}, {"name": "alt", "port": 8081}],
            "endpoints": [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"]}, {"addresses": ["10.0.0.3"]},
                          {"addresses": ["10.0.0.4"]}]}));
    }
    world
}
