//! Addresses to listen on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Invalid;

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listen {
    /// An IP address and port, written `127.0.0.1:8888` or `[::1]:8888`. Port 0 takes a free one.
    Tcp(SocketAddr),
    /// A socket in the file system, written `unix:/run/zonemux/webhook.sock`.
    Unix(PathBuf),
}

/// The addresses of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenSet {
    /// In the order in which they are written; at least one.
    pub addresses: Vec<Listen>,
    /// Nobody chose them: one that the machine lacks (IPv6) may be left out.
    pub is_default: bool,
}

/// The longest path that fits `sun_path` with its terminating zero byte (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

impl Listen {
    /// The path with `base` before it where it is relative; checked for the kernel's limit.
    pub(crate) fn resolved(self, base: &Path) -> Result<Self, Invalid> {
        let Self::Unix(path) = self else { return Ok(self) };
        let path = crate::config::paths::resolve(base, &path);
        if path.as_os_str().len() > LONGEST_SOCKET_PATH {
            return Err(Invalid::new(format!(
                "a socket path of at most {LONGEST_SOCKET_PATH} bytes, `{}` has {}",
                path.display(),
                path.as_os_str().len()
            )));
        }
        Ok(Self::Unix(path))
    }
}

impl FromStr for Listen {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = || {
            Invalid::new(
                "an address such as \"127.0.0.1:8888\", \"[::1]:8888\" or \"unix:/run/zonemux/webhook.sock\"",
            )
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err(expected()),
                _ if path.contains('\0') => Err(expected()),
                _ => Ok(Self::Unix(PathBuf::from(path))),
            };
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Tcp(address));
        }
        Err(match hint(text) {
            Some(hint) => expected().hint(hint),
            None => expected(),
        })
    }
}

/// What somebody who wrote `text` probably meant.
fn hint(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(format!("add the port, for example \"{}\"", SocketAddr::new(address, 8888)));
    }
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    match host {
        "" | "*" => Some(format!(
            "name the address: \"{}\" for every IPv4 address, \"[::]:{port}\" for every address",
            SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
        )),
        "localhost" => Some(format!("write \"127.0.0.1:{port}\" or \"[::1]:{port}\"")),
        _ => match host.parse::<IpAddr>() {
            Ok(address @ IpAddr::V6(_)) => Some(format!("write \"{}\"", SocketAddr::new(address, port))),
            _ => None,
        },
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_sockets() {
        for text in
            ["127.0.0.1:8888", "[::1]:8888", "0.0.0.0:0", "[fe80::1%2]:80", "unix:/run/a.sock", "unix:./a b"]
        {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "8888",
            "127.0.0.1",
            "127.0.0.1:65536",
            "example.org:80",
            "unix:",
            "unix:a\0b",
            "tcp://1.2.3.4:5",
        ] {
            assert!(text.parse::<Listen>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn says_what_was_probably_meant() {
        let hint = |text: &str| text.parse::<Listen>().unwrap_err().hint.unwrap();
        assert_eq!(hint("127.0.0.1"), "add the port, for example \"127.0.0.1:8888\"");
        assert_eq!(hint("::1"), "add the port, for example \"[::1]:8888\"");
        assert_eq!(hint("localhost:80"), "write \"127.0.0.1:80\" or \"[::1]:80\"");
        assert!(hint(":80").starts_with("name the address: \"0.0.0.0:80\""));
        assert_eq!("fd00::zz:80".parse::<Listen>().unwrap_err().hint, None);
    }

    #[test]
    fn a_relative_socket_lies_beside_its_file() {
        let listen: Listen = "unix:./var/control.sock".parse().unwrap();
        assert_eq!(
            listen.resolved(Path::new("/etc/zonemux")).unwrap().to_string(),
            "unix:/etc/zonemux/var/control.sock"
        );
    }

    #[test]
    fn a_socket_path_has_room_in_the_kernel() {
        let path = |length: usize| Listen::Unix(PathBuf::from(format!("/{}", "a".repeat(length - 1))));
        assert!(path(107).resolved(Path::new("/")).is_ok());
        let error = path(108).resolved(Path::new("/")).unwrap_err();
        assert!(error.expected.ends_with("has 108"), "{}", error.expected);
    }
}
