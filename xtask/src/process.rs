//! Processes that a command starts: pinned to a core, accounted by their own counters, ended by their id.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::build;

/// `/proc/PID/stat` counts in these; Linux shows 100 to every program whatever the kernel's own tick is.
const TICKS_PER_SECOND: u64 = 100;

/// How long a server may take to answer its first connection, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A child process, ended (with its children) when this is dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
}

/// Returns a command that runs `program` on one core alone and dies with us.
pub(crate) fn pinned(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = dying_with_us("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

/// Returns a command that runs `program` on any core and dies with us.
pub(crate) fn dying_with_us(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(program);
    command
}

impl Process {
    pub(crate) fn start(name: &str, mut command: Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.into(), child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads the first line of a standard output that was piped.
    pub(crate) fn read_line(&mut self) -> Result<String> {
        let stdout = self.child.stdout.as_mut().context("standard output is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(line)
    }

    /// Waits until something accepts connections on `address`.
    pub(crate) fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended before it listened: {status}", self.name);
            }
            if start.elapsed() > PATIENCE {
                bail!("{} does not listen on {address}", self.name);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Returns the CPU time that the process and its descendants have used.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let stats = all_stats();
        let mut family = vec![self.id()];
        let mut next = 0;
        while let Some(&parent) = family.get(next) {
            family.extend(stats.iter().filter(|stat| stat.parent == parent).map(|stat| stat.id));
            next += 1;
        }
        let ticks: u64 = stats.iter().filter(|stat| family.contains(&stat.id)).map(|stat| stat.cpu_ticks).sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    }

    /// Returns the resident memory of the process, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        parse_resident_bytes(&status).context("a running process has VmRSS")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // TERM first: nginx's master takes its worker along, which KILL would orphan.
        let _ = Command::new("kill").args(["-TERM", &self.id().to_string()]).stderr(Stdio::null()).status();
        let start = Instant::now();
        while let Ok(None) = self.child.try_wait() {
            if start.elapsed() > PATIENCE {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Raises the number of files that we, and programs that we start, may open; returns it.
pub(crate) fn raise_descriptor_limit() -> Result<usize> {
    let id = std::process::id().to_string();
    let hard = build::output("prlimit", &["--pid", &id, "--nofile", "--noheadings", "--raw", "--output", "HARD"])?;
    let hard = hard.trim();
    build::output("prlimit", &["--pid", &id, &format!("--nofile={hard}:{hard}")])?;
    hard.parse().with_context(|| format!("the limit of open files is {hard}"))
}

/// Returns a port of loopback that is free now, from below those that Linux gives to outgoing connections: a load has
/// so many that one would soon take it.
pub(crate) fn free_port() -> Result<u16> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(|| fastrand::u16(10_000..32_000)).take(100).find(is_free).context("no port is free")
}

#[derive(Debug, PartialEq)]
struct Stat {
    id: u32,
    parent: u32,
    cpu_ticks: u64,
}

fn all_stats() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|entry| parse_stat(&fs::read_to_string(entry.path().join("stat")).ok()?))
        .collect()
}

/// Reads a line of `/proc/PID/stat`, proc(5): the name in parentheses may itself hold spaces and parentheses.
fn parse_stat(line: &str) -> Option<Stat> {
    let (id, rest) = line.split_once(" (")?;
    let fields: Vec<&str> = rest.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    // Counted from the state, which is the third field of the manual: ppid is the 4th, utime and stime 14th and 15th.
    Some(Stat { id: id.parse().ok()?, parent: u32::try_from(number(1)?).ok()?, cpu_ticks: number(11)? + number(12)? })
}

/// Reads `VmRSS` of `/proc/PID/status`, which is in KiB.
fn parse_resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stat_whatever_the_name_holds() {
        let line = "4242 (a) (b c) S 1 4242 4242 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 1 0 100 200 300";
        assert_eq!(parse_stat(line), Some(Stat { id: 4242, parent: 1, cpu_ticks: 200 }));
        assert_eq!(parse_stat("4242 (cut"), None);
        assert_eq!(parse_stat("4242 (short) S 1 2"), None);
    }

    #[test]
    fn reads_resident_memory() {
        assert_eq!(parse_resident_bytes("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n"), Some(2 * 1024 * 1024));
        assert_eq!(parse_resident_bytes("Name:\tzombie\n"), None);
    }

    #[test]
    fn accounts_for_children_and_ends_by_id() {
        let mut command = dying_with_us("sh");
        command.args(["-c", "echo $$; cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start("sh", command).unwrap();
        let id: u32 = process.read_line().unwrap().trim().parse().unwrap();
        assert_eq!(process.id(), id);
        assert!(process.resident_bytes().unwrap() > 0);
        process.cpu_time().unwrap();
        drop(process);
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }
}
