//! What passes over UDP and TCP, octet by octet.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::net::{SocketAddr, UdpSocket};

use common::client::{connect, is_silent, next, question, question_of, receive, send, tcp, udp, with_edns};
use common::{Site, example, rrset, settings};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use zonemux_authority_server::{RateLimit, ServerSettings};
use zonemux_rdata::{Rtype, name_to_wire};

const FORMERR: u16 = 1;
const NXDOMAIN: u16 = 3;
const NOTIMP: u16 = 4;
const REFUSED: u16 = 5;
const NOTAUTH: u16 = 9;
const BADVERS: u16 = 16;

#[test]
fn the_question_comes_back_as_it_was_spelled() {
    let site = Site::new(settings(), [example()]);
    for ask in [udp, tcp] {
        let mut message = question_of(b"\x03wWw\x07eXample\x03ORG\0", 1, 1);
        message[2] = 1;
        let reply = ask(site.address(), &message);
        assert_eq!(reply.question(), b"\x03wWw\x07eXample\x03ORG\0");
        assert_eq!((reply.rcode(), reply.counts()), (0, [1, 2, 0, 0]));
        // QR, AA and the RD that was sent; no recursion is available.
        assert_eq!((reply.0[2], reply.0[3] & 0xf0), (0x85, 0));
        reply.assert_whole();
    }
}

#[test]
fn errors_have_the_codes_that_other_servers_give() {
    let site = Site::new(settings(), [example()]);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut message = question("www.example.org", Rtype::A);
        change(&mut message);
        message
    };
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("a name that isn't there", question("nothing.example.org", Rtype::A), NXDOMAIN),
        ("a zone of others", question("example.net", Rtype::A), REFUSED),
        ("the root", question(".", Rtype::NS), REFUSED),
        ("an update", changed(&|message| message[2] = 5 << 3), NOTIMP),
        ("an opcode that nobody knows", changed(&|message| message[2] = 15 << 3), NOTIMP),
        ("a status query", changed(&|message| message[2] = 2 << 3), NOTIMP),
        ("no question", changed(&|message| message[5] = 0), FORMERR),
        ("two questions", changed(&|message| message[5] = 2), FORMERR),
        ("octets behind the end", changed(&|message| message.push(0)), FORMERR),
        ("a label of a kind that doesn't exist", changed(&|message| message[12] = 0x80), FORMERR),
        (
            "a pointer to itself",
            changed(&|message| {
                message[12] = 0xc0;
                message[13] = 12;
            }),
            FORMERR,
        ),
        ("class CHAOS", question_of(&name_to_wire("version.bind"), 16, 3), REFUSED),
        ("class HESIOD", question_of(&name_to_wire("www.example.org"), 1, 4), REFUSED),
        ("EDNS of another version", with_edns(question("www.example.org", Rtype::A), 1, 1232, &[]), BADVERS),
        (
            "an option that is cut",
            with_edns(question("www.example.org", Rtype::A), 0, 1232, &[0, 3, 0]),
            FORMERR,
        ),
        (
            "a cookie of three octets",
            with_edns(question("www.example.org", Rtype::A), 0, 1232, &[0, 10, 0, 3, 1, 2, 3]),
            FORMERR,
        ),
        ("a transfer by UDP", question("example.org", Rtype(252)), FORMERR),
    ];
    for (what, message, rcode) in cases {
        let reply = udp(site.address(), &message);
        let got = reply.rcode();
        // Servers differ in how they refuse AXFR by UDP: none of them gives the zone.
        let is_right = got == rcode || what.contains("transfer") && [FORMERR, NOTIMP, REFUSED].contains(&got);
        assert!(is_right, "{what}: {got}, not {rcode}");
        assert_eq!(reply.counts()[1], 0, "{what}");
        assert!(reply.0[2] & 0x80 != 0, "{what}");
    }
    let mut notify = question("example.org", Rtype::SOA);
    notify[2] = 4 << 3;
    let rcode = udp(site.address(), &notify).rcode();
    assert!([NOTAUTH, NOTIMP, REFUSED].contains(&rcode), "a NOTIFY to a primary: {rcode}");
}

