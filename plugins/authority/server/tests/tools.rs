//! What `dig` and `kdig` see, who check more of an answer than we do.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use common::client::tcp;
use common::{Site, ZONE, example, key, name, rrset, settings};
use domain::base::{Message, MessageBuilder, Name as DomainName, Rtype as DomainRtype};
use domain::rdata::tsig::Time48;
use domain::tsig::{ClientTransaction, ValidationError};
use zonemux_authority_server::{Key as TsigKey, ServerSettings};
use zonemux_rdata::Rtype;
use zonemux_test_support::servers::{Key, dig, sorted};

fn kdig(server: SocketAddr, words: &[&str]) -> String {
    let mut command = Command::new("kdig");
    command
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string(), "+time=30", "+retry=0"])
        .args(words);
    let output = command.output().expect("kdig is installed (Debian's knot-dnsutils)");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn signed(key: &Arc<TsigKey>) -> ServerSettings {
    ServerSettings { transfer_keys: vec![Arc::clone(key)], ..settings() }
}

#[test]
fn a_cut_answer_leads_to_tcp() {
    let site = Site::new(settings(), [example()]);
    for said in [
        dig(site.address(), &["many.example.org", "A"]),
        kdig(site.address(), &["many.example.org", "A"]),
        dig(site.address(), &["+bufsize=512", "+nocookie", "many.example.org", "A"]),
    ] {
        assert!(said.contains("ANSWER: 100"), "{said}");
        assert!(said.contains("(TCP)"), "{said}");
    }
    let cut = dig(site.address(), &["+ignore", "many.example.org", "A"]);
    assert!(cut.contains("flags: qr aa tc rd;") && cut.contains("ANSWER: 0"), "{cut}");
}

#[test]
fn edns_is_understood() {
    let site = Site::new(ServerSettings { identity: Some("primary-1".into()), ..settings() }, [example()]);
    let said = dig(site.address(), &["+nsid", "+cookie=0102030405060708", "www.example.org", "A"]);
    assert!(said.contains("; EDNS: version: 0, flags:; udp: 1232"), "{said}");
    assert!(
        said.contains("(\"primary-1\")")
            && said.contains("COOKIE: 0102030405060708")
            && said.contains("(good)"),
        "{said}"
    );
    let said = dig(site.address(), &["+edns=1", "+noednsnegotiation", "www.example.org", "A"]);
    assert!(said.contains("status: BADVERS") && said.contains("ANSWER: 0"), "{said}");
    let said = dig(site.address(), &["www.example.net", "A"]);
    assert!(said.contains("status: REFUSED") && said.contains("EDE: 20 (Not Authoritative)"), "{said}");
    for warning in ["WARNING", "Warning", "malformed", "extra bytes"] {
        let said =
            dig(site.address(), &["+norecurse", "+noall", "+comments", "+answer", "text.example.org", "TXT"]);
        assert!(!said.contains(warning), "{said}");
    }
}

