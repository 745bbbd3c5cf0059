//! The table against an obvious implementation, over routes and requests that share a small alphabet.

use std::{cmp::Ordering, time::Duration};

use proptest::{prelude::*, sample::select};

use super::*;
use crate::filter::{Filter, cors::Cors};

/// A hostname, route, rule and match, in the words of the specification.
struct Candidate<'a> {
    number: u32,
    route: &'a Route,
    hostname: &'a Hostname,
    rule: u16,
    matched: u16,
    found: &'a Match,
}

/// Looks at everything that matches and keeps the best, one sentence of the specification after the other.
fn scan(routes: &[Arc<Numbered>], request: &Get) -> Option<(u32, u16, u16)> {
    let mut best: Option<Candidate<'_>> = None;
    for candidate in routes.iter().flat_map(|numbered| candidates(numbered)) {
        if candidate.holds(request) && best.as_ref().is_none_or(|best| candidate.goes_before(best)) {
            best = Some(candidate);
        }
    }
    best.map(|best| (best.number, best.rule, best.matched))
}

/// All that may take the request which a preflight for `method` announces, best first; then what becomes of the preflight.
fn scan_preflight(routes: &[Arc<Numbered>], request: &Get, method: &'static str) -> Option<(u32, u16, bool)> {
    let mut all: Vec<Candidate<'_>> = Vec::new();
    let without_headers = Get { method, headers: Vec::new(), grpc: false, ..request.clone() };
    for numbered in routes.iter().filter(|numbered| numbered.route.kind == RouteKind::Http) {
        all.extend(candidates(numbered));
    }
    all.retain(|candidate| candidate.place_holds(&without_headers));
    all.sort_by(|a, b| if a.goes_before(b) { Ordering::Less } else { Ordering::Greater });
    let takes = |candidate: &Candidate<'_>| candidate.found.method.as_ref().is_none_or(|wanted| *wanted.0 == *method);
    // GRPCRoutes take no preflight, but are among those that might be certain: they are none, for lack of a content type.
    let certain = all.iter().position(|one| takes(one) && one.found.headers.is_empty());
    let until = certain.map_or(all.len(), |certain| certain + 1);
    if let Some(answering) = all[..until].iter().find(|one| takes(one) && one.answers_preflights()) {
        return Some((answering.number, answering.rule, true));
    }
    let run = |one: &Candidate<'_>| {
        let path = match &one.found.path {
            PathMatch::Exact(path) | PathMatch::Prefix(path) => path.to_string(),
            PathMatch::Regex(_) => String::new(),
        };
        (one.hostname.clone(), path_class(one), path)
    };
    let until = certain.map_or(all.len(), |certain| {
        let last = run(&all[certain]);
        all.iter().rposition(|one| run(one) == last).map_or(all.len(), |last| last + 1)
    });
    let refusing = all[..until].iter().find(|one| one.answers_preflights()).map(|one| (one.number, one.rule, false));
    let taken = scan(routes, &Get { method: "OPTIONS", ..request.clone() });
    match taken {
        Some((number, rule, _)) if refusing.is_none() || answers(&routes[number as usize].route, rule) => {
            Some((number, rule, true))
        }
        _ => refusing,
    }
}

fn candidates(numbered: &Numbered) -> Vec<Candidate<'_>> {
    let Numbered { number, route } = numbered;
    let mut all = Vec::new();
    for hostname in &route.hostnames {
        for (rule, matches) in (0..).zip(route.rules.iter().map(|rule| &rule.matches)) {
            all.extend((0..).zip(matches).map(|(matched, found)| Candidate {
                number: *number,
                route,
                hostname,
                rule,
                matched,
                found,
            }));
        }
    }
    all
}

fn answers(route: &Route, rule: u16) -> bool {
    route.rules[usize::from(rule)].filters.iter().any(|filter| matches!(filter, Filter::Cors(_)))
}

