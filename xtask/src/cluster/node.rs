//! The node: its network namespace, and its programs in the order in which they need each other.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{Cluster, config, daemon, image::Image, pki, program, quietly};

/// In the order in which they are ended: what would start others again goes first.
pub(super) const PROGRAMS: [&str; 8] =
    ["kubelet", "addresses", "proxy", "scheduler", "controllers", "containerd", "apiserver", "etcd"];
/// How long the node may take to become ready; ten seconds on two idle cores.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(100);

/// Starts the node, and returns when it takes pods.
pub(crate) fn up(cluster: &Cluster) -> Result<()> {
    let folder = cluster.folder();
    for name in ["cni", "kubelet", "containerd"] {
        fs::create_dir_all(folder.join(name))?;
    }
    make_network(cluster)?;
    pki::write(folder)?;
    fs::write(folder.join("cni/pods.conflist"), config::network(folder, &cluster.namespace()))?;
    let runc = program::find("runc")?;
    fs::write(folder.join("containerd.toml"), config::containerd(folder, &program::folder("cni")?, &runc))?;
    fs::write(folder.join("kubelet.yaml"), config::kubelet(folder))?;
    fs::write(folder.join("proxy.yaml"), config::proxy(folder))?;

    let start = |name| daemon::start(folder, name, &command(cluster, name)?);
    for name in ["etcd", "apiserver", "containerd"] {
        start(name)?;
    }
    wait(cluster, "containerd", || folder.join("containerd.sock").exists())?;
    load_images(cluster)?;
    wait(cluster, "apiserver", || kubectl(cluster, &["get", "--raw", "/readyz"]).is_ok())?;
    for name in ["controllers", "scheduler", "kubelet", "proxy", "addresses"] {
        start(name)?;
    }
    let ready = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
    wait(cluster, "kubelet", || {
        kubectl(cluster, &["get", "node", config::NODE, "--output", ready]).is_ok_and(|status| status == "True")
    })?;
    // Pods are refused until their namespace has its account.
    wait(cluster, "controllers", || kubectl(cluster, &["get", "serviceaccount", "default"]).is_ok())
}

/// kubectl while the node is still coming up.
fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let mut command = cluster.inside(program::find("kubectl")?);
    command.arg("--kubeconfig").arg(cluster.kubeconfig("admin")).args(arguments);
    quietly(&mut command)
}

