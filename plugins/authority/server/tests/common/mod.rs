//! A server with zones, and clients that talk to it over sockets.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

pub mod client;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::runtime::Runtime;
use zonemux_authority_server::{Algorithm, Key as TsigKey, Server, ServerSettings};
use zonemux_authority_zones::{Draft, Name, Origin, Rrset, Soa, Zone, Zones};
use zonemux_plugin::Host;
use zonemux_rdata::{Rtype, encode, name_to_wire, record_type};
use zonemux_test_support::servers::Key;

pub const ZONE: &str = "example.org";

/// A running server with its zones.
pub struct Site {
    pub zones: Arc<Zones>,
    server: Option<Server>,
    runtime: Runtime,
}

/// Settings for one free port of the loopback, without limits of answers, which other tests than theirs
/// would run into.
pub fn settings() -> ServerSettings {
    ServerSettings { listen: vec!["127.0.0.1:0".parse().unwrap()], rate: None, ..ServerSettings::default() }
}

impl Site {
    pub fn new(settings: ServerSettings, zones: impl IntoIterator<Item = Arc<Zone>>) -> Self {
        let all = Arc::new(Zones::new());
        all.publish(zones);
        Self::with(settings, all)
    }

    /// A server over zones that are there already.
    pub fn with(settings: ServerSettings, zones: Arc<Zones>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = {
            let _inside = runtime.enter();
            Server::start(settings, Arc::clone(&zones), &Host::detached("authority", [ZONE])).unwrap()
        };
        Self { zones, server: Some(server), runtime }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.as_ref().unwrap().addresses()[0]
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.server.as_ref().unwrap().addresses().to_vec()
    }

    /// Changes a zone, and gives its new serial.
    pub fn change(&self, apex: &str, change: impl FnOnce(&mut Draft)) -> u32 {
        let zone = self.zones.find(&name(apex)).unwrap();
        let mut draft = zone.draft();
        change(&mut draft);
        let (soa, serial) = Soa::from_rrset(zone.soa()).unwrap();
        let Some(changed) = draft.finish(&soa, serial.wrapping_add(1)) else { return serial };
        self.zones.publish([Arc::clone(&changed.zone)]);
        changed.zone.serial()
    }

    /// Ends the server; its zones stay.
    pub fn close(mut self) -> Arc<Zones> {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.close());
        }
        Arc::clone(&self.zones)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.close());
        }
    }
}

pub fn name(text: &str) -> Name {
    Name::from_canonical(text).unwrap()
}

pub fn rrset(rtype: &str, ttl: u32, targets: &[&str]) -> Rrset {
    let rtype = record_type(rtype).unwrap();
    let rdatas: Vec<Vec<u8>> = targets.iter().map(|target| encode(rtype, target).unwrap()).collect();
    Rrset::new(rtype, ttl, Origin::Managed, rdatas, b"").unwrap()
}

pub fn soa() -> Soa {
    Soa {
        mname: name_to_wire("ns1.example.org"),
        rname: name_to_wire("hostmaster.example.org"),
        refresh: 3600,
        retry: 1,
        expire: 86400,
        minimum: 60,
        ttl: 300,
    }
}

/// A zone of these records, with a name server; serial 100.
pub fn zone(apex: &str, records: &[(&str, &str, u32, &[&str])]) -> Arc<Zone> {
    let empty = Arc::new(Zone::new(name(apex), &soa(), 99));
    let mut draft = empty.draft();
    draft.put(&name(apex), &rrset("NS", 300, &["ns1.example.org"]));
    for (owner, rtype, ttl, targets) in records {
        draft.put(&name(owner), &rrset(rtype, *ttl, targets));
    }
    // As a zone that is loaded: without a history.
    let changed = draft.finish(&soa(), 100).unwrap();
    changed.zone
}

/// The zone of most tests.
pub fn example() -> Arc<Zone> {
    let many: Vec<String> = (1..=100).map(|host| format!("192.0.2.{host}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = format!("\"{}\"", "x".repeat(200));
    zone(
        ZONE,
        &[
            ("ns1.example.org", "A", 300, &["192.0.2.1"]),
            ("www.example.org", "A", 300, &["192.0.2.2", "192.0.2.3"]),
            ("www.example.org", "AAAA", 300, &["2001:db8::2"]),
            ("many.example.org", "A", 300, &many),
            ("text.example.org", "TXT", 300, &[&long]),
            ("alias.example.org", "CNAME", 300, &["www.example.org"]),
            ("*.wild.example.org", "A", 300, &["192.0.2.9"]),
            ("example.org", "MX", 300, &["10 mail.example.org"]),
            ("mail.example.org", "A", 300, &["192.0.2.4"]),
        ],
    )
}

/// A zone of so many addresses.
pub fn large(records: usize) -> Arc<Zone> {
    let empty = Arc::new(Zone::new(name(ZONE), &soa(), 99));
    let mut draft = empty.draft();
    draft.put(&name(ZONE), &rrset("NS", 300, &["ns1.example.org"]));
    for number in 0..records {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + u32::try_from(number).unwrap());
        let rrset = Rrset::new(Rtype::A, 300, Origin::Managed, [address.octets()], b"").unwrap();
        draft.put(&name(&format!("host-{number}.example.org")), &rrset);
    }
    draft.finish(&soa(), 100).unwrap().zone
}

/// A key, for other servers' programs and for ours.
pub fn key(algorithm: &str) -> (Key, Arc<TsigKey>) {
    // Sixty-four octets, as much as the longest of the hashes.
    let secret = [b'k'; 64];
    let base64 = "a2tr".repeat(21) + "aw==";
    let of = match algorithm {
        "hmac-sha1" => Algorithm::Sha1,
        "hmac-sha256" => Algorithm::Sha256,
        "hmac-sha384" => Algorithm::Sha384,
        "hmac-sha512" => Algorithm::Sha512,
        other => panic!("{other}"),
    };
    let ours = TsigKey::new(of, &secret, "transfer.test".parse().unwrap(), None, None);
    (Key::new("transfer.test", algorithm, &base64), Arc::new(ours.unwrap()))
}
