//! Signals become wakes of the main loop.

use std::{io, process, sync::mpsc::Sender, thread};

use tokio::signal::unix::{SignalKind, signal};

use crate::manifest::Wake;

/// Listens in the background. The first SIGTERM or SIGINT stops gently, the second at once.
///
/// # Errors
/// When the system refuses a handler or a thread.
pub(super) fn listen(wakes: Sender<Wake>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt, mut hangup) = {
        let _context = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?)
    };
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let mut is_stopping = false;
            loop {
                let wake = tokio::select! {
                    _ = terminate.recv() => Wake::Stop,
                    _ = interrupt.recv() => Wake::Stop,
                    _ = hangup.recv() => Wake::Reload,
                };
                if matches!(wake, Wake::Stop) {
                    if is_stopping {
                        process::exit(130);
                    }
                    is_stopping = true;
                }
                // The main loop is gone only when it is stopping already.
                let _ = wakes.send(wake);
            }
        });
    })?;
    Ok(())
}
