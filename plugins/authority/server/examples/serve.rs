//! Serves a zone of so many addresses at an address, for measurements: `serve 127.0.0.1:5300 100000 [file]`
//! writes the zone into the file too, so that other servers can load it.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use zonemux_authority_server::{Server, ServerSettings};
use zonemux_authority_zones::{Name, Origin, Rrset, Soa, Zone, Zones};
use zonemux_plugin::Host;
use zonemux_rdata::{Rtype, name_to_wire};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, records, file @ ..] = &words[..] else { return Err("serve ADDRESS RECORDS [FILE]".into()) };
    let soa = Soa {
        mname: name_to_wire("ns1.example.org"),
        rname: name_to_wire("hostmaster.example.org"),
        refresh: 3600,
        retry: 600,
        expire: 86400,
        minimum: 60,
        ttl: 300,
    };
    let apex = Name::from_canonical("example.org").ok_or("a name")?;
    let mut text = String::from(
        "$ORIGIN example.org.\n$TTL 300\n@ SOA ns1 hostmaster 100 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.1\n",
    );
    let mut draft = Arc::new(Zone::new(apex.clone(), &soa, 99)).draft();
    draft.put(&apex, &Rrset::new(Rtype::NS, 300, Origin::Fixed, [name_to_wire("ns1.example.org")], b"")?);
    let mut put = |host: &str, address: Ipv4Addr| -> Result<(), Box<dyn std::error::Error>> {
        let name = Name::from_canonical(&format!("{host}.example.org")).ok_or("a name")?;
        draft.put(&name, &Rrset::new(Rtype::A, 300, Origin::Managed, [address.octets()], b"")?);
        Ok(())
    };
    put("ns1", Ipv4Addr::new(192, 0, 2, 1))?;
    for number in 0..records.parse()? {
        let address = Ipv4Addr::from(0x0a00_0000_u32 + number);
        put(&format!("host-{number}"), address)?;
        writeln!(text, "host-{number} A {address}")?;
    }
    if let [file] = file {
        fs::write(file, text)?;
    }
    let zones = Arc::new(Zones::new());
    zones.publish([draft.finish(&soa, 100).ok_or("a change")?.zone]);
    let transfer_from = vec!["127.0.0.0/8".parse()?];
    let settings = ServerSettings {
        listen: vec![address.parse()?],
        rate: None,
        transfer_from,
        ..ServerSettings::default()
    };
    let server = Server::start(settings, zones, &Host::detached("authority", ["example.org"]))?;
    io::stdin().read_line(&mut String::new())?;
    server.close().await;
    Ok(())
}
