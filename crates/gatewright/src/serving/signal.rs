//! Signals become news for the main loop.

use std::{io, process, thread};

use tokio::signal::unix::{SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Stop,
    Reload,
}

/// Listens in the background and tells what comes. The first SIGTERM or SIGINT stops gently, the second at once.
///
/// # Errors
/// When the system refuses a handler or a thread.
pub(crate) fn listen(tell: impl Fn(Signal) + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt, mut hangup) = {
        let _context = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?)
    };
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let mut is_stopping = false;
            loop {
                let signal = tokio::select! {
                    _ = terminate.recv() => Signal::Stop,
                    _ = interrupt.recv() => Signal::Stop,
                    _ = hangup.recv() => Signal::Reload,
                };
                if signal == Signal::Stop {
                    if is_stopping {
                        process::exit(130);
                    }
                    is_stopping = true;
                }
                tell(signal);
            }
        });
    })?;
    Ok(())
}
