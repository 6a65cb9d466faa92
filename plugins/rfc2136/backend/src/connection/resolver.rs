//! Which server is a zone's primary: the system's resolver is asked for its SOA.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use zonemux_plugin::{Error, Host, Result};
use zonemux_rdata::{Rtype, name_to_text, name_to_wire};

use super::remote::{Purpose, Remote};
use crate::message::{Class, Rcode, Writer, records};
use crate::settings::{Access, Place, Tls, Transport};

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// How many name servers the system's own resolver asks (resolv.conf(5)).
const NAMESERVERS: usize = 3;
/// Recursion is desired (RFC 1035, section 4.1.1).
const RECURSION: u8 = 1;

/// The primary that a zone's SOA names (RFC 2136, section 4.3).
pub(crate) async fn primary(zone: &str, port: u16, host: &Host) -> Result<Place> {
    // Where there is no such file, the system's own resolver asks this machine.
    let text = std::fs::read_to_string(RESOLV_CONF).unwrap_or_default();
    primary_by(&nameservers(&text), zone, port, host).await
}

async fn primary_by(resolvers: &[SocketAddr], zone: &str, port: u16, host: &Host) -> Result<Place> {
    let hint = "hint: name the zone's primary by `server`";
    let access = Access {
        servers: Vec::new(),
        tsig: None,
        transport: Transport::Udp,
        tls: Tls::default(),
        source: None,
        timeout: Some("5s".to_owned()),
    };
    let places =
        resolvers.iter().map(|address| Place::new(address.ip().to_string(), address.port())).collect();
    let remote = Remote::new(places, &access, None, host)?;
    let mut question = Writer::query(&name_to_wire(zone), Rtype::SOA, Class::In).finish();
    question[2] |= RECURSION;
    let answer = remote.ask(&question, Purpose::Question).await.map_err(|failure| {
        let message = failure.to_error(&remote.context(zone)).message().to_owned();
        Error::retryable(format!("the zone's primary can't be looked up: {message}"))
    })?;
    if answer.rcode != Rcode::NOERROR {
        let rcode = answer.rcode;
        return Err(Error::retryable(format!(
            "zone {zone}: its primary can't be looked up: the resolver answers {rcode}\n{hint}"
        )));
    }
    let mut found = records(&answer.message).into_iter().flatten().flatten();
    let soa = found.find(|record| record.rtype == Rtype::SOA && record.class == Class::In as u16);
    let mut rdata = Vec::new();
    if soa.and_then(|soa| soa.write_rdata(&mut rdata)).is_none() {
        return Err(Error::retryable(format!(
            "zone {zone}: its primary can't be looked up: the resolver knows no SOA of it\n{hint}"
        )));
    }
    // The primary's name comes first.
    let name = name_to_text(&rdata);
    if name == "." {
        return Err(Error::config(format!("zone {zone}: its SOA names no primary\n{hint}")));
    }
    Ok(Place::new(name, port))
}

/// The name servers of `resolv.conf`.
fn nameservers(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("nameserver"));
    let addresses = lines.filter_map(|rest| {
        // An address of one link has the link's name behind it.
        let address = rest.split_ascii_whitespace().next()?.split('%').next()?;
        rest.starts_with([' ', '\t']).then(|| address.parse::<IpAddr>().ok())?
    });
    let mut found: Vec<SocketAddr> =
        addresses.take(NAMESERVERS).map(|address| SocketAddr::new(address, 53)).collect();
    if found.is_empty() {
        found.push(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_as_the_system_does() {
        let text = "# by hand\nsearch example.org\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # two\n\
                    nameservers 192.0.2.9\nnameserver fe80::1%eth0\nnameserver 192.0.2.4\n";
        let found: Vec<String> = nameservers(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1]:53"]);
        assert_eq!(nameservers(""), [SocketAddr::from(([127, 0, 0, 1], 53))]);
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn the_primary_is_the_one_that_the_soa_names() {
        use zonemux_test_support::servers::{Builder, Kind};
        let folder = tempfile::tempdir().unwrap();
        let text = "$TTL 60\n@ SOA Primary.example.net. host 1 60 60 60 60\n@ NS ns1.example.net.\n";
        let server = Builder::new(Kind::Knot, folder.path()).primary("example.org", text, "").start();
        let host = Host::detached("test", ["example.org"]);
        let found = primary_by(&[server.address()], "example.org", 853, &host).await.unwrap();
        assert_eq!(found, Place::new("primary.example.net", 853));
        let error = primary_by(&[server.address()], "example.net", 53, &host).await.unwrap_err();
        assert!(error.message().contains("REFUSED\nhint: name the zone's primary by `server`"), "{error}");
    }
}