impl Candidate<'_> {
    fn answers_preflights(&self) -> bool {
        answers(self.route, self.rule)
    }

    fn holds(&self, request: &Get) -> bool {
        let method = self.found.method.as_ref().is_none_or(|method| *method.0 == *request.method);
        let headers = self.found.headers.iter().all(|header| {
            let value = request.headers.iter().find(|(name, _)| *name == *header.name);
            value.is_some_and(|(_, value)| header.value.matches(value.as_bytes()))
        });
        self.place_holds(request) && method && headers && (self.route.kind == RouteKind::Http || request.grpc)
    }

    /// Whether host, path and query are as asked.
    fn place_holds(&self, request: &Get) -> bool {
        let host = match self.hostname {
            Hostname::Exact(name) => request.host == **name,
            Hostname::Wildcard(suffix) => request.host.len() > suffix.len() && request.host.ends_with(&**suffix),
            Hostname::Any => true,
        };
        let path = match &self.found.path {
            PathMatch::Exact(path) => request.path == **path,
            PathMatch::Prefix(prefix) => elements(&request.path).starts_with(&elements(prefix)),
            PathMatch::Regex(pattern) => pattern.is_match(request.path.as_bytes()),
        };
        let query = self.found.query.iter().all(|wanted| {
            let mut parameters =
                request.query.as_deref().unwrap_or("").split('&').filter_map(|one| one.split_once('='));
            let value = parameters.find(|(name, _)| **name == *wanted.name);
            value.is_some_and(|(_, value)| wanted.value.matches(value.as_bytes()))
        });
        host && path && query
    }

    fn goes_before(&self, other: &Self) -> bool {
        let age = |candidate: &Self| {
            let precedence = &candidate.route.precedence;
            (precedence.created, precedence.namespace.clone(), precedence.name.clone(), candidate.route.id.clone())
        };
        // Where more or longer is better, the other one stands first.
        let order = exact_chars(other.hostname)
            .cmp(&exact_chars(self.hostname))
            .then(chars(other.hostname).cmp(&chars(self.hostname)))
            .then_with(|| path_class(self).cmp(&path_class(other)))
            .then_with(|| path_chars(other.found).cmp(&path_chars(self.found)))
            .then(other.found.method.is_some().cmp(&self.found.method.is_some()))
            .then(other.found.headers.len().cmp(&self.found.headers.len()))
            .then(other.found.query.len().cmp(&self.found.query.len()))
            .then_with(|| age(self).cmp(&age(other)))
            .then((self.rule, self.matched).cmp(&(other.rule, other.matched)));
        order == Ordering::Less
    }
}

fn elements(path: &str) -> Vec<&str> {
    path.split('/').filter(|element| !element.is_empty()).collect()
}

fn exact_chars(hostname: &Hostname) -> usize {
    if let Hostname::Exact(name) = hostname { name.len() } else { 0 }
}

fn chars(hostname: &Hostname) -> usize {
    if let Hostname::Wildcard(suffix) = hostname { suffix.len() } else { 0 }
}

fn path_class(candidate: &Candidate<'_>) -> u8 {
    match (&candidate.found.path, candidate.route.kind) {
        (PathMatch::Exact(_), _) => 0,
        (PathMatch::Regex(_), RouteKind::Http) => 1,
        (PathMatch::Prefix(path), _) if **path != *"/" => 2,
        (PathMatch::Regex(_), RouteKind::Grpc) => 3,
        (PathMatch::Prefix(_), _) => 4,
    }
}

fn path_chars(found: &Match) -> usize {
    match &found.path {
        PathMatch::Exact(text) | PathMatch::Prefix(text) => text.len(),
        PathMatch::Regex(pattern) => pattern.as_str().len(),
    }
}

fn cors() -> Cors {
    Cors {
        allow_origins: vec!["*".into()],
        allow_credentials: false,
        allow_methods: Vec::new(),
        allow_headers: Vec::new(),
        expose_headers: Vec::new(),
        max_age: Duration::from_secs(5),
    }
}

