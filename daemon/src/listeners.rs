//! Binds what the configuration says to listen on.

use std::io;
use std::net::Ipv4Addr;

use crate::config::{Config, Listen, ListenSet};
use crate::http::{Address, Listener};
use crate::service_manager;

/// Why the daemon can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can't be listened on.
    #[error("`{key}`: can't listen on {address}: {error}")]
    Listen {
        /// The configuration's key.
        key: &'static str,
        /// The address.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// A descriptor of the service manager's can't be used.
    #[error("a socket of the service manager can't be used: {0}")]
    Handover(io::Error),
    /// The state directory can't be made.
    #[error("`state.directory`: can't make {path}: {error}")]
    State {
        /// The folder.
        path: String,
        /// Why.
        error: io::Error,
    },
}

impl StartError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Listen { error, .. } if error.kind() == io::ErrorKind::AddrInUse => {
                Some("is another zonemux running? `ss -ltxnp` shows who listens")
            }
            Self::Listen { error, .. } | Self::State { error, .. }
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some(
                    "the account that runs zonemux must be allowed to; ports below 1024 need CAP_NET_BIND_SERVICE",
                )
            }
            _ => None,
        }
    }
}

/// The webhook's listeners: those that the service manager hands over, else those of the configuration.
/// Must be called inside a tokio runtime, like the others here.
pub fn webhook(config: &Config) -> Result<Vec<Listener>, StartError> {
    let handed_over = service_manager::sockets().map_err(StartError::Handover)?;
    if handed_over.is_empty() { bind_all("webhook.listen", &config.webhook.listen) } else { Ok(handed_over) }
}

/// Binds a set of addresses. Of the default ones, an IPv6 address that the machine lacks is no fault.
pub fn bind_all(key: &'static str, set: &ListenSet) -> Result<Vec<Listener>, StartError> {
    let mut listeners = Vec::with_capacity(set.addresses.len());
    for address in &set.addresses {
        match bind(key, address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if set.is_default && lacks_ipv6(address, &error) => match address {
                Listen::Tcp(any) if any.ip().is_unspecified() => {
                    listeners.push(bind(key, &Listen::Tcp((Ipv4Addr::UNSPECIFIED, any.port()).into()))?);
                }
                _ => tracing::info!(%address, "this machine has no such IPv6 address; left out"),
            },
            Err(error) => return Err(error),
        }
    }
    Ok(listeners)
}

/// Whether an IPv6 address can't be bound because the machine has none, or not this one.
fn lacks_ipv6(address: &Listen, error: &StartError) -> bool {
    let StartError::Listen { error, .. } = error else { return false };
    let lacking = error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    matches!(address, Listen::Tcp(address) if address.is_ipv6()) && lacking
}

/// Binds one address.
pub fn bind(key: &'static str, listen: &Listen) -> Result<Listener, StartError> {
    let address = match listen {
        Listen::Tcp(address) => Address::Tcp(*address),
        Listen::Unix(path) => Address::Unix(path.clone()),
    };
    Listener::bind(&address).map_err(|error| StartError::Listen { key, address: address.to_string(), error })
}

/// Where they listen.
pub fn addresses(listeners: &[Listener]) -> Vec<String> {
    listeners.iter().map(|listener| listener.address().to_string()).collect()
}
