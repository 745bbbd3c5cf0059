//! Waits until the sources may have changed, and knows which files are being written right now.
//!
//! A file counts as changed when its writer is done: closed it, renamed it into place, or swapped a link. Until then its
//! last version stays in force, so a half-written file is never read. Where no notice comes (a network mount, a link's
//! far end) a rescan finds the change.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    time::{Duration, Instant},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind},
};

/// How long a change that nobody announced may go unseen. A scan of a thousand files takes a few milliseconds.
const RESCAN: Duration = Duration::from_secs(2);

/// How long a writer may keep a file open before what is there is read anyway.
const WRITING_MAX: Duration = Duration::from_secs(1);

/// Whether the system tells when a writer closes a file. Without it each write is taken as the last.
const TELLS_CLOSE: bool = cfg!(target_os = "linux");

/// Why [`Watch::wait`] returned, and what is sent to make it return.
#[derive(Debug)]
pub(crate) enum Wake {
    /// The sources may have changed.
    Files(notify::Result<Event>),
    /// Somebody asked for everything to be read again.
    Reload,
    /// The process is to end.
    Stop,
}

/// What to do after a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Rescan,
    Reload,
    Stop,
}

pub(crate) struct Watch {
    wakes: Receiver<Wake>,
    /// `None` when the system cannot watch: then rescans alone find changes.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// Files that somebody writes to, since when.
    writing: BTreeMap<PathBuf, Instant>,
    /// What [`Watch::drain`] took from `wakes` for the next wait.
    pending: Option<Turn>,
}

impl Watch {
    /// Watches through `wakes`, whose sending side is `sender`.
    pub(crate) fn new(sender: Sender<Wake>, wakes: Receiver<Wake>) -> Self {
        let watcher = notify::recommended_watcher(move |event| {
            // The receiver is gone only when the process ends.
            let _ = sender.send(Wake::Files(event));
        })
        .inspect_err(|error| tracing::warn!(%error, "cannot watch files; changes are found every {RESCAN:?}"))
        .ok();
        Self { wakes, watcher, watched: BTreeSet::new(), writing: BTreeMap::new(), pending: None }
    }

    /// Watches exactly `folders`; says whether one of them was not watched before.
    pub(crate) fn follow(&mut self, folders: &BTreeSet<PathBuf>) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        for gone in self.watched.difference(folders) {
            // A folder that was deleted is no longer watched anyway.
            let _ = watcher.unwatch(gone);
        }
        for new in folders.difference(&self.watched) {
            if let Err(error) = watcher.watch(new, RecursiveMode::NonRecursive) {
                tracing::warn!(folder = %new.display(), %error, "cannot watch; changes are found every {RESCAN:?}");
            }
        }
        let is_new = !folders.is_subset(&self.watched);
        self.watched.clone_from(folders);
        is_new
    }

    /// Waits until something may have changed, until `latest` when given.
    pub(crate) fn wait(&mut self, latest: Option<Instant>) -> Turn {
        let rescan = Instant::now() + RESCAN;
        loop {
            if let Some(turn) = self.pending.take() {
                return turn;
            }
            let released = self.writing.values().min().map(|since| *since + WRITING_MAX);
            let deadline = [Some(rescan), latest, released].into_iter().flatten().min().unwrap_or(rescan);
            match self.wakes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return Turn::Stop,
                Ok(Wake::Reload) => return Turn::Reload,
                Ok(Wake::Files(event)) => {
                    if self.note(event) {
                        self.pending = Some(Turn::Rescan);
                        self.drain();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.writing.retain(|_, since| since.elapsed() < WRITING_MAX);
                    return Turn::Rescan;
                }
            }
        }
    }

    /// Takes note of everything that was announced until now.
    pub(crate) fn drain(&mut self) {
        while self.pending != Some(Turn::Stop) {
            match self.wakes.try_recv() {
                Ok(Wake::Stop) => self.pending = Some(Turn::Stop),
                Ok(Wake::Reload) => self.pending = Some(Turn::Reload),
                Ok(Wake::Files(event)) => {
                    if self.note(event) {
                        self.pending.get_or_insert(Turn::Rescan);
                    }
                }
                Err(_) => return,
            }
        }
    }

    /// Whether somebody is writing to `path`.
    pub(crate) fn is_written(&self, path: &Path) -> bool {
        !self.writing.is_empty()
            && (self.writing.contains_key(path)
                || fs::canonicalize(path).is_ok_and(|real| self.writing.contains_key(&real)))
    }

    /// Takes note of an event, and says whether the sources may have changed by it.
    fn note(&mut self, event: notify::Result<Event>) -> bool {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "watching files");
                return true;
            }
        };
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                for path in &event.paths {
                    self.writing.remove(path);
                }
                true
            }
            EventKind::Access(_) => false,
            EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_)) if TELLS_CLOSE => {
                let mut complete = false;
                for path in event.paths {
                    if is_link(&path) {
                        complete = true;
                    } else {
                        self.writing.entry(path).or_insert_with(Instant::now);
                    }
                }
                complete
            }
            EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => {
                for path in event.paths {
                    self.writing.remove(&path);
                    // A folder that is made again has the same name and no watch.
                    self.watched.remove(&path);
                }
                true
            }
            EventKind::Create(_) | EventKind::Modify(_) | EventKind::Any | EventKind::Other => true,
        }
    }
}

/// A link is complete once it is there; nobody closes it.
fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink() || metadata.nlink() > 1)
}
