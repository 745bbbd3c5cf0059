//! Images of one layer, made of files that were built here: nothing is pulled from anywhere.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest;
use serde_json::json;

use super::{Cluster, need, program, quietly};
use crate::build;

mod archive;

use archive::Archive;

/// Gatewright's image, as its manifests name it.
pub(crate) const GATEWRIGHT: &str = concat!("docker.io/gatewright/gatewright:", env!("CARGO_PKG_VERSION"));
const USERS: &[u8] = b"root:x:0:0:root:/:/\nnonroot:x:65532:65532::/:/\n";
/// The trust anchors of the machine that makes the image, for `wellKnownCACertificates: System`.
const ANCHORS: &str = "/etc/ssl/certs/ca-certificates.crt";

#[derive(clap::Args)]
#[group(id = "image")]
pub(crate) struct Args {
    /// What to make the image of
    #[arg(long, value_enum, default_value_t)]
    build: Build,
    /// Take this program instead of building one
    #[arg(long, value_name = "PATH", conflicts_with = "build")]
    binary: Option<PathBuf>,
}

/// How the program in the image is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Build {
    /// The static program that is released
    #[default]
    Release,
    /// The same program, optimized less and built in a fraction of the time
    Quick,
    /// The debug build of `cargo build`, with the libraries that it is linked to
    Debug,
}

/// Files for one layer; the first program is the entry point.
pub(crate) struct Image {
    entry: String,
    files: Vec<(String, PathBuf)>,
}

impl Args {
    /// Builds the program of the image, or finds the one that is given.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        match &self.binary {
            Some(path) => path.canonicalize().with_context(|| format!("cannot find {}", path.display())),
            None => build_gatewright(self.build),
        }
    }
}

/// Builds Gatewright's image and loads it into a cluster.
pub(crate) fn load(cluster: &Cluster, args: &Args) -> Result<()> {
    load_program(cluster, &args.program()?)
}

/// Makes an image of a program as ours, and loads it into a cluster under a name.
pub(crate) fn load_as(cluster: &Cluster, program: &Path, name: &str) -> Result<()> {
    Image::of_gatewright(program)?.load(cluster, &[name])
}

/// Makes Gatewright's image of a program and loads it into a cluster.
pub(crate) fn load_program(cluster: &Cluster, program: &Path) -> Result<()> {
    load_as(cluster, program, GATEWRIGHT)?;
    println!("loaded {GATEWRIGHT}, made of {}", program.display());
    Ok(())
}

#[derive(clap::Args)]
pub(crate) struct WriteArgs {
    /// Where the archive goes [default: gatewright-image.tar in the target folder]
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    #[command(flatten)]
    image: Args,
}

/// Builds Gatewright's image and writes it as an archive, which `docker load`, `ctr images import` and `skopeo` take.
pub(crate) fn write(args: &WriteArgs) -> Result<()> {
    let program = args.image.program()?;
    let archive = Image::of_gatewright(&program)?.archive(&[GATEWRIGHT])?;
    let path = args.output.clone().unwrap_or_else(|| build::target_folder().join("gatewright-image.tar"));
    fs::write(&path, &archive).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{} is {GATEWRIGHT}: {} MB, made of {}", path.display(), archive.len() / 1_000_000, program.display());
    Ok(())
}

/// Builds Gatewright for an image, and returns the program.
fn build_gatewright(kind: Build) -> Result<PathBuf> {
    let cargo = |arguments: &[&str], flags: Option<&str>| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--package", "gatewright"]).args(arguments);
        if let Some(flags) = flags {
            cargo.env("RUSTFLAGS", flags);
        }
        let status = cargo.status().context("cannot run cargo")?;
        ensure!(status.success(), "the build of Gatewright failed");
        anyhow::Ok(())
    };
    let profile: &[&str] = match kind {
        Build::Release => &["--release"],
        Build::Quick => &["--profile", "quick"],
        Build::Debug => {
            cargo(&[], None)?;
            return Ok(build::target_folder().join("debug/gatewright"));
        }
    };
    let (target, flags) = static_target()?;
    cargo(&[profile, &["--target", target]].concat(), flags)?;
    let profile = profile.last().map_or("debug", |name| name.trim_start_matches('-'));
    Ok(build::target_folder().join(target).join(profile).join("gatewright"))
}