const HOSTS: [&str; 6] = ["a.b.c", "x.b.c", "b.c", "a.a.b.c", "c", "other"];
const HOSTNAMES: [&str; 7] = ["", "a.b.c", "x.b.c", "b.c", "*.b.c", "*.c", "*.a.b.c"];
const LISTENERS: [&str; 4] = ["", "*.c", "*.b.c", "a.b.c"];
const PATHS: [&str; 9] = ["/", "/a", "/a/", "/a/b", "/ab", "/b", "/a/b/c", "/a/b/", "/b/a"];
const PREFIXES: [&str; 6] = ["/", "/a", "/a/b", "/b", "/a/b/c", "/ab"];
const PATTERNS: [&str; 8] = ["/a.*", "/[ab]", "/[^/]+/b", ".*", "/b/.", "/a/.*|/b", "/a/b/.*", "/a/b(/.*)?"];
const METHODS: [&str; 2] = ["GET", "POST"];
const NAMES: [&str; 3] = ["h", "i", "j"];
const VALUES: [&str; 2] = ["1", "2"];

fn any_path() -> BoxedStrategy<PathMatch> {
    prop_oneof![
        3 => select(&PATHS).prop_map(|path| PathMatch::Exact(path.into())),
        4 => select(&PREFIXES).prop_map(|path| PathMatch::Prefix(path.into())),
        2 => any_pattern(),
    ]
    .boxed()
}

fn any_pattern() -> impl Strategy<Value = PathMatch> {
    select(&PATTERNS).prop_map(|pattern| PathMatch::Regex(Pattern::new(pattern).unwrap()))
}

/// Paths of which many matches share one.
fn crowded_path() -> BoxedStrategy<PathMatch> {
    prop_oneof![1 => Just(PathMatch::Prefix("/".into())), 1 => any_pattern()].boxed()
}

fn any_match(path: BoxedStrategy<PathMatch>) -> impl Strategy<Value = Match> {
    let values = || prop::collection::btree_map(select(&NAMES), select(&VALUES), 0..3);
    (path, prop::option::weighted(0.3, select(&METHODS)), values(), values()).prop_map(
        |(path, method, headers, query)| {
            let mut found = matching(path);
            found.method = method.map(|method| MethodMatch(method.into()));
            found = headers.into_iter().fold(found, |found, (name, value)| found.header(name, value));
            query.into_iter().fold(found, |found, (name, value)| found.query(name, value))
        },
    )
}

/// Ages repeat, names do not.
fn any_routes(path: BoxedStrategy<PathMatch>, matches_max: usize) -> impl Strategy<Value = Vec<Arc<Numbered>>> {
    let matches = prop::collection::vec(any_match(path), 1..=matches_max);
    let rules = prop::collection::vec((matches, prop::bool::weighted(0.3)), 1..4);
    let kind = prop_oneof![4 => Just(RouteKind::Http), 1 => Just(RouteKind::Grpc)];
    let route = (kind, 0u64..3, prop::sample::subsequence(HOSTNAMES.to_vec(), 1..3), rules);
    prop::collection::vec(route, 0..8).prop_map(|routes| {
        let named = (0..).zip(routes).map(|(number, (kind, created, hostnames, rules))| {
            let (rules, shared): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
            let mut route = route_of(kind, &format!("r{number}"), created, &hostnames, rules);
            // A GRPCRoute has no such filter.
            for (rule, _) in route.rules.iter_mut().zip(shared).filter(|(_, shared)| *shared && kind == RouteKind::Http)
            {
                rule.filters.push(Filter::Cors(Box::new(cors())));
            }
            Arc::new(Numbered { number, route: Arc::new(route) })
        });
        named.collect()
    })
}

