//! The settings of the plugin.

mod duration;
mod key_file;
mod server;
mod validate;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use zonemux_plugin::dns::canonical;
use zonemux_plugin::schemars::{self, JsonSchema};
use zonemux_plugin::{Fault, Secret};

pub(crate) use key_file::read as read_key_file;
pub(crate) use server::Place;
pub(crate) use validate::decode_secret;

/// How long to wait for a connection, and for each answer, where the settings don't say.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The TTL of records for which none was asked, in seconds.
const DEFAULT_TTL: u32 = 300;
/// How long a copy of a zone is brought up to date before it is transferred whole again.
const FULL_TRANSFER: Duration = Duration::from_secs(3600);

/// The settings of the plugin.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The server that takes updates and gives transfers: `ns1.example.org`, `192.0.2.53:53`,
    /// `[2001:db8::53]:53`. Without it, the primary that the zone's SOA names.
    pub server: Option<String>,
    /// Several servers instead, each of which takes updates: the first that answers is used.
    pub servers: Vec<String>,
    /// The key that messages are signed with.
    pub tsig: Option<Tsig>,
    /// How messages are sent: `tcp` (the default), `udp` for what is small, or `tls`.
    pub transport: Option<Transport>,
    /// With `transport = "tls"`: how the server is known.
    pub tls: Option<Tls>,
    /// The address that connections come from.
    pub source: Option<String>,
    /// How long to wait for a connection, and for each answer, such as `30s`; 10 seconds by default.
    pub timeout: Option<String>,
    /// The TTL of records for which none was asked, such as `1h`; 5 minutes by default.
    pub default_ttl: Option<String>,
    /// How often a zone is transferred whole, though its serial or what changed would do; `1h` by default.
    pub full_transfer: Option<String>,
    /// What is different for single zones.
    pub zone: BTreeMap<String, ZoneSettings>,
}

/// What is different for one zone.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ZoneSettings {
    /// The zone's server.
    pub server: Option<String>,
    /// The zone's servers.
    pub servers: Vec<String>,
    /// The zone's key.
    pub tsig: Option<Tsig>,
    /// How messages about the zone are sent.
    pub transport: Option<Transport>,
    /// How the zone's server is known.
    pub tls: Option<Tls>,
    /// The address that connections come from.
    pub source: Option<String>,
    /// How long to wait for a connection, and for each answer.
    pub timeout: Option<String>,
}

/// A key (RFC 8945).
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tsig {
    /// The key's name, as on the server.
    pub name: Option<String>,
    /// `hmac-sha256` (the default), `hmac-sha512`, `hmac-sha384`, `hmac-sha224`, `hmac-sha1` or `hmac-md5`.
    pub algorithm: Option<String>,
    /// The secret, in Base64.
    #[schemars(with = "Option<Secret>")]
    pub secret: Option<Hidden>,
    /// A file of BIND's with the key instead, as `tsig-keygen` writes it.
    pub key_file: Option<PathBuf>,
    /// GSS-TSIG, which is not supported.
    pub gss: bool,
}

/// A [`Secret`] that can be compared.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub Secret);

impl PartialEq for Hidden {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose() == other.0.expose()
    }
}

/// How messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// By TCP.
    #[default]
    Tcp,
    /// By UDP where they fit into a datagram.
    Udp,
    /// By TLS (RFC 7858, RFC 9103).
    Tls,
}

/// How a server is known, and we to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The authorities that the server's certificate may come from (PEM); the system's by default.
    pub ca: Option<PathBuf>,
    /// Our certificate (PEM), where the server wants one.
    pub cert: Option<PathBuf>,
    /// Its key (PEM).
    pub key: Option<PathBuf>,
    /// The name in the server's certificate, where it is not the one in `server`.
    pub server_name: Option<String>,
    /// Instead of authorities: the SHA-256 of the public key in the server's certificate, in Base64
    /// (RFC 7858, section 4.2), as `kdig +tls-pin` takes it.
    pub pin_sha256: Option<String>,
}

/// What leads to the servers of a zone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Access {
    /// None: the primary that the SOA names.
    pub(crate) servers: Vec<String>,
    pub(crate) tsig: Option<Tsig>,
    pub(crate) transport: Transport,
    pub(crate) tls: Tls,
    pub(crate) source: Option<String>,
    pub(crate) timeout: Option<String>,
}

impl Access {
    pub(crate) fn limit(&self) -> Duration {
        self.timeout.as_deref().and_then(duration::read).unwrap_or(TIMEOUT)
    }

    /// The port that servers listen on where none is named.
    pub(crate) fn port(&self) -> u16 {
        if self.transport == Transport::Tls { 853 } else { 53 }
    }
}

impl Settings {
    /// Checks what types can't say.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        validate::faults(self)
    }

    /// What leads to the servers of a zone: its own settings before the common ones.
    pub(crate) fn access(&self, zone: &str) -> Access {
        let common = ZoneSettings::default();
        let own = self.zone.iter().find(|(name, _)| canonical(name).is_ok_and(|name| name == zone));
        let own = own.map_or(&common, |(_, own)| own);
        let servers = match servers(own.server.as_ref(), &own.servers) {
            named if named.is_empty() => servers(self.server.as_ref(), &self.servers),
            named => named,
        };
        Access {
            servers,
            tsig: own.tsig.clone().or_else(|| self.tsig.clone()),
            transport: own.transport.or(self.transport).unwrap_or_default(),
            tls: own.tls.clone().or_else(|| self.tls.clone()).unwrap_or_default(),
            source: own.source.clone().or_else(|| self.source.clone()),
            timeout: own.timeout.clone().or_else(|| self.timeout.clone()),
        }
    }

    pub(crate) fn default_ttl(&self) -> u32 {
        let set = self.default_ttl.as_deref().and_then(duration::read);
        set.and_then(|ttl| u32::try_from(ttl.as_secs()).ok()).unwrap_or(DEFAULT_TTL)
    }

    pub(crate) fn full_transfer(&self) -> Duration {
        self.full_transfer.as_deref().and_then(duration::read).unwrap_or(FULL_TRANSFER)
    }
}

fn servers(server: Option<&String>, servers: &[String]) -> Vec<String> {
    server.into_iter().chain(servers).cloned().collect()
}

#[cfg(test)]
mod tests;
