//! The real binary in a folder of its own, and a client that asks it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

const BINARY: &str = env!("CARGO_BIN_EXE_gatewright");

/// What anything waited for may take on a busy machine. No test passes by waiting for it to run out.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running `gatewright run` or `echo`, which ends with its test.
pub(crate) struct Process {
    pub(crate) child: Child,
    /// What it says to the person who started it, line by line.
    lines: Receiver<String>,
}

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(BINARY)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let lines = forward(child.stderr.take().expect("it is piped"));
        Self { child, lines }
    }

    /// Waits for a line that holds `before`, and returns the address that stands behind it.
    pub(crate) fn address_after(&self, before: &str) -> SocketAddr {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = String::new();
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if let Some((_, rest)) = line.split_once(before) {
                let text = rest.split(['/', ' ']).next().unwrap_or_default();
                if let Ok(address) = text.parse() {
                    return address;
                }
            }
            seen += &format!("{line}\n");
        }
        panic!("no line with {before:?} and an address in:\n{seen}");
    }

    /// Waits for a line that holds `part`, and returns it.
    pub(crate) fn wait_for_line(&self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = String::new();
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if line.contains(part) {
                return line;
            }
            seen += &format!("{line}\n");
        }
        panic!("no line with {part:?} in:\n{seen}");
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(stderr: ChildStderr) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            // Nobody may be listening any more; the pipe is read all the same.
            let _ = sender.send(line);
        }
    });
    lines
}

/// A gateway that follows a folder.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) admin: SocketAddr,
    pub(crate) address: SocketAddr,
}

impl Gateway {
    /// Serves `folder`, whose manifests name `port`, and waits until it is ready.
    pub(crate) fn start(folder: &Path, port: u16) -> Self {
        let folder = folder.to_str().expect("the folder's name is text");
        let process = Process::start(&["run", folder, "--bind", "127.0.0.1", "--admin", "127.0.0.1:0"]);
        let admin = process.address_after("  http://");
        assert_eq!(get(admin, &admin.to_string(), "/readyz").0, 200);
        Self { process, admin, address: ([127, 0, 0, 1], port).into() }
    }

    pub(crate) fn get(&self, host: &str) -> (u16, String) {
        get(self.address, host, "/")
    }

    /// Asks until the answer is `status`, and returns it.
    pub(crate) fn wait_for(&self, host: &str, status: u16) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.get(host) {
                (found, body) if found == status => return body,
                (found, _) if Instant::now() > deadline => panic!("still {found} and not {status}"),
                _ => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// What `gatewright status` prints.
    pub(crate) fn status(&self) -> String {
        let output = gatewright(&["status", "--admin", &self.admin.to_string()]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("status is text")
    }

    /// Asks for the status until `is_right` likes it.
    pub(crate) fn wait_for_status(&self, is_right: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            if is_right(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "status stays:\n{status}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Runs a command of the binary to its end.
pub(crate) fn gatewright(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().expect("the binary starts")
}

/// Sends a GET, and returns the status and the body; status 0 when there was no answer.
pub(crate) fn get(address: SocketAddr, host: &str, path: &str) -> (u16, String) {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().unwrap_or_default();
    let status = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// A port that nobody has now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Copies one of the talk's manifests into `folder`, with the ports of this test in the place of the talk's.
pub(crate) fn copy_talk(folder: &Path, name: &str, listener: u16, backend: u16) {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/talk").join(name);
    let text = fs::read_to_string(source).expect("the manifest is there");
    let endpoint = format!("port: {backend}\nendpoints");
    let text = text.replace("port: 8080", &format!("port: {listener}")).replace("port: 3000\nendpoints", &endpoint);
    fs::write(folder.join(name), text).expect("the folder takes it");
}