#[test]
fn what_is_no_question_is_not_answered() {
    let site = Site::new(settings(), [example()]);
    let mut answer = question("www.example.org", Rtype::A);
    answer[2] |= 0x80;
    assert!(is_silent(site.address(), &answer), "an answer");
    for length in 0..12 {
        assert!(
            is_silent(site.address(), &question("www.example.org", Rtype::A)[..length]),
            "{length} octets"
        );
    }
}

#[test]
fn answers_fit_or_say_that_they_do_not() {
    let site = Site::new(settings(), [example()]);
    let many = question("many.example.org", Rtype::A);
    let sizes: [(Option<u16>, usize); 6] = [
        (None, 512),
        (Some(0), 512),
        (Some(512), 512),
        (Some(1000), 1000),
        (Some(1232), 1232),
        (Some(65535), 1232),
    ];
    for (payload, limit) in sizes {
        let message = payload.map_or(many.clone(), |payload| with_edns(many.clone(), 0, payload, &[]));
        let reply = udp(site.address(), &message);
        // Whole RRsets or nothing of them: 100 addresses take more than 1,600 octets.
        assert!(reply.is_truncated() && reply.0.len() <= limit && reply.counts()[1] == 0, "{payload:?}");
        reply.assert_whole();
    }
    let whole = tcp(site.address(), &many);
    assert!(!whole.is_truncated());
    assert_eq!(whole.counts(), [1, 100, 0, 0]);
    // Names are written once: each record is a pointer, ten octets and an address.
    assert_eq!(whole.0.len(), many.len() + 100 * 16);
}

#[test]
fn an_identity_makes_no_answer_larger_than_its_client_takes() {
    let site = Site::new(ServerSettings { identity: Some("i".repeat(255)), ..settings() }, [example()]);
    let long = format!("{0}.{0}.{0}.{1}.example.org", "a".repeat(63), "b".repeat(45));
    for (name, expected) in [("www.example.org", Some(255)), (long.as_str(), None)] {
        let reply = udp(site.address(), &with_edns(question(name, Rtype::A), 0, 512, &[0, 3, 0, 0]));
        assert!(reply.0.len() <= 512, "{}", reply.0.len());
        assert_eq!(reply.option(3).map(|identity| identity.len()), expected);
        reply.assert_whole();
    }
}

#[test]
fn edns_is_answered_only_where_it_was_used() {
    let site = Site::new(ServerSettings { identity: Some("one".to_owned()), ..settings() }, [example()]);
    let plain = udp(site.address(), &question("www.example.org", Rtype::A));
    assert!(plain.message().opt().is_none());
    let reply = udp(site.address(), &with_edns(question("www.example.org", Rtype::A), 0, 4096, &[]));
    let opt = reply.message().opt().expect("an OPT record");
    assert_eq!((opt.udp_payload_size(), opt.version()), (1232, 0));
    assert_eq!((reply.option(3), reply.option(10)), (None, None), "nobody asked for them");
    let nsid = udp(site.address(), &with_edns(question("www.example.org", Rtype::A), 0, 4096, &[0, 3, 0, 0]));
    assert_eq!(nsid.option(3).as_deref(), Some(&b"one"[..]));
    let nameless = Site::new(settings(), [example()]);
    let nsid =
        udp(nameless.address(), &with_edns(question("www.example.org", Rtype::A), 0, 4096, &[0, 3, 0, 0]));
    assert_eq!(nsid.option(3), None);
}

