//! Manifests: from files on disk to the objects of a World, and what is wrong with them.
//!
//! Reads files and keeps objects; what they mean is the compiler's affair.

mod document;
mod folder;
mod library;
#[cfg(test)]
mod tests;
mod watch;
pub(crate) mod yaml;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use gatewright_core::{api::schema::Channel, world::World};

pub(crate) use folder::Sources;
use folder::Stamp;
pub(crate) use library::{Library, Written};
pub(crate) use watch::{Turn, Wake, Watch};

use crate::finding::Finding;

/// Bytes of one file: 40,000 routes of a kilobyte, the most that is planned for, and half as much again. A larger file
/// is a mistake that would otherwise cost many times its size in memory.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How long a file must have been gone before its objects go: editors rename the old version away before the new one is
/// there.
const GONE_AFTER: Duration = Duration::from_millis(20);

/// A file changed less long ago is looked at twice, for a writer who has just begun. Longer than a tick of the clock
/// that file systems stamp with (4 ms).
const SETTLED_AFTER: Duration = Duration::from_millis(5);

/// How often a file that keeps changing under the reader is read before the next turn.
const READS_MAX: usize = 3;

/// The files of some sources and the objects in them.
#[derive(Debug)]
pub(crate) struct Manifests {
    sources: Sources,
    library: Library,
    stamps: BTreeMap<PathBuf, Stamp>,
    /// Files that were there, since when they are not.
    gone: BTreeMap<PathBuf, Instant>,
    /// Sources that cannot be looked at.
    unreadable: Vec<Finding>,
}

/// What a look at the files brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refresh {
    /// Whether the World or the findings may differ now.
    pub(crate) is_changed: bool,
    /// When to look again at the latest, though nothing is announced.
    pub(crate) again: Option<Instant>,
}

impl Manifests {
    pub(crate) fn new(sources: Sources, channel: Channel) -> Self {
        Self {
            sources,
            library: Library::new(channel),
            stamps: BTreeMap::new(),
            gone: BTreeMap::new(),
            unreadable: Vec::new(),
        }
    }

    pub(crate) fn library(&self) -> &Library {
        &self.library
    }

    /// Returns everything that is wrong with the files and the objects in them.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = self.unreadable.clone();
        findings.extend(self.library.findings());
        findings
    }

    /// Takes a text that is no file on disk: it never changes and is never gone.
    pub(crate) fn insert(&mut self, name: &str, text: &str, world: &mut World) {
        self.library.replace(Path::new(name), text, world);
    }

    /// Reads what changed since the last look, and brings `world` up to date.
    pub(crate) fn refresh(&mut self, mut watch: Option<&mut Watch>, world: &mut World) -> Refresh {
        let mut scan = self.sources.scan();
        // What changed before a folder was watched was not announced.
        while watch.as_mut().is_some_and(|watch| watch.follow(&scan.folders)) {
            scan = self.sources.scan();
        }
        let mut refresh = Refresh::default();
        let unreadable: Vec<_> = scan
            .unreadable
            .into_iter()
            .map(|(path, error)| Finding::of_file(path, Default::default(), error.to_string()))
            .collect();
        refresh.is_changed |= unreadable != self.unreadable;
        self.unreadable = unreadable;

        let changed = scan.files.iter().filter(|(path, stamp)| self.stamps.get(*path) != Some(*stamp));
        let texts: Vec<_> = changed.map(|(path, _)| (path.clone(), read_settled(path))).collect();
        if let Some(watch) = &mut watch {
            watch.drain();
        }
        for (path, text) in texts {
            let is_written = watch.as_ref().is_some_and(|watch| watch.is_written(&path));
            match text {
                Ok(Some((stamp, text))) if !is_written => {
                    self.library.replace(&path, &text, world);
                    self.stamps.insert(path, stamp);
                    refresh.is_changed = true;
                }
                Ok(_) => refresh.look_again(Instant::now() + SETTLED_AFTER),
                // Gone since the scan: the next one misses it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => refresh.look_again(Instant::now()),
                Err(error) => {
                    if let Some(stamp) = scan.files.get(&path) {
                        self.stamps.insert(path.clone(), *stamp);
                    }
                    self.library.fail(&path, error.to_string());
                    refresh.is_changed = true;
                }
            }
        }
        // What cannot be looked at is not known to be gone: it keeps what it held.
        let is_there = |path: &Path| {
            scan.files.contains_key(path) || self.unreadable.iter().any(|source| path.starts_with(&source.file))
        };
        self.gone.retain(|path, _| !is_there(path));
        for path in self.stamps.keys().filter(|path| !is_there(path)) {
            self.gone.entry(path.clone()).or_insert_with(Instant::now);
        }
        for (path, since) in self.gone.clone() {
            if since.elapsed() >= GONE_AFTER {
                self.gone.remove(&path);
                self.stamps.remove(&path);
                self.library.remove(&path, world);
                refresh.is_changed = true;
            } else {
                refresh.look_again(since + GONE_AFTER);
            }
        }
        refresh
    }

    /// Forgets what was read, so that the next look reads every file anew; their objects stay until then.
    pub(crate) fn distrust(&mut self) {
        for path in std::mem::take(&mut self.stamps).into_keys() {
            self.gone.entry(path).or_insert_with(Instant::now);
        }
    }
}

impl Refresh {
    fn look_again(&mut self, at: Instant) {
        self.again = Some(self.again.map_or(at, |again| again.min(at)));
    }
}

/// Reads a file that nobody is writing to, as far as its stamps tell. `None` when it keeps changing.
fn read_settled(path: &Path) -> io::Result<Option<(Stamp, String)>> {
    for _ in 0..READS_MAX {
        let before = fs::metadata(path)?;
        if !before.is_file() {
            return Err(io::Error::other("is no file"));
        }
        if before.len() > FILE_BYTES_MAX {
            return Err(io::Error::other(format!("is larger than {FILE_BYTES_MAX} bytes")));
        }
        let bytes = fs::read(path)?;
        // A time in the future is no reason to wait.
        let age = before.modified().ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if let Some(rest) = age.and_then(|age| SETTLED_AFTER.checked_sub(age)) {
            thread::sleep(rest);
        }
        let stamp = Stamp::of(&before);
        if stamp == Stamp::of(&fs::metadata(path)?) {
            let text = String::from_utf8(bytes).map_err(|error| {
                let line =
                    error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
                io::Error::other(format!("is not UTF-8 at line {}", line + 1))
            })?;
            return Ok(Some((stamp, text)));
        }
    }
    Ok(None)
}
