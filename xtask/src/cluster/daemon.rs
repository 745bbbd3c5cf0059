//! Programs that outlive the command that started them: known by process id and start time, so that no other process that
//! got the id since is ever taken for one of ours.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// How long a program may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Starts a program in a session of its own; its output is appended to `log/NAME.log`.
pub(crate) fn start(folder: &Path, name: &str, command: &Command) -> Result<()> {
    fs::create_dir_all(folder.join("log"))?;
    fs::create_dir_all(folder.join("pid"))?;
    let log = fs::File::options().create(true).append(true).open(folder.join("log").join(format!("{name}.log")))?;
    // A child leads no process group, so setsid(1) becomes the program without another fork: the id stays.
    let mut session = Command::new("setsid");
    session.arg(command.get_program()).args(command.get_args());
    session.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    session.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let child = session.spawn().with_context(|| format!("cannot start {name}"))?;
    let started = start_time(child.id()).with_context(|| format!("{name} ended at once"))?;
    fs::write(folder.join("pid").join(name), format!("{} {started}", child.id()))?;
    Ok(())
}

/// Returns the program's process id, while it runs.
pub(crate) fn id(folder: &Path, name: &str) -> Option<u32> {
    let text = fs::read_to_string(folder.join("pid").join(name)).ok()?;
    let (id, started) = text.split_once(' ')?;
    let id = id.parse().ok()?;
    (start_time(id)?.to_string() == started).then_some(id)
}

pub(crate) fn is_running(folder: &Path, name: &str) -> bool {
    id(folder, name).is_some()
}

/// Ends a program: by TERM, and by KILL when that takes too long.
pub(crate) fn end(folder: &Path, name: &str) -> Result<()> {
    if let Some(running) = id(folder, name) {
        signal("TERM", &[running])?;
        let start = Instant::now();
        while is_running(folder, name) {
            if start.elapsed() > PATIENCE {
                signal("KILL", &[running])?;
            }
            std::thread::sleep(POLL);
        }
    }
    Ok(())
}

/// Sends a signal; processes that are gone already are none of its business.
pub(crate) fn signal(name: &str, ids: &[u32]) -> Result<()> {
    if !ids.is_empty() {
        let ids = ids.iter().map(ToString::to_string);
        Command::new("kill").arg(format!("-{name}")).args(ids).stderr(Stdio::null()).status()?;
    }
    Ok(())
}

/// When a process started, in the kernel's ticks since boot; nothing when it is gone or merely not yet buried.
fn start_time(id: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // proc(5): the name in parentheses may hold anything; the state is the 3rd field, the start the 22nd.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
    (*fields.first()? != "Z").then(|| fields.get(19)?.parse().ok())?
}