#[test]
fn zones_are_transferred_with_the_key_alone() {
    for algorithm in ["hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"] {
        let (key, ours) = key(algorithm);
        let site = Site::new(signed(&ours), [example()]);
        let server = site.address();
        let y = key.to_dig();
        let by_dig = dig(server, &["-y", &y, ZONE, "AXFR"]);
        assert!(!by_dig.contains("verify") && by_dig.contains("NOERROR"), "{algorithm}: {by_dig}");
        // All records, and the SOA once more.
        let zone = site.zones.find(&name(ZONE)).unwrap();
        let transferred = sorted(&by_dig).into_iter().filter(|line| !line.contains("TSIG")).count();
        assert_eq!(transferred, zone.record_count() + 1, "{by_dig}");
        let other = kdig(server, &["-y", &y, ZONE, "AXFR"]);
        assert!(!other.contains(";; ERROR") && !other.contains("WARNING"), "{algorithm}: {other}");
        // A signed question is answered with a signature, also where it is no transfer and where it is cut.
        for name in ["www.example.org", "nothing.example.org", "many.example.org"] {
            for way in ["+ignore", "+tcp"] {
                let said = dig(server, &["-y", &y, way, name, "A"]);
                assert!(
                    said.contains("TSIG PSEUDOSECTION") && !said.contains("verify"),
                    "{algorithm} {name}: {said}"
                );
            }
        }
        for said in [dig(server, &[ZONE, "AXFR"]), dig(server, &[ZONE, "IXFR=1"])] {
            assert!(said.contains("Transfer failed") || said.contains("REFUSED"), "{said}");
            assert!(!said.contains("192.0.2.2"), "{said}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_signature_is_told() {
    let (right, ours) = key("hmac-sha256");
    let site = Site::new(signed(&ours), [example()]);
    let ask = |key: &Key| dig(site.address(), &["-y", &key.to_dig(), "+tcp", "www.example.org", "A"]);
    assert!(ask(&right).contains("NOERROR"));
    let wrong = Key { secret: "d3Jvbmcgc2VjcmV0".into(), ..right.clone() };
    let said = ask(&wrong);
    assert!(said.contains("NOTAUTH") && said.contains("BADSIG") && !said.contains("192.0.2.2"), "{said}");
    let unknown = Key { name: "other.test".into(), ..right.clone() };
    let said = ask(&unknown);
    assert!(said.contains("NOTAUTH") && said.contains("BADKEY") && !said.contains("192.0.2.2"), "{said}");
    // The same name with another algorithm is another key.
    let said = ask(&Key { algorithm: "hmac-sha512".into(), ..right.clone() });
    assert!(said.contains("BADKEY") && !said.contains("192.0.2.2"), "{said}");
    // Signed two hours ago.
    let mut builder = MessageBuilder::new_vec().question();
    builder.push((DomainName::vec_from_str("www.example.org").unwrap(), DomainRtype::A)).unwrap();
    let mut builder = builder.additional();
    let long_ago = Time48::from_u64(u64::from(Time48::now()) - 7200);
    let transaction = ClientTransaction::request(Arc::clone(&ours), &mut builder, long_ago).unwrap();
    let reply = tcp(site.address(), &builder.finish());
    assert_eq!((reply.0[3] & 0xf, reply.counts()[1]), (9, 0), "NOTAUTH, and no records");
    let mut reply = Message::from_octets(reply.0).unwrap();
    let error = transaction.answer(&mut reply, long_ago).unwrap_err();
    assert!(matches!(error, ValidationError::ServerBadTime { .. }), "{error:?}");
}

#[test]
fn only_what_changed_is_transferred() {
    let (key, ours) = key("hmac-sha256");
    let site = Site::new(signed(&ours), [example()]);
    let put = |host: &str, address: &str| {
        site.change(ZONE, |draft| draft.put(&name(host), &rrset("A", 300, &[address])));
    };
    put("new.example.org", "198.51.100.1");
    put("new.example.org", "198.51.100.2");
    site.change(ZONE, |draft| draft.remove(&name("mail.example.org"), Rtype::A));
    let ixfr = |serial: &str, ways: &[&str]| {
        let query = format!("IXFR={serial}");
        let y = key.to_dig();
        let words = [&["-y", &y, "+noall", "+answer"][..], ways, &[ZONE, &query]].concat();
        let said = dig(site.address(), &words);
        let lines =
            said.lines().filter(|line| !line.starts_with(';') && !line.is_empty() && !line.contains("TSIG"));
        let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
        // A serial for an SOA, the address for others.
        lines
            .map(
                |words| {
                    if words[3] == "SOA" { words[6].to_owned() } else { words[words.len() - 1].to_owned() }
                },
            )
            .collect::<Vec<_>>()
    };
    let steps = [
        "103",
        "100",
        "101",
        "198.51.100.1",
        "101",
        "198.51.100.1",
        "102",
        "198.51.100.2",
        "102",
        "192.0.2.4",
        "103",
        "103",
    ];
    assert_eq!(ixfr("100", &[]), steps);
    assert_eq!(ixfr("101", &[]), [&["103"], &steps[4..]].concat());
    assert_eq!(ixfr("103", &[]), ["103"], "it has all");
    assert_eq!(ixfr("200", &[]), ["103"], "it is ahead");
    let whole = ixfr("7", &[]);
    assert_eq!(
        whole.len(),
        site.zones.find(&name(ZONE)).unwrap().record_count() + 1,
        "nothing is known of 7"
    );
    assert_eq!((&*whole[0], &*whole[whole.len() - 1]), ("103", "103"));
    assert_ne!(whole[1], "7");
    assert_eq!(ixfr("100", &["+notcp"]), ["103"], "by UDP the serial alone");
    for host in ["new", "new"] {
        let said = kdig(site.address(), &["-y", &key.to_dig(), ZONE, "IXFR=100"]);
        assert!(said.contains(host) && !said.contains(";; ERROR") && !said.contains("WARNING"), "{said}");
    }
}

#[test]
fn addresses_may_transfer_without_a_key_where_they_are_allowed() {
    let allowed = ServerSettings { transfer_from: vec!["127.0.0.1/32".parse().unwrap()], ..settings() };
    let site = Site::new(allowed, [example()]);
    let from = |source: &str| dig(site.address(), &["-b", source, "+noall", "+answer", ZONE, "AXFR"]);
    assert!(from("127.0.0.1").contains("192.0.2.2"));
    assert!(!from("127.0.0.2").contains("192.0.2.2"));
    // A name in the zone is no zone.
    let said = dig(site.address(), &["+noall", "+answer", "www.example.org", "AXFR"]);
    assert!(!said.contains("192.0.2.2"), "{said}");
}

#[test]
fn a_large_zone_arrives_whole() {
    let (key, ours) = key("hmac-sha256");
    let site = Site::new(signed(&ours), [common::large(20_000)]);
    for said in [
        dig(site.address(), &["-y", &key.to_dig(), "+noall", "+answer", ZONE, "AXFR"]),
        kdig(site.address(), &["-y", &key.to_dig(), "+noall", "+answer", ZONE, "AXFR"]),
    ] {
        let hosts = said.lines().filter(|line| line.starts_with("host-")).count();
        assert_eq!(hosts, 20_000);
        assert_eq!(said.lines().filter(|line| line.contains("SOA")).count(), 2);
    }
}
