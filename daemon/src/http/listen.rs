//! Listening sockets: bound here, or handed over by the service manager.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::tls::Tls;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A TCP port; port 0 takes any that is free.
    Tcp(SocketAddr),
    /// A unix socket's path.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Connections that wait for us to accept them; the kernel's own limit may be lower.
const BACKLOG: i32 = 1024;

/// A socket that takes connections.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: ListenerSocket,
    address: Address,
    /// What it was bound for: port 0 still, where that was asked for.
    asked: Address,
    /// The service manager has bound it.
    handed_over: bool,
    pub(super) tls: Option<Tls>,
    /// Removes the path of a unix socket that we made ourselves.
    path: Option<SocketPath>,
}

#[derive(Debug)]
pub(super) enum ListenerSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The same without the runtime, for what is left in its queue.
#[derive(Debug)]
pub(super) enum StdSocket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

/// The mode of a unix socket's path where nobody chooses another: its owner and its group.
pub const SOCKET_MODE: u32 = 0o660;

impl Listener {
    /// Binds an address; a unix socket gets [`SOCKET_MODE`]. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`bind_with_mode`](Self::bind_with_mode).
    pub fn bind(address: &Address) -> io::Result<Self> {
        Self::bind_with_mode(address, SOCKET_MODE)
    }

    /// Binds an address; a unix socket gets a mode. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// `AddrInUse` also where something answers on a unix socket's path, and `AlreadyExists` where the
    /// path is no socket. A socket that nobody listens on any more is replaced.
    pub fn bind_with_mode(address: &Address, mode: u32) -> io::Result<Self> {
        let mut listener = match address {
            Address::Tcp(address) => Self::from_tcp(bind_tcp(*address)?)?,
            Address::Unix(path) => {
                let (listener, identity) = bind_unix(path, mode)?;
                let listener = Self::from_unix(listener)?;
                let path = Some(SocketPath { path: path.clone(), identity });
                Self { address: address.clone(), path, ..listener }
            }
        };
        (listener.asked, listener.handed_over) = (address.clone(), false);
        Ok(listener)
    }

    /// Takes over a bound TCP socket, such as one of the service manager's.
    pub fn from_tcp(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = Address::Tcp(listener.local_addr()?);
        let socket = ListenerSocket::Tcp(TcpListener::from_std(listener)?);
        Ok(Self::handed_over(socket, address))
    }

    /// Takes over a bound unix socket, such as one of the service manager's; its path is left alone.
    pub fn from_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let path = listener.local_addr()?.as_pathname().unwrap_or(Path::new("")).to_owned();
        let socket = ListenerSocket::Unix(UnixListener::from_std(listener)?);
        Ok(Self::handed_over(socket, Address::Unix(path)))
    }

    fn handed_over(socket: ListenerSocket, address: Address) -> Self {
        Self { socket, asked: address.clone(), address, handed_over: true, tls: None, path: None }
    }

    /// The same with TLS as `tls` has it at the time of each connection. A unix socket stays plain:
    /// its bytes never leave the machine, and its mode says who may connect.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = matches!(self.socket, ListenerSocket::Tcp(_)).then_some(tls);
        self
    }

    /// The same in the place of another address, such as IPv4 alone where the machine has no IPv6.
    #[must_use]
    pub fn in_place_of(mut self, asked: Address) -> Self {
        self.asked = asked;
        self
    }

    /// Where it listens: with the real port where port 0 was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What it was bound for.
    pub(super) fn asked(&self) -> &Address {
        &self.asked
    }

    /// Whether the service manager has bound it.
    pub(super) fn is_handed_over(&self) -> bool {
        self.handed_over
    }

    /// The bare socket; a path of ours is gone. Where the runtime can't give it back, it is closed.
    pub(super) fn into_socket(self) -> io::Result<StdSocket> {
        // First, so that nobody connects any more.
        drop(self.path);
        match self.socket {
            ListenerSocket::Tcp(listener) => listener.into_std().map(StdSocket::Tcp),
            ListenerSocket::Unix(listener) => listener.into_std().map(StdSocket::Unix),
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the old connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if let SocketAddr::V6(address) = address {
        // `[::]` takes IPv4 as well, whatever the machine's default is.
        socket.set_only_v6(*address.ip() != Ipv6Addr::UNSPECIFIED)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind_unix(path: &Path, mode: u32) -> io::Result<(std::os::unix::net::UnixListener, (u64, u64))> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    // Before `listen` nobody can connect, so that no moment of wider access is left.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    let metadata = std::fs::symlink_metadata(path)?;
    socket.listen(BACKLOG)?;
    Ok((socket.into(), (metadata.dev(), metadata.ino())))
}

/// Removes a socket that a killed process left behind.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            let message = format!("{} is there and is not a socket", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => {
            let message = format!("another process listens on {}", path.display());
            Err(io::Error::new(io::ErrorKind::AddrInUse, message))
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) => Err(error),
    }
}

/// The path of a socket of ours, removed with its listener unless another has taken the place.
#[derive(Debug)]
struct SocketPath {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        let Ok(metadata) = std::fs::symlink_metadata(&self.path) else {
            return;
        };
        if (metadata.dev(), metadata.ino()) == self.identity
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "a socket's path could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("webhook.sock");
        let address = Address::Unix(path.clone());
        // What a killed process leaves: a path whose socket is closed.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = Listener::bind(&address).unwrap();
        assert_eq!(listener.address(), &address);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o660);

        assert_eq!(Listener::bind(&address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        assert!(!path.exists(), "the path goes with its listener");
    }

    #[tokio::test]
    async fn a_socket_gets_its_mode_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("webhook.sock");
        for mode in [0o600, 0o666, 0o770] {
            let _listener = Listener::bind_with_mode(&Address::Unix(path.clone()), mode).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, mode);
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "mine").unwrap();
        let error = Listener::bind(&Address::Unix(path.clone())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }

    #[tokio::test]
    async fn a_path_that_another_has_taken_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("webhook.sock");
        let listener = Listener::bind(&Address::Unix(path.clone())).unwrap();
        std::fs::remove_file(&path).unwrap();
        let _successor = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(listener);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn the_ipv6_wildcard_takes_ipv4_and_other_ipv6_addresses_do_not() {
        let bind = |address: &str| Listener::bind(&Address::Tcp(address.parse().unwrap()));
        let (wildcard, loopback) = match (bind("[::]:0"), bind("[::1]:0")) {
            (Ok(wildcard), Ok(loopback)) => (wildcard, loopback),
            (Err(error), _) | (_, Err(error)) => {
                // EADDRNOTAVAIL or EAFNOSUPPORT: a machine without IPv6.
                assert!(matches!(error.raw_os_error(), Some(97 | 99)), "{error}");
                return;
            }
        };
        for (listener, taken) in [(wildcard, true), (loopback, false)] {
            let Address::Tcp(address) = listener.address() else { panic!("a TCP address") };
            let over_ipv4 = std::net::TcpStream::connect(("127.0.0.1", address.port()));
            assert_eq!(over_ipv4.is_ok(), taken);
        }
    }

    #[tokio::test]
    async fn port_0_becomes_a_real_port() {
        let listener = Listener::bind(&Address::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
        let Address::Tcp(address) = listener.address() else { panic!("a TCP address") };
        assert_ne!(address.port(), 0);
    }
}