/// Waits for what a program of the cluster brings about.
fn wait(cluster: &Cluster, name: &str, done: impl Fn() -> bool) -> Result<()> {
    let start = Instant::now();
    while !done() {
        let log = cluster.folder().join("log").join(format!("{name}.log"));
        ensure!(daemon::is_running(cluster.folder(), name), "{name} has ended; see {}", log.display());
        if start.elapsed() > PATIENCE {
            bail!("{name} is not ready after {PATIENCE:?}; see {}", log.display());
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

fn make_network(cluster: &Cluster) -> Result<()> {
    quietly(Command::new("ip").args(["netns", "add", &cluster.namespace()]))?;
    let node = format!("{}/24", config::NODE_ADDRESS);
    // A bridge, as not every kernel has dummy devices. The default route makes every address one that packets may go to:
    // those of Services are rewritten on the way, and all others lead nowhere.
    for arguments in [
        &["link", "set", "lo", "up"][..],
        &["link", "add", "node0", "type", "bridge"],
        &["address", "add", &node, "dev", "node0"],
        &["link", "set", "node0", "up"],
        &["route", "add", "default", "dev", "node0"],
    ] {
        quietly(cluster.inside("ip").args(arguments))?;
    }
    // Of this network namespace alone.
    quietly(cluster.inside("sysctl").args(["-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]))?;
    Ok(())
}

fn load_images(cluster: &Cluster) -> Result<()> {
    Image::of_program(&program::find("pause")?).load(cluster, &[config::PAUSE_IMAGE])?;
    let echo = "registry.k8s.io/gateway-api/conformance/echo-basic";
    let names = [format!("{echo}:v0.1.0"), format!("{echo}:v0.2.0")];
    Image::of_program(&program::find("echo-basic")?).load(cluster, &names.each_ref().map(String::as_str))
}

/// Returns how a program of the cluster is started.
pub(crate) fn command(cluster: &Cluster, name: &str) -> Result<Command> {
    let in_folder = |path: &str| cluster.folder().join(path).display().to_string();
    let file = |flag: &str, path: &str| format!("--{flag}={}", in_folder(path));
    let fixed = |arguments: &[&str]| arguments.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (program, mut arguments, files) = match name {
        "etcd" => ("etcd", fixed(&ETCD), vec![file("data-dir", "etcd")]),
        "apiserver" => (
            "kube-apiserver",
            fixed(&APISERVER),
            vec![
                format!("--advertise-address={}", config::NODE_ADDRESS),
                format!("--service-cluster-ip-range={}", config::SERVICE_RANGE),
                file("client-ca-file", "pki/ca.crt"),
                file("tls-cert-file", "pki/apiserver.crt"),
                file("tls-private-key-file", "pki/apiserver.key"),
                file("service-account-key-file", "pki/service-accounts.pub"),
                file("service-account-signing-key-file", "pki/service-accounts.key"),
                file("kubelet-client-certificate", "pki/kubelet-client.crt"),
                file("kubelet-client-key", "pki/kubelet-client.key"),
            ],
        ),
        "controllers" => (
            "kube-controller-manager",
            fixed(&CONTROLLERS),
            vec![
                format!("--cluster-cidr={}", config::POD_RANGE),
                file("kubeconfig", "controllers.kubeconfig"),
                file("service-account-private-key-file", "pki/service-accounts.key"),
                file("root-ca-file", "pki/ca.crt"),
                file("cluster-signing-cert-file", "pki/ca.crt"),
                file("cluster-signing-key-file", "pki/ca.key"),
            ],
        ),
        "scheduler" => ("kube-scheduler", fixed(&SCHEDULER), vec![file("kubeconfig", "scheduler.kubeconfig")]),
        "kubelet" => (
            "kubelet",
            Vec::new(),
            vec![
                format!("--hostname-override={}", config::NODE),
                format!("--node-ip={}", config::NODE_ADDRESS),
                file("config", "kubelet.yaml"),
                file("kubeconfig", "kubelet.kubeconfig"),
                file("root-dir", "kubelet"),
            ],
        ),
        "proxy" => ("kube-proxy", Vec::new(), vec![file("config", "proxy.yaml")]),
        "containerd" => ("containerd", fixed(&["--config"]), vec![in_folder("containerd.toml")]),
        "addresses" => return addresses(cluster),
        _ => bail!("a cluster's programs are {}, not {name}", PROGRAMS.join(", ")),
    };
    arguments.extend(files);
    let program = program::find(program)?;
    let folder = program.parent().context("a program lies in a folder")?.to_path_buf();
    let mut command = cluster.inside(&program);
    command.args(arguments).env("PATH", path_with(folder)?);
    Ok(command)
}

/// containerd looks its shim up beside itself, and the shim finds the machine's own tools.
fn path_with(folder: PathBuf) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&path)))?)
}

fn addresses(cluster: &Cluster) -> Result<Command> {
    let mut command = cluster.inside(std::env::current_exe()?);
    command.args(["cluster", "assign-addresses", "--name", &cluster.name]);
    command.env("GATEWRIGHT_CACHE", super::cache_folder()?);
    Ok(command)
}

/// Its data is worth nothing after a crash of the machine, so it need not wait for the disk.
const ETCD: [&str; 4] = [
    "--unsafe-no-fsync",
    "--listen-client-urls=http://127.0.0.1:2379",
    "--advertise-client-urls=http://127.0.0.1:2379",
    "--listen-peer-urls=http://127.0.0.1:2380",
];
/// It reaches the kubelet for `exec` and `logs` by address: no DNS knows the node.
const APISERVER: [&str; 7] = [
    "--etcd-servers=http://127.0.0.1:2379",
    "--secure-port=6443",
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--allow-privileged=true",
    "--kubelet-preferred-address-types=InternalIP",
];
/// Faster than by default, so that the cluster's own pace is not what is measured. A node counts as lost only after half an
/// hour: when an API server returns after a while, Kubernetes itself takes every node for lost until it hears from it, and
/// every endpoint with it, those of the gateway's own Service included.
const CONTROLLERS: [&str; 6] = [
    "--node-monitor-grace-period=30m",
    "--use-service-account-credentials",
    "--allocate-node-cidrs",
    "--leader-elect=false",
    "--kube-api-qps=500",
    "--kube-api-burst=1000",
];
const SCHEDULER: [&str; 3] = ["--leader-elect=false", "--kube-api-qps=500", "--kube-api-burst=1000"];
