//! `gatewright install`: the controller's own manifests, shown or applied.
//!
//! The manifests are written once, in [`manifest`]; the Helm chart in `deploy/chart` is made of the same ones.

mod apply;
#[cfg(test)]
mod chart;
mod manifest;

use std::process::ExitCode;

use serde_json::Value;

use super::yaml;
use crate::output;
use manifest::{Secrets, Values};

/// Install the controller into a Kubernetes cluster
///
/// Applies what `deploy/chart` would: two controllers, what they may do, the CRD of GatewayParameters and a GatewayClass.
/// The CRDs of the Gateway API are there already, or are applied by you.
///
/// What was installed before is changed to what is asked for now; nothing that is left out is taken away.
#[derive(Clone, Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("how").required(true).args(["dry_run", "apply"])))]
pub(crate) struct Args {
    /// Print the manifests instead
    #[arg(long)]
    dry_run: bool,

    /// Apply them with the credentials that kubectl would use
    #[arg(long)]
    apply: bool,

    /// Namespace of the controller
    #[arg(long, value_name = "NAME", default_value = "gatewright-system")]
    namespace: String,

    /// Image of the controller and, unless GatewayParameters say otherwise, of the proxies
    #[arg(long, value_name = "IMAGE", default_value_t = manifest::default_image())]
    image: String,

    /// How many controllers there are; one of them leads
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    replicas: u16,

    /// Name of a controller whose GatewayClasses are served; may be given several times
    #[arg(long = "controller-name", value_name = "NAME", default_value = manifest::CONTROLLER_NAME)]
    controller_names: Vec<String>,

    /// Name of the GatewayClass that is made, or `none`
    #[arg(long, value_name = "NAME", default_value = "gatewright")]
    gateway_class: String,

    /// A namespace whose Secrets the controller may read, for certificates; may be given several times
    #[arg(long = "secrets-namespace", value_name = "NAME", conflicts_with = "secrets_cluster_wide")]
    secrets_namespaces: Vec<String>,

    /// Let the controller read the Secrets of all namespaces
    #[arg(long)]
    secrets_cluster_wide: bool,

    /// Install the CRD of EnvoyProxy, too, for manifests that name it in a cluster without Envoy Gateway
    #[arg(long)]
    envoy_proxy_crd: bool,

    /// What the controller logs: error, warn, info, debug, trace, or a filter such as gatewright_controller=debug
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log_level: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let manifests = manifests(args);
    if args.apply {
        return apply::apply(&manifests);
    }
    output::text(&text(&manifests));
    Ok(ExitCode::SUCCESS)
}

/// Every object, in the order in which they can be applied.
fn manifests(args: &Args) -> Vec<Value> {
    let secrets = match args.secrets_cluster_wide {
        true => Secrets::ClusterWide,
        false => Secrets::Namespaces(args.secrets_namespaces.clone()),
    };
    let controller_names = args.controller_names.iter().map(|name| format!("--controller-name={name}")).collect();
    let values = Values {
        namespace: args.namespace.clone(),
        image: args.image.clone(),
        pull_policy: "IfNotPresent".into(),
        replicas: args.replicas.into(),
        controller_names,
        controller_name: args.controller_names.first().cloned().unwrap_or_default(),
        gateway_class: args.gateway_class.clone(),
        log_level: args.log_level.clone(),
    };
    let mut manifests = vec![manifest::namespace(&values), manifest::crd::gateway_parameters()];
    manifests.extend(args.envoy_proxy_crd.then(manifest::crd::envoy_proxy));
    manifests.extend(manifest::always(&values));
    manifests.extend(manifest::rbac::secrets(&values, &secrets));
    manifests.extend((args.gateway_class != "none").then(|| manifest::gateway_class(&values)));
    manifests
}

fn text(manifests: &[Value]) -> String {
    let mut text = String::new();
    for manifest in manifests {
        text += "---\n";
        yaml::write(&mut text, manifest);
    }
    text
}

#[cfg(test)]
mod tests;
