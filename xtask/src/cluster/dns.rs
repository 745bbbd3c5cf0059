//! Names inside the cluster: CoreDNS, as a Deployment behind the address that the kubelet tells all pods.

use std::fs;

use anyhow::Result;

use super::{Cluster, config, image::Image, program, quietly};

const IMAGE: &str = "registry.k8s.io/coredns/coredns:v1.15.0";

/// Starts CoreDNS, and returns when it answers.
pub(crate) fn up(cluster: &Cluster) -> Result<()> {
    Image::of_program(&program::find("coredns")?).load(cluster, &[IMAGE])?;
    let manifest = cluster.folder().join("dns.yaml");
    fs::write(&manifest, config::dns(IMAGE))?;
    quietly(cluster.kubectl()?.args(["apply", "--server-side", "--filename"]).arg(manifest))?;
    let mut rollout = cluster.kubectl()?;
    rollout.args(["--namespace", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=60s"]);
    quietly(&mut rollout).map(|_| ())
}