#[test]
fn a_cookie_is_given_and_frees_from_limits() {
    let site = limited(5, 0);
    let (socket, _) = from_elsewhere(&site);
    let ask = |options: &[u8]| {
        socket.send(&with_edns(question("www.example.org", Rtype::A), 0, 1232, options)).unwrap();
        receive(&socket)
    };
    let client = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    let reply = ask(&client);
    let cookie = reply.option(10).expect("a cookie");
    assert_eq!((cookie.len(), &cookie[..8]), (24, &[1, 2, 3, 4, 5, 6, 7, 8][..]));
    let options = [&[0, 10, 0, 24][..], &cookie].concat();
    for _ in 0..100 {
        assert_eq!(ask(&options).counts()[1], 2);
    }
}

#[test]
fn equal_answers_are_limited_and_slip_leads_to_tcp() {
    let site = limited(5, 2);
    let (socket, server) = from_elsewhere(&site);
    for _ in 0..200 {
        socket.send(&question("www.example.org", Rtype::A)).unwrap();
    }
    // Another name is another account, so its answer comes last.
    let last = question("mail.example.org", Rtype::A);
    socket.send(&last).unwrap();
    let (mut full, mut cut) = (0, 0);
    loop {
        let reply = receive(&socket);
        if reply.id() == [last[0], last[1]] && reply.counts()[1] == 1 {
            break;
        }
        if reply.is_truncated() { cut += 1 } else { full += 1 }
    }
    // A slow machine earns some more meanwhile.
    assert!((5..100).contains(&full), "{full} whole answers");
    assert!((30..=98).contains(&cut), "{cut} cut answers");
    assert_eq!(tcp(server, &question("www.example.org", Rtype::A)).counts()[1], 2, "TCP is not limited");
}

#[test]
fn random_names_below_a_wildcard_are_limited_too() {
    let site = limited(5, 0);
    let (socket, _) = from_elsewhere(&site);
    for number in 0..200 {
        socket.send(&question(&format!("{number}.wild.example.org"), Rtype::A)).unwrap();
    }
    let last = question("www.example.org", Rtype::A);
    socket.send(&last).unwrap();
    let answers = std::iter::from_fn(|| {
        let reply = receive(&socket);
        (reply.id() != [last[0], last[1]] || reply.counts()[1] != 2).then_some(())
    });
    let answers = answers.count();
    assert!(answers < 100, "{answers} answers of 200");
}

#[test]
fn many_questions_in_one_piece_are_answered_in_order() {
    let site = Site::new(settings(), [example()]);
    let stream = connect(site.address());
    let questions: Vec<_> = (0..500).map(|_| question("www.example.org", Rtype::A)).collect();
    send(&stream, &questions);
    for question in &questions {
        let reply = next(&stream).expect("an answer");
        assert_eq!((reply.id(), reply.counts()[1]), ([question[0], question[1]], 2));
    }
}

#[test]
fn a_message_may_come_octet_by_octet() {
    let site = Site::new(settings(), [example()]);
    let stream = connect(site.address());
    let message = question("www.example.org", Rtype::A);
    let framed = [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat();
    for octet in framed {
        std::io::Write::write_all(&mut &stream, &[octet]).unwrap();
    }
    assert_eq!(next(&stream).unwrap().counts()[1], 2);
}

#[test]
fn answers_come_from_the_address_that_was_asked() {
    for (listen, ask) in [("0.0.0.0:0", "127.0.0.77"), ("[::]:0", "::1")] {
        let site =
            Site::new(ServerSettings { listen: vec![listen.parse().unwrap()], ..settings() }, [example()]);
        let server = SocketAddr::new(ask.parse().unwrap(), site.address().port());
        // Not connected, so that an answer from elsewhere would arrive and be seen.
        let socket = UdpSocket::bind(if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }).unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
        socket.send_to(&question("www.example.org", Rtype::A), server).unwrap();
        let (_, from) = socket.recv_from(&mut [0; 512]).unwrap();
        assert_eq!(from, server, "{listen}");
        assert_eq!(tcp(server, &question("www.example.org", Rtype::A)).counts()[1], 2);
    }
}

