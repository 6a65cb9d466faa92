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
    /// The daemon was running already.
    pub running: bool,
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
            io::ErrorKind::AddrInUse if self.running => Some(
                "`ss -ltxnp` shows who listens; where it is this daemon, with an address that overlaps this \
                 one (0.0.0.0 and 127.0.0.1 on one port), the change takes a restart",
            ),
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
        let missing = server.bind_missing(&wanted, |address| self.bind_one(address));
        missing.map_err(|error| ListenError { running: true, ..error })
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
                running: false,
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
        running: false,
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hyper::StatusCode;

    use super::*;
    use crate::config::{Config, load_text};
    use crate::http::{ServerSettings, text};

    fn config(folder: &Path, webhook: &str) -> Config {
        let backend = "[backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\n";
        let text = format!("version = 1\n[webhook]\n{webhook}\n{backend}");
        load_text(&folder.join("config.toml"), &text).unwrap().config
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// A server with the listeners of a configuration.
    fn server(config: &Config, tls: &Tls) -> Server {
        let listeners = Side::webhook(&config.webhook, tls).bind().unwrap();
        Server::start(listeners, ServerSettings::default(), |_, _| async { text(StatusCode::OK, "ok") })
    }

    #[tokio::test]
    async fn a_socket_that_stays_gets_the_mode_of_the_new_configuration_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("webhook.sock");
        let tls = Tls::new(None);
        let before = config(folder.path(), "listen = [\"unix:webhook.sock\"]\nsocket_mode = \"0600\"");
        let server = server(&before, &tls);
        let after = config(
            folder.path(),
            "listen = [\"unix:webhook.sock\", \"unix:more.sock\"]\nsocket_mode = \"0666\"",
        );
        let side = Side::webhook(&after.webhook, &tls);
        let replacement = side.bind_missing(&server).unwrap();
        assert_eq!(mode(&path), 0o600);
        side.replace(&server, replacement);
        assert_eq!((mode(&path), mode(&folder.path().join("more.sock"))), (0o666, 0o666));
        assert_eq!(server.addresses().len(), 2);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named_with_its_key_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::new(None);
        let server = server(&config(folder.path(), "listen = [\"127.0.0.1:0\"]"), &tls);
        let addresses = server.addresses();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let _taken = std::net::TcpListener::bind(taken).unwrap();
        let after = config(folder.path(), &format!("listen = [\"unix:webhook.sock\", \"{taken}\"]"));
        let error = Side::webhook(&after.webhook, &tls).bind_missing(&server).unwrap_err();
        assert_eq!((error.key, error.address.clone()), ("webhook.listen", taken.to_string()));
        assert!(error.hint().is_some_and(|hint| hint.contains("restart")), "{error}");
        assert_eq!(server.addresses(), addresses);
        assert!(!folder.path().join("webhook.sock").exists(), "what was bound for nothing is gone");
    }

    #[tokio::test]
    async fn the_default_addresses_do_on_a_machine_without_ipv6() {
        for errno in [rustix::io::Errno::ADDRNOTAVAIL, rustix::io::Errno::AFNOSUPPORT] {
            assert!(lacks_ipv6(&io::Error::from(errno)));
        }
        assert!(!lacks_ipv6(&io::Error::from(rustix::io::Errno::ADDRINUSE)));
        let set =
            ListenSet { addresses: vec![Listen::Tcp("[2001:db8::1]:0".parse().unwrap())], is_default: true };
        let admin = config::Admin { listen: set };
        assert!(Side::admin(&admin).bind().unwrap().is_empty());
        let chosen = config::Admin { listen: ListenSet { is_default: false, ..admin.listen } };
        assert!(Side::admin(&chosen).bind().is_err());
    }
}
