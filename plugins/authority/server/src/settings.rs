//! What the server is told.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::tsig::Key;
use ipnet::IpNet;
use zonemux_authority_zones::Name;

/// The largest answer by UDP that is sent in one piece everywhere (RFC 9715, section 3.1).
pub const MAX_UDP: u16 = 1232;

/// What the server is told.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Addresses for UDP and TCP alike; port 0 takes one that is free on both.
    pub listen: Vec<SocketAddr>,
    /// Threads that answer UDP, for each address.
    pub workers: usize,
    /// The largest answer by UDP, in octets; at least 512.
    pub max_udp: u16,
    /// What a client that asks for it by NSID (RFC 5001) or `id.server` is told of which server this is.
    pub identity: Option<String>,
    /// What `version.bind` is answered with; refused without.
    pub version: Option<String>,
    /// Servers that are told of changes and may transfer every zone.
    pub secondaries: Vec<Secondary>,
    /// Who else may transfer, without a key.
    pub transfer_from: Vec<IpNet>,
    /// With which keys anybody may transfer.
    pub transfer_keys: Vec<Arc<Key>>,
    /// How many answers a client is given; `None`: as many as it asks for.
    pub rate: Option<RateLimit>,
    /// Limits of TCP.
    pub tcp: TcpLimits,
    /// The name of a catalog zone (RFC 9432) of all zones.
    pub catalog: Option<Name>,
}

/// A server that takes all zones from here.
#[derive(Debug, Clone)]
pub struct Secondary {
    /// Where it listens; its address is the one from which it may transfer.
    pub address: SocketAddr,
    /// The key that signs what passes between it and us.
    pub key: Option<Arc<Key>>,
    /// Whether it is told of changes.
    pub notify: bool,
}

/// Limits the answers that a network gets, so that nobody is flooded with them under a false address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Equal answers a second to one network: a /24 or a /56.
    pub responses_per_second: u32,
    /// Every so manieth answer beyond is sent cut to nothing, so that who really asked may ask by TCP; 0 is none.
    pub slip: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { responses_per_second: 200, slip: 2 }
    }
}

/// Limits of TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpLimits {
    /// Connections at the same time.
    pub connections: usize,
    /// Of these, from one network: a /24 or a /56.
    pub per_client: usize,
    /// For how long a connection may say nothing (RFC 7766, section 6.2.3).
    pub idle: Duration,
    /// For how long a client may not read what it is sent.
    pub write: Duration,
    /// Transfers at the same time, of which one client has a quarter at most.
    pub transfers: usize,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            connections: 1000,
            per_client: 100,
            idle: Duration::from_secs(10),
            write: Duration::from_secs(30),
            transfers: 20,
        }
    }
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            workers: 1,
            max_udp: MAX_UDP,
            identity: None,
            version: None,
            secondaries: Vec::new(),
            transfer_from: Vec::new(),
            transfer_keys: Vec::new(),
            rate: Some(RateLimit::default()),
            tcp: TcpLimits::default(),
            catalog: None,
        }
    }
}

impl ServerSettings {
    /// Every key that a request may be signed with.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.secondaries.iter().filter_map(|secondary| secondary.key.as_ref()).chain(&self.transfer_keys)
    }

    /// Whether a client may have whole zones: by its key, or where it needs none by its address.
    pub(crate) fn may_transfer(&self, client: IpAddr, key: Option<&Key>) -> bool {
        let client = client.to_canonical();
        // One that was checked is one of ours.
        key.is_some()
            || self.transfer_from.iter().any(|network| network.contains(&client))
            || self
                .secondaries
                .iter()
                .any(|secondary| secondary.key.is_none() && secondary.address.ip().to_canonical() == client)
    }

    /// Whether limits of connections are not for this client.
    pub(crate) fn is_secondary(&self, client: IpAddr) -> bool {
        self.secondaries
            .iter()
            .any(|secondary| secondary.address.ip().to_canonical() == client.to_canonical())
    }
}

/// The network of a client, by which limits count: a /24 or a /56, as a host in it could take any address there.
pub(crate) fn network(client: IpAddr) -> u64 {
    match client.to_canonical() {
        // Apart from all networks of IPv6, none of which begins with zeros.
        IpAddr::V4(address) => u64::from(u32::from(address) >> 8),
        IpAddr::V6(address) => (u128::from(address) >> 72) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_count_by_their_networks() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("192.0.2.1"), network("192.0.2.255"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.9"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8:0:1::1"), network("2001:db8:0:ff::1"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8:0:101::1"));
    }
}
