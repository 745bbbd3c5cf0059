//! `cargo xtask idle`: what idle keep-alive connections add to the process.

use std::{
    io::Write,
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    build,
    manifest::{self, Listener},
    origin,
    process::{self, Process},
    response::Response,
};

/// Connections that ask at the same time, so that memory which only the busy need shows if it is not given back.
const BATCH: usize = 100;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Fail when they add more, in millions of bytes
    #[arg(long, value_name = "MB", default_value_t = 40)]
    at_most: u64,
    /// Measure this binary instead of building the release
    #[arg(long, value_name = "PATH")]
    gatewright: Option<PathBuf>,
}

/// Opens the connections, lets each do one request, and compares resident memory before and after.
pub(crate) fn run(args: &Args) -> Result<()> {
    let gatewright = build::gatewright(args.gatewright.as_ref())?;
    let descriptors = process::raise_descriptor_limit()?;
    ensure!(
        args.connections + BATCH < descriptors,
        "the limit of open files is {descriptors}: raise it with ulimit -n"
    );
    let origin = origin::start(0)?;
    let folder = tempfile::tempdir()?;
    let port = process::free_port()?;
    let manifests = [
        manifest::gateway(&[Listener::http("http", port)]),
        manifest::service("origin", 80, origin.address.port()),
        manifest::route("all", None, "/", "origin", 80),
    ];
    std::fs::write(folder.path().join("gateway.yaml"), manifests.join("---\n"))?;
    let mut command = process::dying_with_us(gatewright.path);
    command.arg("run").arg(folder.path()).args(manifest::RUN_ARGUMENTS).stdout(Stdio::null());
    let mut process = Process::start("gatewright", command)?;
    process.wait_for((Ipv4Addr::LOCALHOST, port).into())?;

    // What serving needs once, whatever the number of connections, is not what they add.
    drop(open(port, BATCH)?);
    let before = settled_bytes(&process)?;
    let mut connections = Vec::new();
    while connections.len() < args.connections {
        connections.extend(open(port, BATCH.min(args.connections - connections.len()))?);
    }
    let after = settled_bytes(&process)?;
    ask_all(&mut connections).context("an idle connection was closed")?;

    let added = after.saturating_sub(before);
    println!(
        "{}: {} idle connections add {:.1} MB ({} bytes each): {:.1} MB before, {:.1} MB after",
        gatewright.source,
        connections.len(),
        megabytes(added),
        added / connections.len().max(1) as u64,
        megabytes(before),
        megabytes(after),
    );
    ensure!(added <= args.at_most * 1_000_000, "more than {} MB", args.at_most);
    Ok(())
}

fn open(port: u16, count: usize) -> Result<Vec<TcpStream>> {
    let connect = |_| Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
    let mut connections = (0..count).map(connect).collect::<Result<Vec<_>>>()?;
    ask_all(&mut connections)?;
    Ok(connections)
}

/// Sends a request on every connection of a batch, then reads the answers.
fn ask_all(connections: &mut [TcpStream]) -> Result<()> {
    for batch in connections.chunks_mut(BATCH) {
        for connection in batch.iter_mut() {
            connection.set_read_timeout(Some(Duration::from_secs(10)))?;
            connection.write_all(b"GET / HTTP/1.1\r\nHost: idle.example.com\r\n\r\n")?;
        }
        for connection in batch {
            let status = Response::read(connection)?.status;
            ensure!(status == 200, "answered with {status}");
        }
    }
    Ok(())
}

/// Gives the process a moment to return what it gives back by itself.
fn settled_bytes(process: &Process) -> Result<u64> {
    std::thread::sleep(Duration::from_secs(1));
    process.resident_bytes()
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
