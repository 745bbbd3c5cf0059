//! Matches that no request can ever reach, because the same match stands before them.
//!
//! The more specific of two matches goes first, so that one can only take all requests of another that asks for exactly
//! the same. Which of two equals goes first is decided by the routes' age and name, which nobody sees in a manifest.

use std::collections::{BTreeMap, HashMap};

use crate::{
    field::Field,
    plan::{Hostname, Listener, Match, PathMatch, Plan, Precedence, Route, RouteId, RouteKind, StringMatch},
    verdict::Verdict,
    world::{Kind, ObjectKey, ObjectRef, World},
};

/// What decides whether two matches are the same, in one text each.
type Asked<'a> = (RouteKind, &'a Hostname, String);
/// A route, and the place of a match in it.
type Place<'a> = (&'a RouteId, u16, u16);

/// Of one match.
#[derive(Default)]
struct Fate<'a> {
    /// Hostnames under which it is reached, on whichever listener.
    reached: usize,
    /// The hostnames under which it is not, and whose match is.
    shadowed: BTreeMap<&'a Hostname, Place<'a>>,
}

/// Reports the matches of `plan` that serve no request, or none for some of their hostnames.
pub fn find(world: &World, plan: &Plan) -> Vec<Verdict> {
    let mut fates: BTreeMap<Place<'_>, Fate<'_>> = BTreeMap::new();
    for listener in plan.ports.values().flat_map(|port| &port.listeners) {
        judge(plan, listener, &mut fates);
    }
    let verdict = |(place, fate): (&Place<'_>, &Fate<'_>)| {
        let (hostname, winner) = fate.shadowed.first_key_value()?;
        let (object, field) = named(world, plan, *place)?;
        let (other, other_field) = named(world, plan, *winner)?;
        let whose = if other == object { other_field } else { format!("{other} {other_field}") };
        let why = if other == object { "stands before it" } else { "goes first, being older or first by name" };
        let message = if fate.reached > 0 {
            format!("it serves no request for host {hostname}: {whose} is the same match, and {why}")
        } else {
            format!("it serves no request at all: {whose} is the same match, and {why}")
        };
        Some(Verdict::warning(&object, field, message))
    };
    fates.iter().filter_map(verdict).collect()
}

fn judge<'a>(plan: &'a Plan, listener: &'a Listener, fates: &mut BTreeMap<Place<'a>, Fate<'a>>) {
    let mut routes: Vec<&Route> = listener.routes.iter().filter_map(|id| Some(&**plan.routes.get(id)?)).collect();
    // In the order of `plan::precedence`, where all else is equal.
    routes.sort_by_key(|route: &&Route| -> (&Precedence, &RouteId) { (&route.precedence, &route.id) });
    let mut first: HashMap<Asked<'_>, Place<'_>> = HashMap::new();
    for route in routes {
        for hostname in route.hostnames.iter().filter(|hostname| hostname.intersects(&listener.hostname)) {
            for (rule, of) in (0..).zip(&route.rules) {
                for (matched, found) in (0..).zip(&of.matches) {
                    let place = (&route.id, rule, matched);
                    let winner = *first.entry((route.kind, hostname, asked(found))).or_insert(place);
                    let fate = fates.entry(place).or_default();
                    if winner == place {
                        fate.reached += 1;
                    } else {
                        fate.shadowed.insert(hostname, winner);
                    }
                }
            }
        }
    }
}

/// Everything that a match asks for; the order of headers and parameters means nothing.
fn asked(found: &Match) -> String {
    let value = |value: &StringMatch| match value {
        StringMatch::Exact(text) => format!("={text:?}"),
        StringMatch::Regex(pattern) => format!("~{:?}", pattern.as_str()),
    };
    let path = match &found.path {
        PathMatch::Exact(path) => format!("={path:?}"),
        PathMatch::Prefix(path) => format!("^{path:?}"),
        PathMatch::Regex(pattern) => format!("~{:?}", pattern.as_str()),
    };
    let mut headers: Vec<String> =
        found.headers.iter().map(|header| format!("{:?}{}", header.name, value(&header.value))).collect();
    let mut query: Vec<String> =
        found.query.iter().map(|query| format!("{:?}{}", query.name, value(&query.value))).collect();
    headers.sort();
    query.sort();
    format!("{path} {:?} {headers:?} {query:?}", found.method)
}

/// Names the route and the field of a match. Of a route some of whose rules are not in the Plan, the field is not known.
fn named(world: &World, plan: &Plan, (id, rule, matched): Place<'_>) -> Option<(ObjectRef, String)> {
    let route = plan.routes.get(id)?;
    let key = ObjectKey::new(&*route.precedence.namespace, &*route.precedence.name);
    let (rule, matched) = (usize::from(rule), usize::from(matched));
    let (kind, written) = match route.kind {
        RouteKind::Http => {
            let rules = &world.http_routes.get(&key)?.spec.rules;
            (Kind::HttpRoute, rules.iter().map(|rule| rule.matches.len()).collect::<Vec<_>>())
        }
        RouteKind::Grpc => {
            let rules = &world.grpc_routes.get(&key)?.spec.rules;
            (Kind::GrpcRoute, rules.iter().map(|rule| rule.matches.len()).collect())
        }
    };
    let rules = Field::root("spec.rules");
    let field = if written.len() != route.rules.len() {
        rules.to_string()
    } else if matched < written[rule] {
        rules.index(rule).name("matches").index(matched).to_string()
    } else {
        rules.index(rule).to_string()
    };
    Some((ObjectRef { kind, key }, field))
}

#[cfg(test)]
mod tests;
