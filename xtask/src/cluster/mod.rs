//! `cargo xtask cluster`: a real Kubernetes of one node, in a network namespace of its own, as root and without a container engine.
//!
//! Clusters are told apart by name and by nothing else: each has its own folder and network namespace, which no route leads
//! out of, so all use the same addresses. Knows nothing of Gatewright, except that its image is one of those it can load.

mod address;
mod config;
pub(crate) mod daemon;
mod dns;
pub(crate) mod image;
mod need;
mod node;
mod pki;
pub(crate) mod program;
mod remains;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::crds;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which cluster
    #[arg(long, global = true, env = "GATEWRIGHT_CLUSTER", default_value = "default")]
    name: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Start it from nothing, in place of the one of that name
    Up {
        /// Which of the Gateway API's CRDs
        #[arg(long, value_enum, default_value_t)]
        channel: Channel,
    },
    /// End its processes and remove all that is left of it
    Down,
    /// Run kubectl as its administrator
    Kubectl {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run a program inside its network, with KUBECONFIG set
    Exec {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<String>,
    },
    /// Build Gatewright's image and load it
    LoadImage(image::Args),
    /// End one of its own programs, such as etcd or apiserver
    Stop { program: String },
    /// Start a program of its own that does not run
    Start { program: String },
    /// Name the clusters that run
    List,
    /// Build every program that a cluster is made of
    Build,
    /// Give Services of type LoadBalancer their addresses, as a cloud would
    #[command(hide = true)]
    AssignAddresses,
}

/// Which of the Gateway API's two sets of CRDs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Channel {
    Standard,
    #[default]
    Experimental,
}

impl Channel {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Experimental => "experimental",
        }
    }
}

/// A cluster, whether it runs or not.
#[derive(Clone)]
pub(crate) struct Cluster {
    name: String,
    folder: PathBuf,
}

/// Does what was asked.
pub(crate) fn run(args: &Args) -> Result<()> {
    let cluster = Cluster::named(&args.name)?;
    match &args.action {
        Action::Up { channel } => cluster.up(*channel),
        Action::Down => cluster.down(),
        Action::Kubectl { arguments } => run_to_end(cluster.kubectl()?.args(arguments)),
        Action::Exec { command } => {
            let (program, arguments) = command.split_first().context("clap asks for at least one")?;
            run_to_end(
                cluster.running()?.inside(program).args(arguments).env("KUBECONFIG", cluster.kubeconfig("admin")),
            )
        }
        Action::LoadImage(args) => image::load(cluster.running()?, args),
        Action::Stop { program } => daemon::end(&cluster.folder, program),
        Action::Start { program } => cluster.running()?.start(program),
        Action::List => list(),
        Action::Build => {
            need::packages()?;
            program::build_all().map(|_| ())
        }
        Action::AssignAddresses => address::run(&cluster.kubeconfig("admin")),
    }
}

