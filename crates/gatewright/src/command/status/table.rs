//! What `kubectl get` would show of each kind, one table after another.

use serde_json::Value;

use crate::report::StatusReport;

/// Returns the tables of all kinds that have objects.
pub(super) fn write(report: &StatusReport) -> String {
    let mut text = String::new();
    let mut rest = report.objects.as_slice();
    while let Some(first) = rest.first() {
        let kind = &first["kind"];
        let end = rest.iter().position(|object| object["kind"] != *kind).unwrap_or(rest.len());
        let columns = columns(kind.as_str().unwrap_or_default());
        let mut rows = vec![columns.iter().map(|column| column.0.to_owned()).collect::<Vec<_>>()];
        rows.extend(rest[..end].iter().map(|object| columns.iter().map(|column| (column.1)(object)).collect()));
        if !text.is_empty() {
            text.push('\n');
        }
        text += &aligned(&rows);
        rest = &rest[end..];
    }
    text
}

/// Lays rows out so that each column begins at one place.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let widths: Vec<_> =
        (0..count).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text += cells.collect::<Vec<_>>().join("   ").trim_end();
        text.push('\n');
    }
    text
}

type Column = (&'static str, fn(&Value) -> String);

/// The printer columns of the CRDs, with the conditions that say whether a route works.
fn columns(kind: &str) -> Vec<Column> {
    const NAMESPACE: Column = ("NAMESPACE", |object| text(&object["metadata"]["namespace"]));
    const ACCEPTED: Column = ("ACCEPTED", |object| condition(object, "Accepted"));
    const PROGRAMMED: Column = ("PROGRAMMED", |object| condition(object, "Programmed"));
    const RESOLVED: Column = ("RESOLVEDREFS", |object| condition(object, "ResolvedRefs"));
    const HOSTNAMES: Column = ("HOSTNAMES", |object| list(&object["spec"]["hostnames"]));
    let name: Column = match kind {
        "GatewayClass" => ("GATEWAYCLASS", name),
        "Gateway" => ("GATEWAY", name),
        "ListenerSet" => ("LISTENERSET", name),
        "HTTPRoute" => ("HTTPROUTE", name),
        "GRPCRoute" => ("GRPCROUTE", name),
        "TLSRoute" => ("TLSROUTE", name),
        "TCPRoute" => ("TCPROUTE", name),
        "UDPRoute" => ("UDPROUTE", name),
        "BackendTLSPolicy" => ("BACKENDTLSPOLICY", name),
        "XBackend" => ("XBACKEND", name),
        "XBackendTrafficPolicy" => ("XBACKENDTRAFFICPOLICY", name),
        _ => ("NAME", name),
    };
    match kind {
        "GatewayClass" => vec![name, ("CONTROLLER", |object| text(&object["spec"]["controllerName"])), ACCEPTED],
        "Gateway" => vec![
            NAMESPACE,
            name,
            ("CLASS", |object| text(&object["spec"]["gatewayClassName"])),
            ("ADDRESS", addresses),
            ACCEPTED,
            PROGRAMMED,
            ("ROUTES", attached_routes),
        ],
        "ListenerSet" => vec![NAMESPACE, name, ACCEPTED, PROGRAMMED, ("ROUTES", attached_routes)],
        "HTTPRoute" | "GRPCRoute" | "TLSRoute" => vec![NAMESPACE, name, HOSTNAMES, ACCEPTED, RESOLVED],
        "TCPRoute" | "UDPRoute" | "BackendTLSPolicy" | "XTelemetryPolicy" => vec![NAMESPACE, name, ACCEPTED, RESOLVED],
        _ => vec![NAMESPACE, name, ACCEPTED],
    }
}

fn name(object: &Value) -> String {
    text(&object["metadata"]["name"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> String {
    let items: Vec<_> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if items.is_empty() { "*".into() } else { items.join(",") }
}

fn addresses(object: &Value) -> String {
    let addresses = object["status"]["addresses"].as_array().into_iter().flatten();
    addresses.map(|address| text(&address["value"])).collect::<Vec<_>>().join(",")
}

fn attached_routes(object: &Value) -> String {
    let listeners = object["status"]["listeners"].as_array().into_iter().flatten();
    listeners.filter_map(|listener| listener["attachedRoutes"].as_u64()).sum::<u64>().to_string()
}

/// Returns a condition of the object, or of all its parents together: True when it is so everywhere, else what is amiss.
fn condition(object: &Value, r#type: &str) -> String {
    let status = &object["status"];
    let mut shown = None;
    for conditions in super::conditions_of(status) {
        for condition in conditions.as_array().into_iter().flatten().filter(|condition| condition["type"] == *r#type) {
            let (status, reason) = (text(&condition["status"]), text(&condition["reason"]));
            if status != "True" {
                return format!("{status} ({reason})");
            }
            shown = Some(status);
        }
    }
    shown.unwrap_or_else(|| "-".into())
}
