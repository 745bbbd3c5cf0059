//! The access log: one line per exchange, written by a thread of its own.
//!
//! A worker copies what the line needs into one allocation and puts it into its own bounded queue; formatting and
//! writing happen on the writer's thread, which sweeps the queues.

mod entry;
mod json;
mod text;

use std::{
    io::{self, Write},
    sync::mpsc::{self, Receiver, SyncSender, TryRecvError},
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use entry::Entry;

use super::Record;

/// Whether exchanges are logged to standard output, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    #[default]
    Off,
    /// One line a person can read.
    Text,
    /// One JSON object per line.
    Json,
}

/// Lines a worker may be ahead of the writer. With [`SWEEP`] it lets a worker log 200,000 requests a second, several
/// times what one core serves; at 512 bytes a line it holds 2 MiB.
const QUEUE_LINES_MAX: usize = 4_096;

/// How long the writer rests when every queue is empty.
const SWEEP: Duration = Duration::from_millis(20);

/// Bytes of formatted lines that go out in one write.
const WRITE_BYTES: usize = 64 * 1024;

/// A worker's entrance to the log.
#[derive(Debug)]
pub(super) struct Entrance(SyncSender<Entry>);

impl Entrance {
    /// Takes a line unless the queue is full, and says whether it did. Never waits.
    pub(super) fn push(&self, record: &Record<'_>) -> bool {
        self.0.try_send(Entry::new(SystemTime::now(), record)).is_ok()
    }
}

/// The writer's thread; it ends when all entrances are gone and their queues are empty.
#[derive(Debug)]
pub(super) struct Writer(JoinHandle<()>);

impl Writer {
    /// Starts the writer, with one entrance per worker. `None` when the log is off.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(
        log: AccessLog,
        workers: usize,
        output: impl Write + Send + 'static,
    ) -> io::Result<Option<(Self, Vec<Entrance>)>> {
        let format: Format = match log {
            AccessLog::Off => return Ok(None),
            AccessLog::Text => text::write,
            AccessLog::Json => json::write,
        };
        let (entrances, queues) = (0..workers)
            .map(|_| mpsc::sync_channel(QUEUE_LINES_MAX))
            .map(|(entrance, queue)| (Entrance(entrance), queue))
            .unzip();
        let thread = thread::Builder::new().name("access-log".into()).spawn(move || sweep(queues, format, output))?;
        Ok(Some((Self(thread), entrances)))
    }

    /// Waits until everything is written. The entrances must be gone, or it waits for them.
    pub(super) fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the access log's writer panicked; lines may be missing");
        }
    }
}

/// Appends one line.
type Format = fn(&mut Vec<u8>, &Entry);

fn sweep(mut queues: Vec<Receiver<Entry>>, format: Format, mut output: impl Write) {
    let mut lines = Vec::with_capacity(WRITE_BYTES);
    while !queues.is_empty() {
        let mut idle = true;
        queues.retain(|queue| {
            loop {
                match queue.try_recv() {
                    Ok(entry) => {
                        idle = false;
                        format(&mut lines, &entry);
                        if lines.len() >= WRITE_BYTES {
                            write(&mut output, &mut lines);
                        }
                    }
                    Err(TryRecvError::Empty) => return true,
                    Err(TryRecvError::Disconnected) => return false,
                }
            }
        });
        write(&mut output, &mut lines);
        if idle {
            thread::sleep(SWEEP);
        }
    }
}

/// Writes and empties `lines`. A reader of standard output who has gone away costs the log, not the traffic.
fn write(output: &mut impl Write, lines: &mut Vec<u8>) {
    if !lines.is_empty() {
        if let Err(error) = output.write_all(lines).and_then(|()| output.flush()) {
            tracing::warn!(%error, "cannot write the access log; lines are lost");
        }
        lines.clear();
    }
}
