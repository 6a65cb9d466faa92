//! The settings of the plugin.

mod duration;
mod validate;

use std::path::PathBuf;

pub use duration::Seconds;
use schemars::JsonSchema;
use serde::Deserialize;
use zonemux_authority_server::{MAX_UDP, RateLimit, TcpLimits};
use zonemux_authority_zones::SerialPolicy;
use zonemux_plugin::{Secret, schemars};

/// The settings of the plugin.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Addresses with ports at which questions are answered, over UDP and TCP.
    pub listen: Vec<String>,
    /// Where zones are kept; a relative path refers to the folder of the configuration file. By default
    /// in the daemon's state directory.
    pub directory: Option<PathBuf>,
    /// The name servers of every zone, the primary first.
    pub nameservers: Vec<NameServer>,
    /// The mailbox of who is responsible, such as `hostmaster@example.org`; by default `hostmaster` in
    /// each zone.
    pub hostmaster: Option<String>,
    /// The TTL of records for which ExternalDNS sets none, and of static ones.
    pub default_ttl: Seconds,
    /// What the SOA records say beside that.
    pub soa: SoaSettings,
    /// How the serial of a zone goes on.
    pub serial: Serial,
    /// Secondaries that may transfer the zones, and are told of changes.
    pub transfer: Vec<Transfer>,
    /// Addresses and networks from which anybody may transfer the zones without a key, such as
    /// `192.0.2.0/24`.
    pub transfer_from: Vec<String>,
    /// The name of a catalog zone (RFC 9432), by which secondaries learn of all zones.
    pub catalog: Option<String>,
    /// What a client that asks which server this is (RFC 5001) is told; nothing by default.
    pub identity: Option<String>,
    /// What `version.bind` is answered with; refused by default.
    pub version: Option<String>,
    /// Threads that answer by UDP, for each address.
    pub workers: usize,
    /// What a client gets at most.
    pub limits: Limits,
    /// Records of the operator's own, which ExternalDNS neither sees nor changes.
    #[serde(rename = "static")]
    pub static_records: Vec<StaticRecord>,
}

/// The default of `listen`.
const LISTEN: &str = "127.0.0.1:5300";

/// The name server of zones for which none is named: a zone must have one.
const NAME_SERVER: &str = "localhost";

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: vec![LISTEN.to_owned()],
            directory: None,
            nameservers: vec![NameServer::Name(NAME_SERVER.to_owned())],
            hostmaster: None,
            default_ttl: Seconds(300),
            soa: SoaSettings::default(),
            serial: Serial::default(),
            transfer: Vec::new(),
            transfer_from: Vec::new(),
            catalog: None,
            identity: None,
            version: None,
            workers: 1,
            limits: Limits::default(),
            static_records: Vec::new(),
        }
    }
}

/// A name server, with addresses where its name lies in one of the zones.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NameServer {
    /// Its name alone.
    Name(String),
    /// Its name and addresses.
    WithAddresses(NameServerTable),
}

/// A name server's name and addresses.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameServerTable {
    /// Its name.
    pub name: String,
    /// Its addresses, IPv4 and IPv6.
    pub addresses: Vec<String>,
}

impl NameServer {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::WithAddresses(NameServerTable { name, .. }) => name,
        }
    }

    /// Its addresses, where they are given.
    pub fn addresses(&self) -> &[String] {
        match self {
            Self::Name(_) => &[],
            Self::WithAddresses(table) => &table.addresses,
        }
    }
}

/// The numbers of SOA records (RFC 1035, section 3.3.13; RFC 2308, section 4).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SoaSettings {
    /// After that long a secondary asks for the serial again.
    pub refresh: Seconds,
    /// After that long it asks again where it got no answer.
    pub retry: Seconds,
    /// After that long without an answer it gives the zone up.
    pub expire: Seconds,
    /// For that long it may be remembered that something is not there.
    pub minimum: Seconds,
    /// The TTL of the SOA and NS records themselves.
    pub ttl: Seconds,
}

impl Default for SoaSettings {
    fn default() -> Self {
        Self {
            refresh: Seconds(3600),
            retry: Seconds(600),
            expire: Seconds(1_209_600),
            minimum: Seconds(300),
            ttl: Seconds(3600),
        }
    }
}

/// How the serial of a zone goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Serial {
    /// By one; a new zone begins at the time.
    #[default]
    Increment,
    /// To the seconds since 1970, or by one where that would not be later.
    UnixTime,
}

impl From<Serial> for SerialPolicy {
    fn from(serial: Serial) -> Self {
        match serial {
            Serial::Increment => Self::Increment,
            Serial::UnixTime => Self::UnixTime,
        }
    }
}

/// A secondary.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Its address and port, to which changes are told, and from which it may transfer.
    pub secondary: String,
    /// The key that it must sign with.
    pub tsig: Option<Tsig>,
    /// Whether it is told of changes.
    #[serde(default = "yes")]
    pub notify: bool,
}

fn yes() -> bool {
    true
}

/// What a client gets at most.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Equal answers by UDP that one network (a /24 or /56) gets in a second; 0: as many as it asks for.
    pub responses_per_second: u32,
    /// Every so manieth answer beyond is sent without its records, so that who really asked may ask by TCP; 0:
    /// none.
    pub slip: u32,
    /// The largest answer by UDP, in octets.
    pub udp_size: u16,
    /// TCP connections at the same time.
    pub tcp_connections: usize,
    /// Of these, from one network.
    pub tcp_connections_per_client: usize,
    /// For how long a connection may say nothing.
    pub tcp_idle: Seconds,
    /// For how long a client may not read what it is sent.
    pub tcp_write: Seconds,
    /// Transfers at the same time.
    pub transfers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let (rate, tcp) = (RateLimit::default(), TcpLimits::default());
        let seconds =
            |duration: std::time::Duration| Seconds(u32::try_from(duration.as_secs()).unwrap_or(u32::MAX));
        Self {
            responses_per_second: rate.responses_per_second,
            slip: rate.slip,
            udp_size: MAX_UDP,
            tcp_connections: tcp.connections,
            tcp_connections_per_client: tcp.per_client,
            tcp_idle: seconds(tcp.idle),
            tcp_write: seconds(tcp.write),
            transfers: tcp.transfers,
        }
    }
}

/// A key of transaction signatures (RFC 8945).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tsig {
    /// Its name.
    pub name: String,
    /// Its algorithm.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Its text, in base64.
    pub secret: Secret,
}

/// An algorithm of transaction signatures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// HMAC with SHA-1.
    #[serde(rename = "hmac-sha1")]
    Sha1,
    /// HMAC with SHA-256.
    #[default]
    #[serde(rename = "hmac-sha256")]
    Sha256,
    /// HMAC with SHA-384.
    #[serde(rename = "hmac-sha384")]
    Sha384,
    /// HMAC with SHA-512.
    #[serde(rename = "hmac-sha512")]
    Sha512,
}

/// A record of the operator's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaticRecord {
    /// Its whole name, in one of the zones.
    pub name: String,
    /// `A`, `MX`, `TYPE65280`, …
    #[serde(rename = "type")]
    pub record_type: String,
    /// Its data, written as ExternalDNS writes it: an MX is `10 mail.example.org`.
    pub targets: Vec<String>,
    /// Its TTL; by default `default_ttl`.
    pub ttl: Option<Seconds>,
}
