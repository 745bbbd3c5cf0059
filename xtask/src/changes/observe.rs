//! Finds out when an edit is in force: new connections, one after the other, until all of them show it.

use std::{
    io::{ErrorKind, Write},
    net::{Ipv4Addr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};

use super::edit::Sign;
use crate::response::Response;

/// New connections that must show an edit without exception. The kernel spreads them over the workers at random: that
/// sixteen miss one of two workers happens once in 32,768 edits.
const CONFIRMATIONS: u32 = 16;

/// Between two looks that did not show the edit: the resolution of the figures.
const LOOK_INTERVAL: Duration = Duration::from_micros(500);

/// After this an edit counts as never in force.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at the gateway from outside.
pub(super) struct Observer {
    pub(super) tls: Arc<ClientConfig>,
}

impl Observer {
    /// Returns how long after `written` the last worker showed the sign; `None` when that did not happen.
    ///
    /// The time is that of the first look from which on every look showed it.
    pub(super) fn wait(&self, sign: &Sign, written: Instant) -> Option<Duration> {
        let mut shown_since = None;
        let mut confirmations = 0;
        while written.elapsed() < PATIENCE {
            if !self.shows(sign).unwrap_or(false) {
                (shown_since, confirmations) = (None, 0);
                thread::sleep(LOOK_INTERVAL);
                continue;
            }
            let since = *shown_since.get_or_insert_with(|| written.elapsed());
            confirmations += 1;
            if confirmations > CONFIRMATIONS {
                return Some(since);
            }
        }
        None
    }

    fn shows(&self, sign: &Sign) -> Result<bool> {
        Ok(match *sign {
            Sign::Served { port, path, edit } => {
                let response = get(port, path)?;
                response.status == 200 && response.field("x-edit") == Some(&edit.to_string())
            }
            Sign::Backend { port, path, name } => get(port, path)?.body == name.as_bytes(),
            Sign::Gone { port, path } => get(port, path)?.status == 404,
            Sign::Closed { port } => match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(_) => false,
                Err(error) => error.kind() == ErrorKind::ConnectionRefused,
            },
            Sign::Certificate { port, ref der } => {
                let mut client = ClientConnection::new(self.tls.clone(), ServerName::try_from(super::HOST)?)?;
                let mut connection = connect(port)?;
                while client.is_handshaking() {
                    client.complete_io(&mut connection)?;
                }
                client.peer_certificates().and_then(<[_]>::first) == Some(der)
            }
        })
    }
}

fn connect(port: u16) -> Result<TcpStream> {
    let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

fn get(port: u16, path: &str) -> Result<Response> {
    let mut connection = connect(port)?;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", super::HOST)?;
    let response = Response::read(&mut connection).context("a look was cut off")?;
    if response.status >= 500 {
        bail!("a look was answered with {}", response.status);
    }
    Ok(response)
}
