//! What Debian must bring before a cluster can be built and run.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

/// A package, and a file or command that says whether it is there.
const PACKAGES: [(&str, Sign); 9] = [
    ("iproute2", Sign::Program("ip")),
    ("util-linux", Sign::Program("nsenter")),
    ("procps", Sign::Program("sysctl")),
    ("nftables", Sign::Program("nft")),
    ("gcc", Sign::Program("cc")),
    ("libc6-dev", Sign::File("/usr/include/stdlib.h")),
    ("libseccomp-dev", Sign::File("/usr/include/seccomp.h")),
    ("pkg-config", Sign::Program("pkg-config")),
    ("python3-venv", Sign::Module("ensurepip")),
];

enum Sign {
    Program(&'static str),
    File(&'static str),
    /// Of Python.
    Module(&'static str),
}

impl Sign {
    fn is_there(&self) -> bool {
        match self {
            Self::Program(name) => find_program(name).is_some(),
            Self::File(path) => Path::new(path).exists(),
            Self::Module(name) => {
                let output = Command::new("python3").args(["-c", &format!("import {name}")]).output();
                output.is_ok_and(|output| output.status.success())
            }
        }
    }
}

/// Installs the packages that are missing.
///
/// # Errors
///
/// When we are not root, or a package is missing and cannot be installed.
pub(crate) fn packages() -> Result<()> {
    let user = Command::new("id").arg("-u").output().context("cannot run id")?;
    ensure!(user.stdout.trim_ascii() == b"0", "a cluster needs root: namespaces, mounts and cgroups are made for it");
    let missing: Vec<&str> = PACKAGES.iter().filter(|(_, sign)| !sign.is_there()).map(|(name, _)| *name).collect();
    install(&missing)
}

/// Installs packages by apt-get.
pub(crate) fn install(names: &[&str]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    println!("installing {}", names.join(", "));
    let hint = || format!("a cluster needs the Debian packages {}, and apt-get cannot install them", names.join(", "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "--yes"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        super::quietly(&mut command).with_context(hint)
    };
    apt(&["update"])?;
    let install: Vec<&str> = ["install", "--no-install-recommends"].into_iter().chain(names.iter().copied()).collect();
    apt(&install).map(|_| ())
}

/// Looks a program up in PATH, and where Debian keeps what only root runs.
pub(crate) fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}
