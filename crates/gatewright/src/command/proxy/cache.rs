//! The last good Plan on disk, for the next process: a line for each resource, its name and its body.
//!
//! It holds no certificate, because that would be its key: those come from the controller or not at all. What this version
//! does not understand refuses whoever it is for, as if the controller had sent it, until the controller says what there is.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
};

use gatewright_core::plan::{
    Plan,
    resource::{self, Name, Store},
};
use gatewright_xds::Version;

/// The first line: a cache of another form is none.
const HEADER: &str = "gatewright-plan 1";
/// Bytes of a cache that is read; a Plan of 100,000 routes has less.
const BYTES_MAX: u64 = 512 * 1024 * 1024;

pub(super) struct Cache {
    folder: PathBuf,
    writing: Option<JoinHandle<io::Result<()>>>,
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, writing: None }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("plan")
    }

    /// Reads what is there into `store`, and returns the names and versions of it. What is not understood has a version that no
    /// controller gives: whichever connects sends it again, or takes it away.
    ///
    /// # Errors
    /// When there is a file that cannot be read, or that is no cache.
    pub(super) fn read(&self, store: &mut Store) -> io::Result<BTreeMap<Arc<str>, Version>> {
        let mut known = BTreeMap::new();
        let file = match File::open(self.file()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(known),
            opened => opened?,
        };
        let mut lines = BufReader::new(file.take(BYTES_MAX)).lines();
        if lines.next().transpose()?.as_deref() != Some(HEADER) {
            return Err(io::Error::other("it was written by another version"));
        }
        for line in lines {
            let line = line?;
            let Some((name, body)) = line.split_once(' ') else { continue };
            store.add(name, body.as_bytes());
            let understood = if store.rejected().contains_key(name) { b"" } else { body.as_bytes() };
            known.insert(name.into(), Version::of(understood));
        }
        Ok(known)
    }

    /// Begins to write `plan` on a thread of its own: thousands of routes take longer than an edit should wait.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn write(&mut self, plan: Arc<Plan>) -> io::Result<()> {
        let (new, file) = (self.folder.join("plan.new"), self.file());
        self.writing = Some(thread::Builder::new().name("cache".into()).spawn(move || write(&plan, &new, &file))?);
        Ok(())
    }

    /// Returns how the last writing ended; `None` while it goes on.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub(super) fn written(&mut self) -> Option<io::Result<()>> {
        let Some(writing) = self.writing.take_if(|writing| writing.is_finished()) else {
            return self.writing.is_none().then_some(Ok(()));
        };
        Some(writing.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked"))))
    }
}

/// Writes `plan`, all at once as far as a reader of `file` can tell.
fn write(plan: &Plan, new: &Path, file: &Path) -> io::Result<()> {
    let mut writer = BufWriter::new(OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(new)?);
    writeln!(writer, "{HEADER}")?;
    let mut written = Ok(());
    resource::each(plan, |name, body| {
        if written.is_ok() && !matches!(name, Name::Certificate(_)) {
            // JSON of one line: no body has a line break of its own.
            written =
                write!(writer, "{name} ").and_then(|()| writer.write_all(&body.0)).and_then(|()| writeln!(writer));
        }
    });
    written?;
    writer.flush()?;
    fs::rename(new, file)
}

#[cfg(test)]
mod tests;
