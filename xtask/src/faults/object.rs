//! Objects of the few kinds that faults touch, as JSON, through the API server.

use anyhow::{Context, Result};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::Value;

/// Whose fields server-side apply takes ours for.
const MANAGER: &str = "gatewright-faults";

/// Returns the resource of a kind; those used here have regular plurals.
fn resource(api_version: &str, kind: &str) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let lower = kind.to_ascii_lowercase();
    let plural = match lower.strip_suffix('y') {
        Some(stem) if !stem.ends_with('a') => format!("{stem}ies"),
        _ if lower.ends_with("ss") => format!("{lower}es"),
        _ if lower.ends_with('s') => lower,
        _ => format!("{lower}s"),
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), &plural)
}

/// The objects of one kind, in a namespace or, where that is empty, in the cluster.
pub(super) fn api(client: &Client, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let resource = resource(api_version, kind);
    match namespace {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    }
}

fn api_of(client: &Client, object: &Value) -> Api<DynamicObject> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    api(client, text("/apiVersion"), text("/kind"), text("/metadata/namespace"))
}

/// Brings an object about, whatever is there.
pub(super) async fn apply(client: &Client, object: &Value) -> Result<DynamicObject> {
    let name = object["metadata"]["name"].as_str().context("an object has a name")?;
    let parameters = PatchParams::apply(MANAGER).force();
    let applied = api_of(client, object).patch(name, &parameters, &Patch::Apply(object)).await;
    applied.with_context(|| format!("cannot apply {} {name}", object["kind"]))
}

/// Deletes an object that may be gone already.
pub(super) async fn delete(client: &Client, object: &Value) -> Result<()> {
    let name = object["metadata"]["name"].as_str().context("an object has a name")?;
    match api_of(client, object).delete(name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("cannot delete {} {name}", object["kind"])),
    }
}

/// Whether a condition of a status says True.
pub(super) fn is_true(object: &DynamicObject, condition: &str) -> bool {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    conditions.is_some_and(|list| list.iter().any(|one| one["type"] == condition && one["status"] == "True"))
}