impl Cluster {
    /// Returns the cluster of this name.
    ///
    /// # Errors
    ///
    /// When the name would not do as a part of file names, or is too long for the sockets in its folder.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(!name.is_empty() && name.len() <= 24, "a cluster's name has 1 to 24 characters, not {}", name.len());
        ensure!(name.chars().all(good), "a cluster's name is of a-z, 0-9 and '-', not {name:?}");
        Ok(Self { name: name.into(), folder: clusters_folder()?.join(name) })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The network namespace, as `ip netns` knows it.
    fn namespace(&self) -> String {
        format!("gatewright-{}", self.name)
    }

    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join(format!("{user}.kubeconfig"))
    }

    /// Returns itself when its API server runs.
    pub(crate) fn running(&self) -> Result<&Self> {
        if !self.is_running() {
            bail!("no cluster {:?} runs; start it with: cargo xtask cluster up --name {}", self.name, self.name);
        }
        Ok(self)
    }

    pub(crate) fn is_running(&self) -> bool {
        daemon::is_running(&self.folder, "kubelet")
    }

    /// The CRDs that the cluster was started with.
    pub(crate) fn channel(&self) -> Result<String> {
        fs::read_to_string(self.folder.join("channel")).context("the cluster was never up")
    }

    /// Returns a command that will run in the cluster's network.
    ///
    /// `ip netns exec` would mount another /sys, in which the kubelet finds no cgroups.
    pub(crate) fn inside(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.namespace())).arg("--").arg(program);
        command
    }

    /// Returns kubectl as the cluster's administrator.
    pub(crate) fn kubectl(&self) -> Result<Command> {
        let mut command = self.running()?.inside(program::find("kubectl")?);
        command.arg("--kubeconfig").arg(self.kubeconfig("admin"));
        Ok(command)
    }

    /// Starts the cluster and returns when its node and its DNS serve.
    pub(crate) fn up(&self, channel: Channel) -> Result<()> {
        need::packages()?;
        program::build_all()?;
        crds::run(&crds::Args {})?;
        self.down()?;
        node::up(self)?;
        self.apply_crds(channel)?;
        quietly(self.kubectl()?.args(["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]))?;
        dns::up(self)?;
        fs::write(self.folder.join("channel"), channel.name())?;
        println!("cluster {:?} is up, with the {} CRDs", self.name, channel.name());
        Ok(())
    }

    fn apply_crds(&self, channel: Channel) -> Result<()> {
        let mut apply = self.kubectl()?;
        apply.args(["apply", "--server-side"]);
        for entry in fs::read_dir(crds::folder().join(channel.name()))? {
            let path = entry?.path();
            // One of the two channels comes with an index of its files, which is no manifest.
            if !path.ends_with("kustomization.yaml") {
                apply.arg("--filename").arg(path);
            }
        }
        quietly(&mut apply).map(|_| ())
    }

    /// Copies what its programs have logged so far into a folder.
    pub(crate) fn keep_logs(&self, into: &Path) -> Result<()> {
        fs::create_dir_all(into)?;
        // Nothing was logged where nothing was started.
        let Ok(logs) = fs::read_dir(self.folder.join("log")) else { return Ok(()) };
        for log in logs {
            let log = log?;
            fs::copy(log.path(), into.join(log.file_name()))?;
        }
        Ok(())
    }

    /// Ends the cluster, in whatever state it is.
    pub(crate) fn down(&self) -> Result<()> {
        remains::remove(self)
    }

    /// Starts one of its own programs that does not run.
    pub(crate) fn start(&self, program: &str) -> Result<()> {
        ensure!(!daemon::is_running(&self.folder, program), "{program} runs");
        daemon::start(&self.folder, program, &node::command(self, program)?)
    }
}

fn list() -> Result<()> {
    let Ok(entries) = fs::read_dir(clusters_folder()?) else { return Ok(()) };
    for entry in entries {
        let cluster = Cluster::named(&entry?.file_name().to_string_lossy())?;
        if cluster.is_running() {
            println!("{}\t{}\t{}", cluster.name, cluster.channel().unwrap_or_default(), cluster.folder.display());
        }
    }
    Ok(())
}

/// Where programs and clusters are kept: outside the checkout, so that only a new machine pays for them.
pub(crate) fn cache_folder() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("GATEWRIGHT_CACHE") {
        return Ok(folder);
    }
    let base = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    Ok(base.context("neither GATEWRIGHT_CACHE, XDG_CACHE_HOME nor HOME is set")?.join("gatewright"))
}

fn clusters_folder() -> Result<PathBuf> {
    Ok(cache_folder()?.join("clusters"))
}

/// Runs a program to its end, with our own input and output, and ends with its code.
fn run_to_end(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        std::process::exit(status.code().unwrap_or(1));
    }
    Ok(())
}

/// Runs a program whose output is of interest only when it fails.
pub(crate) fn quietly(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {text}{error}");
    Ok(text)
}
