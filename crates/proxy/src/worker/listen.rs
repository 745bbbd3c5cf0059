//! The sockets of a worker: one per port and address, each with its own queue by SO_REUSEPORT.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections the kernel may hold for us while we are busy; it cuts this to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Bytes that a client's socket may hold beyond those under way. With more, the kernel says that there is room again only
/// after a third of megabytes, and a slow client looks like one that does not read.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// Opens a listening socket that shares its address with the other workers'.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        // Where both families are wanted, both are bound: one socket for both would hide which failed.
        socket.set_only_v6(true)?;
    }
    // Its connections have it from it.
    socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Looks whether an address is free. Workers share theirs by SO_REUSEPORT, and so would another process of the same user,
/// which the kernel would give half of the connections without a word: a socket that shares with nobody finds out.
///
/// # Errors
/// When somebody listens there, or the address cannot be bound at all.
fn probe(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections that are closing are in nobody's way.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())
}

/// Where a Plan's ports are bound.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) addresses: Vec<IpAddr>,
    /// Added to ports below 1024, for runs without the privilege to bind those.
    pub(crate) port_offset: u16,
}

impl Binding {
    /// Looks whether `port` can be opened by a process that has it nowhere yet.
    ///
    /// # Errors
    /// What stands in its way.
    pub(crate) fn probe(&self, port: u16) -> Result<(), String> {
        self.addresses(port)?.iter().try_for_each(|address| {
            probe(*address).map_err(|error| match error.kind() {
                io::ErrorKind::AddrInUse => format!("cannot listen on {address}: another process listens there"),
                _ => format!("cannot listen on {address}: {error}"),
            })
        })
    }

    pub(super) fn addresses(&self, port: u16) -> Result<Vec<SocketAddr>, String> {
        let bound = match port {
            0..1024 => port.checked_add(self.port_offset),
            _ => Some(port),
        };
        let bound = bound.ok_or_else(|| format!("port {port} plus the offset {} is no port", self.port_offset))?;
        Ok(self.addresses.iter().map(|address| SocketAddr::new(*address, bound)).collect())
    }
}

/// By port of the Plan: why it must not be opened.
pub(crate) type Refused = BTreeMap<u16, String>;

/// By port of the Plan: where it is bound, or why it is not.
pub(crate) type Bound = BTreeMap<u16, Result<Vec<SocketAddr>, String>>;