#[test]
fn a_change_is_answered_at_once() {
    let site = Site::new(settings(), [example()]);
    for number in 0..50 {
        let address = format!("198.51.100.{number}");
        site.change(common::ZONE, |draft| {
            draft.put(&common::name("new.example.org"), &rrset("A", 5, &[&address]));
        });
        let reply = udp(site.address(), &question("new.example.org", Rtype::A));
        assert_eq!(reply.0[reply.0.len() - 1], number);
    }
}

#[test]
fn an_address_in_use_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let zones = std::sync::Arc::default();
    let host = zonemux_plugin::Host::detached("authority", ["example.org"]);
    let settings = ServerSettings { listen: vec![address], ..settings() };
    let error = zonemux_authority_server::Server::start(settings, zones, &host).unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

/// A client of another address than the loopback, for which limits are not, and where it finds the server.
fn from_elsewhere(site: &Site) -> (UdpSocket, SocketAddr) {
    let probe = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Sends nothing: it asks the system from which address it would.
    probe.connect("192.0.2.1:53").expect("a network interface beside the loopback");
    let own = probe.local_addr().unwrap().ip();
    assert!(!own.is_loopback());
    let server = SocketAddr::new(own, site.address().port());
    let socket = UdpSocket::bind((own, 0)).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    (socket, server)
}

/// A server on all addresses that gives so many answers a second.
fn limited(responses_per_second: u32, slip: u32) -> Site {
    let rate = Some(RateLimit { responses_per_second, slip });
    Site::new(ServerSettings { listen: vec!["0.0.0.0:0".parse().unwrap()], rate, ..settings() }, [example()])
}

/// Every message that differs from a good one in one octet, or that ends early, then made-up ones: each is
/// answered with something that can be read, or not at all, and the server goes on.
#[test]
fn malformed_messages_do_no_harm() {
    let site = Site::new(settings(), [example()]);
    let server = site.address();
    let good =
        with_edns(question("www.example.org", Rtype::A), 0, 1232, &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    let socket = common::client::udp_socket(server);
    let try_all = |messages: &mut dyn Iterator<Item = Vec<u8>>| {
        for message in messages {
            socket.send(&message).unwrap();
            // Not to lose datagrams where the buffer is small, each is followed by one that is answered.
            let marker = question("mail.example.org", Rtype::A);
            socket.send(&marker).unwrap();
            loop {
                let reply = receive(&socket);
                assert!(reply.0[2] & 0x80 != 0, "{message:02x?}: {reply:02x?}");
                reply.assert_whole();
                if reply.id() == [marker[0], marker[1]] && reply.0.len() == marker.len() + 16 {
                    break;
                }
            }
        }
    };
    try_all(&mut (0..good.len()).map(|length| good[..length].to_vec()));
    for at in 0..good.len() {
        try_all(&mut [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff].into_iter().map(|octet| {
            let mut message = good.clone();
            message[at] = octet;
            message
        }));
    }
    let mut runner = TestRunner::new(Config { cases: 500, failure_persistence: None, ..Config::default() });
    let made_up = (prop::collection::vec(any::<u8>(), 0..200), any::<prop::sample::Index>(), any::<bool>());
    runner
        .run(&made_up, |(octets, at, keeps_head)| {
            let mut message = if keeps_head { good[..at.index(good.len())].to_vec() } else { Vec::new() };
            message.extend(octets);
            try_all(&mut std::iter::once(message));
            Ok(())
        })
        .unwrap();
    // By TCP: what is no message ends the connection at most.
    for length in 0..good.len() {
        let stream = connect(server);
        send(&stream, &[good[..length].to_vec()]);
        let _refused = stream.shutdown(std::net::Shutdown::Write);
        while next(&stream).is_some() {}
    }
    assert_eq!(tcp(server, &question("www.example.org", Rtype::A)).counts()[1], 2);
}
