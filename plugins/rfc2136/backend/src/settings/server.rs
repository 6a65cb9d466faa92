//! Servers as they are written: names or addresses, with a port or without.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use zonemux_plugin::dns::canonical;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// A name or an address.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Place {
    pub(crate) fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Reads a server; the reason for a refusal follows what was written.
    pub(crate) fn read(text: &str, default_port: u16) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return port(address.port()).map(|port| Self::new(address.ip().to_string(), port));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::new(address.to_string(), default_port));
        }
        if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
            && let Ok(address) = inside.parse::<Ipv6Addr>()
        {
            return Ok(Self::new(address.to_string(), default_port));
        }
        let (host, number) = match text.split_once(':') {
            None => (text, default_port),
            Some((host, number)) => {
                let number: u16 = number.parse().map_err(|_| format!("`{number}` is no port"))?;
                (host, port(number)?)
            }
        };
        if host.contains("//") || host.contains('/') {
            return Err("it is a URL, not a server".to_owned());
        }
        // What looks like an address and is none would be looked up as a name.
        if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(format!("`{host}` is no address"));
        }
        canonical(host).map_err(|error| error.to_string())?;
        Ok(Self::new(host.trim_end_matches('.'), number))
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.host.parse().ok().map(|address| SocketAddr::new(address, self.port))
    }
}

fn port(number: u16) -> Result<u16, String> {
    match number {
        0 => Err("port 0 is none".to_owned()),
        953 => Err("port 953 is that of `rndc`, which speaks no DNS; DNS has port 53".to_owned()),
        number => Ok(number),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