fn any_request() -> impl Strategy<Value = Get> {
    let values = || prop::collection::btree_map(select(&NAMES), select(&VALUES), 0..3);
    (select(&HOSTS), select(&PATHS), select(&METHODS), values(), values(), any::<bool>()).prop_map(
        |(host, path, method, headers, query, grpc)| {
            let query: Vec<_> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            let mut request = Get::new(host, path).method(method);
            request.grpc = grpc;
            request.query = (!query.is_empty()).then(|| query.join("&"));
            headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_table_finds_what_a_linear_scan_finds(
        routes in prop_oneof![any_routes(any_path(), 3), any_routes(crowded_path(), 12)],
        requests in prop::collection::vec(any_request(), 1..12),
        listener in select(&LISTENERS),
    ) {
        let listener = Hostname::parse(Some(listener));
        let table = RouteTable::build(&listener, routes.clone());
        // A listener sees no request for a host that it does not mean.
        for request in requests.iter().filter(|request| listener.matches(&request.host)) {
            prop_assert_eq!(found(&table, request), scan(&routes, request), "{:?}", request);
        }
    }

    #[test]
    fn a_preflight_is_for_the_rule_of_the_request_that_it_announces(
        routes in prop_oneof![any_routes(any_path(), 3), any_routes(crowded_path(), 12)],
        requests in prop::collection::vec((any_request(), select(&METHODS)), 1..12),
    ) {
        let table = RouteTable::build(&Hostname::Any, routes.clone());
        for (mut request, method) in requests {
            request.method = "OPTIONS";
            request.headers.push(("access-control-request-method".into(), method.into()));
            let found = table.find_preflight(&request).map(|found| match found {
                Preflight::Taken(hit) => (hit.route.number, hit.rule, true),
                Preflight::Refused(hit) => (hit.route.number, hit.rule, false),
            });
            prop_assert_eq!(found, scan_preflight(&routes, &request, method), "{:?} for {}", request, method);
        }
    }

    #[test]
    fn the_order_of_routes_changes_nothing(
        (routes, shuffled) in any_routes(any_path(), 3).prop_flat_map(|routes| (Just(routes.clone()), Just(routes).prop_shuffle())),
        requests in prop::collection::vec(any_request(), 1..12),
    ) {
        let (one, other) = (RouteTable::build(&Hostname::Any, routes), RouteTable::build(&Hostname::Any, shuffled));
        for request in &requests {
            prop_assert_eq!(found(&one, request), found(&other, request), "{:?}", request);
        }
    }

    #[test]
    fn an_updated_table_finds_what_one_from_scratch_finds(
        routes in prop_oneof![any_routes(any_path(), 3), any_routes(crowded_path(), 12)],
        steps in prop::collection::vec(prop::collection::vec(any::<bool>(), 8), 1..5),
        requests in prop::collection::vec(any_request(), 1..12),
        listener in select(&LISTENERS),
    ) {
        let listener = Hostname::parse(Some(listener));
        let mut table = RouteTable::build(&listener, []);
        let mut present: Vec<Arc<Numbered>> = Vec::new();
        for wanted in steps {
            let of = |wanted| move |(numbered, want): (&Arc<Numbered>, &bool)| (*want == wanted).then(|| Arc::clone(numbered));
            let next: Vec<_> = routes.iter().zip(&wanted).filter_map(of(true)).collect();
            let removed: Vec<_> = present.iter().filter(|have| !next.contains(have)).cloned().collect();
            let added: Vec<_> = next.iter().filter(|want| !present.contains(want)).cloned().collect();
            table = table.updated(&removed, added);
            present = next;
            let scratch = RouteTable::build(&listener, present.clone());
            for request in &requests {
                prop_assert_eq!(found(&table, request), found(&scratch, request), "{:?}", request);
            }
        }
    }
}

fn found(table: &RouteTable<Numbered>, request: &Get) -> Option<(u32, u16, u16)> {
    table.find(request).map(|hit| (hit.route.number, hit.rule, hit.matched))
}
