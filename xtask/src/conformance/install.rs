//! Gatewright in a cluster, put there by its own command, and what it says there.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::CLASS;
use crate::cluster::{Cluster, image, quietly};

const NAMESPACE: &str = "gatewright-system";
/// How long the controllers may take to accept their class.
const PATIENCE: Duration = Duration::from_secs(60);

/// Installs Gatewright, and returns when it has accepted its class.
pub(super) fn run(cluster: &Cluster, binary: &Path) -> Result<()> {
    let mut install = cluster.inside(binary);
    // The suite makes its Secrets in namespaces of its own, which are not there yet.
    install.args(["install", "--apply", "--secrets-cluster-wide", "--image", image::GATEWRIGHT]);
    install.env("KUBECONFIG", cluster.kubeconfig("admin"));
    quietly(&mut install)?;
    // The image of a cluster that was there already may be another one of the same name.
    let controllers = ["--namespace", NAMESPACE, "rollout"];
    quietly(cluster.kubectl()?.args(controllers).args(["restart", "deployment"]))?;
    quietly(cluster.kubectl()?.args(controllers).args(["status", "deployment", "--timeout=120s"]))?;
    let start = Instant::now();
    while features(cluster)?.is_empty() {
        if start.elapsed() > PATIENCE {
            bail!("nobody says what GatewayClass {CLASS} supports after {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Returns the features that the class claims, with commas between them.
pub(super) fn features(cluster: &Cluster) -> Result<String> {
    let mut get = cluster.kubectl()?;
    get.args(["get", "gatewayclass", CLASS, "--output", "jsonpath={.status.supportedFeatures[*].name}"]);
    Ok(quietly(&mut get)?.split_ascii_whitespace().collect::<Vec<_>>().join(","))
}

/// Writes down what the controllers have logged, and every object that is still there.
pub(super) fn keep_logs(cluster: &Cluster, folder: &Path) -> Result<()> {
    let mut logs = cluster.kubectl()?;
    logs.args(["--namespace", NAMESPACE, "logs", "--selector", "app.kubernetes.io/name=gatewright"]);
    logs.args(["--tail=-1", "--prefix"]);
    fs::write(folder.join("controllers.log"), logs.output()?.stdout)?;
    let mut objects = cluster.kubectl()?;
    objects.args(["get", "gateways,httproutes,grpcroutes,services,pods", "--all-namespaces", "--output=wide"]);
    fs::write(folder.join("objects.txt"), objects.output()?.stdout)?;
    Ok(())
}