/// Returns a target that links everything statically, and the flags that make it do so: musl where rustup can bring it,
/// glibc elsewhere.
fn static_target() -> Result<(&'static str, Option<&'static str>)> {
    const MUSL: &str = "x86_64-unknown-linux-musl";
    let rustup = Command::new("rustup").args(["target", "add", MUSL]).output();
    if rustup.is_ok_and(|output| output.status.success()) {
        if need::find_program("musl-gcc").is_none() {
            need::install(&["musl-tools"])?;
        }
        return Ok((MUSL, None));
    }
    println!("rustup does not bring {MUSL}: linking glibc statically");
    Ok(("x86_64-unknown-linux-gnu", Some("-C target-feature=+crt-static")))
}

/// Ends every container, so that nothing of it stays in cgroups and mounts. What cannot be ended so is left to be killed:
/// containerd may be half started, or about to end.
pub(crate) fn end_containers(cluster: &Cluster) {
    let tasks = |arguments: &[&str]| {
        let mut ctr = ctr(cluster).ok()?;
        let output = ctr.args(["--connect-timeout=5s", "--timeout=30s", "tasks"]).args(arguments).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let names = tasks(&["list", "--quiet"]).unwrap_or_default();
    let names: Vec<&str> = names.split_ascii_whitespace().collect();
    if !names.is_empty() {
        tasks(&[&["delete", "--force"], &*names].concat());
    }
}

fn ctr(cluster: &Cluster) -> Result<Command> {
    let mut command = Command::new(program::find("ctr")?);
    command.arg("--address").arg(cluster.folder().join("containerd.sock")).args(["--namespace", "k8s.io"]);
    Ok(command)
}

impl Image {
    /// An image of one static program, which is its entry point.
    pub(crate) fn of_program(program: &Path) -> Self {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { entry: name.clone(), files: vec![(name, program.into())] }
    }

    /// What is released: the program, users' names, and trust anchors.
    fn of_gatewright(program: &Path) -> Result<Self> {
        // Whatever the file is called here, this is what manifests may name.
        let entry = "gatewright".to_owned();
        let mut image = Self { entry: entry.clone(), files: vec![(entry, program.into())] };
        image.add_libraries(program)?;
        if Path::new(ANCHORS).exists() {
            image.files.push((ANCHORS.trim_start_matches('/').into(), ANCHORS.into()));
        }
        Ok(image)
    }

    /// Adds the shared libraries of a program that is not static, at the paths where it looks for them.
    fn add_libraries(&mut self, program: &Path) -> Result<()> {
        // ldd(1) fails on a static program, which needs none.
        let output = Command::new("ldd").arg(program).output().context("cannot run ldd")?;
        let text = String::from_utf8_lossy(&output.stdout);
        for path in text.split_ascii_whitespace().filter(|word| word.starts_with('/')) {
            let name = path.trim_start_matches('/').trim_end_matches(':');
            self.files.push((name.into(), path.into()));
        }
        Ok(())
    }

    /// Loads the image into a cluster under each of the names.
    pub(crate) fn load(&self, cluster: &Cluster, names: &[&str]) -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        fs::write(file.path(), self.archive(names)?)?;
        quietly(ctr(cluster)?.args(["images", "import"]).arg(file.path()))?;
        Ok(())
    }

    /// The image as `docker save` would write it.
    fn archive(&self, names: &[&str]) -> Result<Vec<u8>> {
        let mut layer = Archive::default();
        layer.folder("tmp", 0o1777);
        layer.folder("etc", 0o755);
        layer.file("etc/passwd", 0o644, USERS);
        for (name, path) in &self.files {
            let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            layer.file(name, 0o755, &bytes);
        }
        let layer = layer.finish();
        let layer_digest = hex_digest(&layer);
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "config": {"Entrypoint": [format!("/{}", self.entry)], "User": "65532:65532", "Env": ["PATH=/"]},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
        });
        let config = config.to_string();
        let config_name = format!("{}.json", hex_digest(config.as_bytes()));
        let layer_name = format!("{layer_digest}.tar");
        let manifest = json!([{"Config": config_name, "RepoTags": names, "Layers": [layer_name]}]);
        let mut image = Archive::default();
        image.file(&layer_name, 0o644, &layer);
        image.file(&config_name, 0o644, config.as_bytes());
        image.file("manifest.json", 0o644, manifest.to_string().as_bytes());
        Ok(image.finish())
    }
}

fn hex_digest(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
