//! Golden cases, written as the Gateway API writes them, and the property that the table equals a linear scan.

mod conformance;
mod index;
mod property;

use std::{borrow::Cow, sync::Arc};

use super::*;
use crate::plan::{
    HeaderMatch, Match, MethodMatch, PathMatch, Pattern, Precedence, QueryMatch, RouteId, RouteKind, Rule, StringMatch,
    Timeouts,
};

/// A request as the tests write it.
#[derive(Clone, Debug)]
struct Get {
    method: &'static str,
    host: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    grpc: bool,
}

impl Get {
    fn new(host: &str, path: &str) -> Self {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query.to_owned())));
        Self { method: "GET", host: host.into(), path: path.into(), query, headers: Vec::new(), grpc: false }
    }

    fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn grpc(self) -> Self {
        Self { grpc: true, ..self }
    }
}

impl Request for Get {
    fn host(&self) -> &str {
        &self.host
    }

    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let value = &self.headers.iter().find(|(have, _)| have == name)?.1;
        Some(value.as_bytes().into())
    }

    fn is_grpc(&self) -> bool {
        self.grpc
    }
}

fn prefix(path: &str) -> Match {
    matching(PathMatch::Prefix(path.into()))
}

fn exact(path: &str) -> Match {
    matching(PathMatch::Exact(path.into()))
}

fn regex(pattern: &str) -> Match {
    matching(PathMatch::Regex(Pattern::new(pattern).unwrap()))
}

fn matching(path: PathMatch) -> Match {
    Match { path, method: None, headers: Vec::new(), query: Vec::new() }
}

impl Match {
    fn method(self, method: &str) -> Self {
        Self { method: Some(MethodMatch(method.into())), ..self }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(HeaderMatch { name: name.into(), value: StringMatch::Exact(value.into()) });
        self
    }

    fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push(QueryMatch { name: name.into(), value: StringMatch::Exact(value.into()) });
        self
    }
}

/// An HTTPRoute `default/name` of age `created`, a rule for each list of matches.
fn route<const N: usize>(name: &str, created: u64, hostnames: &[&str], rules: [Vec<Match>; N]) -> Arc<Route> {
    Arc::new(route_of(RouteKind::Http, name, created, hostnames, rules.into()))
}

fn grpc_route<const N: usize>(name: &str, created: u64, hostnames: &[&str], rules: [Vec<Match>; N]) -> Arc<Route> {
    Arc::new(route_of(RouteKind::Grpc, name, created, hostnames, rules.into()))
}

fn route_of(kind: RouteKind, name: &str, created: u64, hostnames: &[&str], rules: Vec<Vec<Match>>) -> Route {
    let hostnames = match hostnames {
        [] => vec![Hostname::Any],
        hostnames => hostnames.iter().map(|hostname| Hostname::parse(Some(hostname))).collect(),
    };
    let kind_name = match kind {
        RouteKind::Http => "httproute",
        RouteKind::Grpc => "grpcroute",
    };
    let rules = rules.into_iter().map(|matches| Rule {
        name: None,
        matches,
        filters: Vec::new(),
        backends: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
    });
    Route {
        id: RouteId::new(format!("{kind_name}/default/{name}")),
        kind,
        hostnames,
        precedence: Precedence { created, namespace: "default".into(), name: name.into() },
        rules: rules.collect(),
    }
}

/// A route with the number that a test knows it by.
#[derive(Debug, PartialEq)]
struct Numbered {
    number: u32,
    route: Arc<Route>,
}

impl AsRef<Route> for Numbered {
    fn as_ref(&self) -> &Route {
        &self.route
    }
}

fn numbered(routes: &[Arc<Route>]) -> Vec<Arc<Numbered>> {
    let number = |(number, route): (_, &Arc<Route>)| Arc::new(Numbered { number, route: Arc::clone(route) });
    (0..).zip(routes).map(number).collect()
}

fn table(listener: &str, routes: &[Arc<Route>]) -> RouteTable<Numbered> {
    RouteTable::build(&Hostname::parse(Some(listener)), numbered(routes))
}

/// Asserts which rule, as (route, rule), serves each request.
#[track_caller]
fn serves<const N: usize>(table: &RouteTable<Numbered>, requests: [(Get, Option<(u32, u16)>); N]) {
    for (request, want) in requests {
        let hit = table.find(&request);
        assert_eq!(hit.map(|hit| (hit.route.number, hit.rule)), want, "{request:?}");
    }
}

fn get(host: &str, path: &str) -> Get {
    Get::new(host, path)
}
