//! An HTTP/2 origin on raw frames.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use super::{
    PATIENCE,
    h2::{Connection, DATA, Frame, GOAWAY, HEADERS, RST_STREAM, prepared},
    hpack::Decoder,
};

/// A frame that reached the origin, with its fields if it is HEADERS.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) frame: Frame,
    pub(crate) fields: Vec<(String, String)>,
}

impl Arrived {
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

/// What the origin sends when a frame of a stream has arrived; frames get their stream's number, GOAWAY apart.
type Script = dyn Fn(&Arrived) -> Vec<Frame> + Send + Sync;

pub(crate) struct H2Origin {
    pub(crate) address: SocketAddr,
    arrivals: Mutex<mpsc::Receiver<Arrived>>,
}

impl H2Origin {
    /// An origin with these settings that plays `script`.
    pub(crate) fn start(
        settings: &'static [(u16, u32)],
        script: impl Fn(&Arrived) -> Vec<Frame> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (sender, arrivals) = mpsc::channel();
        let script: Arc<Script> = Arc::new(script);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut connection = Connection::over(prepared(stream));
                let (script, sender) = (Arc::clone(&script), sender.clone());
                thread::spawn(move || {
                    if !connection.read_preface() {
                        return;
                    }
                    connection.send(&Frame::settings(settings));
                    let mut decoder = Decoder::default();
                    // A connection that stays idle is not the gateway's failure.
                    while let Some(frame) = connection.next_within(Duration::from_secs(60)) {
                        if !matches!(frame.kind, HEADERS | DATA | RST_STREAM) {
                            continue;
                        }
                        let fields = if frame.kind == HEADERS { decoder.decode(&frame.payload) } else { Vec::new() };
                        let arrived = Arrived { frame, fields };
                        let stream = arrived.frame.stream;
                        let answer = script(&arrived);
                        let _ = sender.send(arrived);
                        connection.send_all(
                            &answer
                                .into_iter()
                                .map(|frame| Frame { stream: if frame.kind == GOAWAY { 0 } else { stream }, ..frame })
                                .collect::<Vec<_>>(),
                        );
                    }
                });
            }
        });
        Self { address, arrivals: Mutex::new(arrivals) }
    }

    /// Waits for the next frame that `wanted` is looking for.
    pub(crate) fn wait(&self, wanted: impl Fn(&Arrived) -> bool) -> Arrived {
        let arrivals = self.arrivals.lock().expect("no holder panics");
        loop {
            let arrived = arrivals.recv_timeout(PATIENCE).expect("the origin waited in vain");
            if wanted(&arrived) {
                return arrived;
            }
        }
    }

    /// Returns the frames that have arrived and were not waited for.
    pub(crate) fn take(&self) -> Vec<Arrived> {
        self.arrivals.lock().expect("no holder panics").try_iter().collect()
    }
}
