//! The end of a cluster, in whatever state it is: run to the end, killed half-way, or up in part.
//!
//! What belongs to a cluster is told by its network namespaces and by the mounts below its folder, not by what was written
//! down of it.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{Cluster, daemon, image, node, quietly};

/// How long killed processes may take to be gone: a disk may have to be waited for.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Ends all that runs, and removes the mounts, the network namespaces and the folder.
pub(super) fn remove(cluster: &Cluster) -> Result<()> {
    let folder = cluster.folder();
    daemon::end(folder, "kubelet")?;
    if daemon::is_running(folder, "containerd") {
        image::end_containers(cluster);
    }
    for name in node::PROGRAMS {
        daemon::end(folder, name)?;
    }
    let namespace = Path::new("/run/netns").join(cluster.namespace());
    kill_inhabitants(&namespaces(&namespace, folder)?)?;
    unmount(folder)?;
    if namespace.exists() {
        quietly(Command::new("ip").args(["netns", "delete", &cluster.namespace()]))?;
    }
    for results in ["/var/lib/cni/results", "/var/lib/cni/cache"] {
        remove_files(Path::new(results), &format!("{}-", cluster.namespace()))?;
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Tells a namespace from all others, as does every open or mounted reference to it.
type Identity = (u64, u64);

fn identity(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// The network namespaces of the node and of its pods, which containerd mounts below the folder.
fn namespaces(node: &Path, folder: &Path) -> Result<HashSet<Identity>> {
    let mounts = mounts_below(folder)?;
    Ok(mounts.iter().map(PathBuf::as_path).chain([node]).filter_map(identity).collect())
}

/// Kills whatever is in one of these namespaces, until there is nothing: programs of the cluster, shims that outlived
/// containerd, what runs in pods, and what a killed command has left in the cluster's network.
fn kill_inhabitants(namespaces: &HashSet<Identity>) -> Result<()> {
    let start = Instant::now();
    loop {
        let left = inhabitants(namespaces)?;
        if left.is_empty() {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "processes {left:?} of the cluster do not end");
        daemon::signal("KILL", &left)?;
        std::thread::sleep(POLL);
    }
}

fn inhabitants(namespaces: &HashSet<Identity>) -> Result<Vec<u32>> {
    let ids = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // A process that is gone but not yet buried has no namespaces any more.
    let namespace = |id: &u32| identity(Path::new(&format!("/proc/{id}/ns/net")));
    Ok(ids.filter(|id| namespace(id).is_some_and(|namespace| namespaces.contains(&namespace))).collect())
}

/// Unmounts all below the folder, the innermost first.
fn unmount(folder: &Path) -> Result<()> {
    for point in mounts_below(folder)?.iter().rev() {
        quietly(Command::new("umount").arg("--lazy").arg(point))?;
    }
    Ok(())
}

/// The mount points below a folder, in the order in which they were made.
fn mounts_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(Path::new);
    Ok(points.filter(|point| point.starts_with(folder)).map(Into::into).collect())
}

fn remove_files(folder: &Path, prefix: &str) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        fs::remove_file(entry.path())?;
    }
    Ok(())
}
