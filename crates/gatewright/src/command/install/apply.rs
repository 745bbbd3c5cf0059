//! Manifests onto an API server, by server-side apply.

use std::process::ExitCode;

use anyhow::{Context, bail};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    core::{DynamicObject, GroupVersionKind},
    discovery,
};
use serde_json::Value;

use crate::output;

/// Who applies, as managed fields name it.
const FIELD_MANAGER: &str = "gatewright-install";

/// How often a kind is looked for whose CRD was applied just now, and how long apart: five seconds in all.
const TRIES: u32 = 25;
const BETWEEN: std::time::Duration = std::time::Duration::from_millis(200);

/// Applies them in their order, and says what became of each.
pub(super) fn apply(manifests: &[Value]) -> anyhow::Result<ExitCode> {
    // Somebody else may have set it: the first one counts.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::try_default().await.context("cannot find the API server")?;
        for manifest in manifests {
            one(&client, manifest).await?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn one(client: &Client, manifest: &Value) -> anyhow::Result<()> {
    let text = |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, name, namespace) = (text("/kind"), text("/metadata/name"), text("/metadata/namespace"));
    let object = format!("{kind} {namespace}{}{name}", if namespace.is_empty() { "" } else { "/" });
    let (group, version) = text("/apiVersion").split_once('/').unwrap_or(("", text("/apiVersion")));
    let resource = find(client, &GroupVersionKind::gvk(group, version, kind)).await?;
    let api: Api<DynamicObject> = match namespace {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    let how = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(name, &how, &Patch::Apply(manifest)).await.with_context(|| format!("cannot apply {object}"))?;
    output::news(&format!("applied {object}"));
    Ok(())
}

/// Finds how the API server names a kind.
async fn find(client: &Client, kind: &GroupVersionKind) -> anyhow::Result<kube::core::ApiResource> {
    for _ in 0..TRIES {
        match discovery::pinned_kind(client, kind).await {
            Ok((resource, _)) => return Ok(resource),
            Err(kube::Error::Api(status)) if status.code != 404 => {
                return Err(kube::Error::Api(status)).context("the API server does not answer");
            }
            // A CRD is established some moments after it was applied.
            Err(kube::Error::Api(_) | kube::Error::Discovery(_)) => tokio::time::sleep(BETWEEN).await,
            Err(error) => return Err(error).context("the API server does not answer"),
        }
    }
    match kind.group.as_str() {
        "gateway.networking.k8s.io" => {
            bail!("the API server has no {}: apply the CRDs of the Gateway API first", kind.kind)
        }
        _ => bail!("the API server has no {} of {}", kind.kind, kind.api_version()),
    }
}
