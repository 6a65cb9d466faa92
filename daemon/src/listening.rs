//! The addresses of the configuration, bound: at the start, and anew at a reload.

use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;

use crate::config::{self, Finding, KeyPath, Listen, ListenSet};
use crate::http::{Address, Listener, Replacement, SOCKET_MODE, Server, Tls};

/// An address can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("`{key}`: can't listen on {address}: {error}")]
pub struct ListenError {
    /// The configuration's key.
    pub key: &'static str,
    /// The address.
    pub address: String,
    /// Why.
    pub error: io::Error,
}

impl ListenError {
    /// The same as a fault of the configuration.
    pub fn finding(&self) -> Finding {
        let keys: Vec<&str> = self.key.split('.').collect();
        let message = format!("can't listen on {}: {}", self.address, self.error);
        let finding = Finding::at(&KeyPath::of(&keys), message);
        self.hint().into_iter().fold(finding, Finding::hint)
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self.error.kind() {
            io::ErrorKind::AddrInUse => Some("is another zonemux running? `ss -ltxnp` shows who listens"),
            io::ErrorKind::PermissionDenied => Some(
                "the account that runs zonemux must be allowed to; ports below 1024 need CAP_NET_BIND_SERVICE",
            ),
            _ => None,
        }
    }
}

/// One side of the daemon, as far as it listens.
#[derive(Debug)]
pub struct Side<'a> {
    key: &'static str,
    set: &'a ListenSet,
    socket_mode: u32,
    tls: Option<&'a Tls>,
}

impl<'a> Side<'a> {
    /// The side that ExternalDNS talks to.
    pub fn webhook(webhook: &'a config::Webhook, tls: &'a Tls) -> Self {
        let socket_mode = webhook.socket_mode.bits();
        Self { key: "webhook.listen", set: &webhook.listen, socket_mode, tls: Some(tls) }
    }

    /// The side of probes and metrics.
    pub fn admin(admin: &'a config::Admin) -> Self {
        Self { key: "admin.listen", set: &admin.listen, socket_mode: SOCKET_MODE, tls: None }
    }

    /// Binds every address.
    pub fn bind(&self) -> Result<Vec<Listener>, ListenError> {
        let bound = self.set.addresses.iter().map(|listen| self.bind_one(&address(listen)));
        bound.filter_map(Result::transpose).collect()
    }

    /// Gives a listener of the service manager's what this side's listeners have.
    pub fn adopt(&self, listener: Listener) -> Listener {
        match self.tls {
            Some(tls) => listener.with_tls(tls.clone()),
            None => listener,
        }
    }

    /// Binds the addresses on which a running server does not listen yet; nothing has changed when
    /// that fails.
    pub fn bind_missing(&self, server: &Server) -> Result<Replacement, ListenError> {
        let wanted: Vec<Address> = self.set.addresses.iter().map(address).collect();
        server.bind_missing(&wanted, |address| self.bind_one(address))
    }

    /// Puts in place what [`bind_missing`](Self::bind_missing) has bound. Sockets that stay get the
    /// mode of this configuration.
    pub fn replace(&self, server: &Server, replacement: Replacement) {
        server.replace(replacement);
        for path in server.own_sockets() {
            let mode = std::fs::Permissions::from_mode(self.socket_mode);
            if let Err(error) = std::fs::set_permissions(&path, mode) {
                let (path, mode) = (path.display(), format!("{:04o}", self.socket_mode));
                tracing::warn!(%path, mode, %error, "a socket's mode can't be set");
            }
        }
    }

    /// Binds an address. Of the default ones, an IPv6 address that the machine lacks is no fault.
    fn bind_one(&self, address: &Address) -> Result<Option<Listener>, ListenError> {
        let bind = |address: &Address| {
            let bound = Listener::bind_with_mode(address, self.socket_mode);
            bound.map(|listener| self.adopt(listener)).map_err(|error| ListenError {
                key: self.key,
                address: address.to_string(),
                error,
            })
        };
        match (bind(address), address) {
            (Ok(listener), _) => Ok(Some(listener)),
            (Err(ListenError { error, .. }), Address::Tcp(tcp))
                if self.set.is_default && tcp.is_ipv6() && lacks_ipv6(&error) =>
            {
                if !tcp.ip().is_unspecified() {
                    tracing::info!(%address, "this machine has no such IPv6 address; left out");
                    return Ok(None);
                }
                let ipv4 = Address::Tcp((Ipv4Addr::UNSPECIFIED, tcp.port()).into());
                bind(&ipv4).map(|listener| Some(listener.in_place_of(address.clone())))
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// Binds the control side's socket.
pub fn bind_control(control: &config::Control) -> Result<Listener, ListenError> {
    let address = Address::Unix(control.socket.clone());
    Listener::bind(&address).map_err(|error| ListenError {
        key: "control.listen",
        address: address.to_string(),
        error,
    })
}

/// Whether an IPv6 address can't be bound because the machine has none, or not this one.
fn lacks_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

fn address(listen: &Listen) -> Address {
    match listen {
        Listen::Tcp(address) => Address::Tcp(*address),
        Listen::Unix(path) => Address::Unix(path.clone()),
    }
}
