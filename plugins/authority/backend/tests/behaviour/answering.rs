//! Records as DNS shows them.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use zonemux_plugin::ErrorKind;
use zonemux_plugin::testing::{ChangesBuilder, TestBackend, json};
use zonemux_rdata::{Rtype, name_to_wire};

use super::common::{Lab, ZONES, accept, record};

/// Where a backend answers, as it logged.
fn address(dns: &TestBackend) -> SocketAddr {
    let log = dns.log();
    let line = log.iter().find(|line| line.message == "answering questions").expect("it says where");
    let (_, address) = line.fields.iter().find(|(key, _)| key == "address").expect("an address");
    address.parse().expect(address)
}

/// The response code, and the last octets of the answer.
fn ask(server: SocketAddr, name: &str, rtype: Rtype) -> (u8, Vec<u8>) {
    let mut question = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    question.extend(name_to_wire(name));
    question.extend(rtype.0.to_be_bytes());
    question.extend([0, 1]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    socket.send_to(&question, server).expect("it is sent");
    let mut buffer = [0; 1500];
    let (length, from) = socket.recv_from(&mut buffer).expect("an answer");
    assert_eq!((from, &buffer[..2]), (server, &question[..2]));
    (buffer[3] & 15, buffer[length.saturating_sub(4)..length].to_vec())
}

#[test]
fn a_batch_is_answered_once_it_is_acknowledged() {
    let lab = Lab::new();
    let dns = lab.open();
    let server = address(&dns);
    assert_eq!(ask(server, "www.example.org", Rtype::A).0, 3);
    accept(&dns, &[record("www.example.org", "A", "192.0.2.1")]);
    assert_eq!(ask(server, "www.example.org", Rtype::A), (0, vec![192, 0, 2, 1]));
    let change = record("www.example.org", "A", "192.0.2.2");
    assert_eq!(dns.apply(&ChangesBuilder::new().upsert(change.clone())).unwrap().failures(), []);
    assert_eq!(ask(server, "www.example.org", Rtype::A), (0, vec![192, 0, 2, 2]));
    assert_eq!(dns.dry_run(&ChangesBuilder::new().delete(change.clone())).unwrap().failures(), []);
    assert_eq!(ask(server, "www.example.org", Rtype::A).0, 0);
    dns.close().unwrap();
    // Another port, the same records.
    let dns = lab.open();
    assert_eq!(ask(address(&dns), "www.example.org", Rtype::A), (0, vec![192, 0, 2, 2]));
    assert_eq!(dns.apply(&ChangesBuilder::new().delete(change)).unwrap().failures(), []);
    assert_eq!(ask(address(&dns), "www.example.org", Rtype::A).0, 3);
    assert_eq!(ask(address(&dns), "www.example.net", Rtype::A).0, 5);
}

#[test]
fn a_port_is_given_back_by_closing() {
    let lab = Lab::new();
    let dns = lab.open();
    let listen = json!({ "listen": [address(&dns).to_string()] });
    let error = Lab::new().try_open(&ZONES, &listen).expect_err("the port is in use");
    assert_eq!(error.kind(), ErrorKind::Retryable);
    let expected = format!("cannot listen on {}", address(&dns));
    assert!(error.message().contains(&expected) && error.message().contains("\nhint: "), "{error}");
    dns.close().unwrap();
    let again = lab.open_with(&listen);
    assert_eq!(ask(address(&again), "example.org", Rtype::SOA).0, 0);
}

#[test]
fn static_records_and_name_servers_are_answered() {
    let lab = Lab::new();
    let dns = lab.open_with(&json!({
        "nameservers": [{ "name": "ns1.example.org", "addresses": ["192.0.2.53"] }],
        "static": [{ "name": "*.apps.example.org", "type": "A", "targets": ["192.0.2.80"] }],
    }));
    let server = address(&dns);
    assert_eq!(ask(server, "example.org", Rtype::NS), (0, vec![192, 0, 2, 53]), "its address comes last");
    assert_eq!(ask(server, "any.apps.example.org", Rtype::A), (0, vec![192, 0, 2, 80]));
}
