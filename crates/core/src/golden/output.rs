//! The second document of a case: an outcome as people review it.
//!
//! A condition is one line, `Type: Status Reason, message`; an empty list is left out.

use serde_json::{Map, Value, json};

use super::input::Asked;
use crate::{
    Outcome,
    api::{gateway::ListenerStatus, meta::Condition},
    filter::cors::Cors,
    infrastructure::{Infrastructure, ServicePort},
    plan::{Plan, Preflight, Request, RouteTable},
    status::Status,
    verdict::{Mend, Severity, Verdict},
};

pub(super) fn render(outcome: &Outcome, requests: &[Asked]) -> Value {
    let mut output = Map::new();
    let statuses = outcome.statuses.iter().map(|(object, value)| (object.to_string(), status(value)));
    output.insert("statuses".into(), Value::Object(statuses.collect()));
    if !outcome.findings.is_empty() {
        output.insert("findings".into(), outcome.findings.iter().map(finding).collect());
    }
    let plans = outcome.plans.iter().map(|(data_plane, plan)| (data_plane.to_string(), plan_value(plan)));
    output.insert("plans".into(), Value::Object(plans.collect()));
    if !outcome.infrastructure.is_empty() {
        let infrastructure = outcome.infrastructure.iter().map(|(plane, it)| (plane.to_string(), provisioned(it)));
        output.insert("infrastructure".into(), Value::Object(infrastructure.collect()));
    }
    if !requests.is_empty() {
        output.insert("requests".into(), requests.iter().map(|request| hits(outcome, request)).collect());
    }
    Value::Object(output)
}

fn status(status: &Status) -> Value {
    match status {
        Status::GatewayClass(status) => conditions(&status.conditions),
        Status::Gateway(status) => {
            let mut listeners = listeners(&status.listeners);
            drop_empty(&mut listeners, is_empty);
            let mut value = json!({
                "conditions": conditions(&status.conditions),
                "addresses": status.addresses,
                "attachedListenerSets": status.attached_listener_sets,
                "listeners": listeners,
            });
            // An empty routability is said.
            drop_empty(&mut value, is_empty_but_text);
            value
        }
        Status::ListenerSet(status) => {
            let mut value =
                json!({"conditions": conditions(&status.conditions), "listeners": listeners(&status.listeners)});
            drop_empty(&mut value, is_empty);
            value
        }
        Status::Route(status) => status
            .parents
            .iter()
            .map(|parent| {
                json!({
                    "parentRef": parent.parent_ref,
                    "controllerName": parent.controller_name,
                    "conditions": conditions(&parent.conditions),
                })
            })
            .collect(),
        Status::Policy(status) => status
            .ancestors
            .iter()
            .map(|ancestor| {
                json!({
                    "ancestorRef": ancestor.ancestor_ref,
                    "controllerName": ancestor.controller_name,
                    "conditions": conditions(&ancestor.conditions),
                })
            })
            .collect(),
    }
}

fn listeners(listeners: &[ListenerStatus]) -> Value {
    let listener = |listener: &ListenerStatus| {
        let kinds: Vec<&str> = listener.supported_kinds.iter().map(|kind| kind.kind.as_str()).collect();
        let value = json!({
            "supportedKinds": kinds.join(", "),
            "attachedRoutes": listener.attached_routes,
            "conditions": conditions(&listener.conditions),
        });
        (listener.name.clone(), value)
    };
    Value::Object(listeners.iter().map(listener).collect())
}

fn conditions(conditions: &[Condition]) -> Value {
    let line = |condition: &Condition| {
        let generation = match condition.observed_generation {
            0 => String::new(),
            generation => format!(" @{generation}"),
        };
        let message = if condition.message.is_empty() { String::new() } else { format!(", {}", condition.message) };
        (
            condition.r#type.clone(),
            Value::String(format!("{} {}{generation}{message}", condition.status, condition.reason)),
        )
    };
    Value::Object(conditions.iter().map(line).collect())
}

fn finding(verdict: &Verdict) -> Value {
    let field = if verdict.field.is_empty() { String::new() } else { format!(" {}", verdict.field) };
    let severity = match verdict.severity {
        Severity::Warning => "warning: ",
        Severity::Error => "",
    };
    let text = format!("{severity}{}{field}: {}", verdict.object, verdict.message);
    match &verdict.mend {
        None => Value::String(text),
        Some(Mend::Manifest(manifest)) => json!({"finding": text, "mend": manifest}),
    }
}

fn plan_value(plan: &Plan) -> Value {
    let mut value = serde_json::to_value(plan).unwrap();
    drop_empty(&mut value, is_empty_but_text);
    value
}

/// Parameters are shown as whether there are any: their reading has tests of its own.
fn provisioned(infrastructure: &Infrastructure) -> Value {
    let port = |port: &ServicePort| format!("{}/{:?}", port.port, port.transport);
    let mut value = json!({
        "name": infrastructure.name,
        "serviceAccount": infrastructure.service_account,
        "namespace": infrastructure.namespace,
        "owner": infrastructure.owner.to_string(),
        "gateways": infrastructure.gateways.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        "ports": infrastructure.ports.iter().map(port).collect::<Vec<_>>().join(", "),
        "labels": infrastructure.labels,
        "annotations": infrastructure.annotations,
        "addresses": infrastructure.addresses.join(", "),
        "clusterAddresses": infrastructure.cluster_addresses.join(", "),
        "confined": infrastructure.confined.then_some("to the cluster"),
        "held": infrastructure.parameters.is_none().then_some("as it is"),
    });
    drop_empty(&mut value, is_empty);
    value
}

fn hits(outcome: &Outcome, request: &Asked) -> Value {
    let hit = |plan: &Plan| {
        let Some(listener) = plan.ports.get(&request.port()).and_then(|port| port.select(request.host())) else {
            return "no listener".to_owned();
        };
        let routes = listener.routes.iter().filter_map(|id| plan.routes.get(id)).cloned();
        let table = RouteTable::build(&listener.hostname, routes);
        let (hit, how) = match Cors::is_preflight(request).then(|| table.find_preflight(request)) {
            None => (table.find(request), ""),
            Some(None) => (None, ""),
            Some(Some(Preflight::Taken(hit))) => (Some(hit), ""),
            Some(Some(Preflight::Refused(hit))) => (Some(hit), " refuses it"),
        };
        match hit {
            None => format!("{}: no rule", listener.id),
            Some(hit) => format!("{}: {} rule {}{how}", listener.id, hit.route.id, hit.rule),
        }
    };
    let hits: Vec<String> = outcome.plans.values().map(|plan| hit(plan)).collect();
    json!({"request": request.request, "hits": hits.join("; ")})
}

/// Takes out what says nothing.
fn drop_empty(value: &mut Value, says_nothing: fn(&Value) -> bool) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(|value| drop_empty(value, says_nothing));
            map.retain(|_, value| !says_nothing(value));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| drop_empty(value, says_nothing)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_str() == Some("") || is_empty_but_text(value)
}

/// In a Plan, an empty text says something: it may be what takes a prefix's place.
fn is_empty_but_text(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
