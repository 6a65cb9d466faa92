//! TLS and socket modes on the real daemon.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use zonemux_test_support::{Site, Target};

use crate::{memory, ready};

const NAME: &str = "zonemux.example.org";

/// A site with a new certificate, and a client that trusts it.
fn secured() -> (Site, Arc<ClientConfig>, String) {
    let site = memory();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let key = signing_key.serialize_pem();
    site.write("tls.crt", cert.pem());
    site.write("tls.key", &key);
    site.layer("tls", "[webhook.tls]\ncert = \"../tls.crt\"\nkey = \"../tls.key\"\n[log]\nlevel = \"trace\"");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (site, Arc::new(client), key)
}

/// The whole answer to a request that is the last of its connection.
fn ask(client: &Arc<ClientConfig>, address: &Target, path: &str) -> String {
    let Target::Tcp(address) = address else { panic!("a TCP address") };
    let name = ServerName::try_from(NAME).unwrap();
    let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn tcp_speaks_tls_and_the_unix_socket_does_not() {
    let (site, client, key) = secured();
    let daemon = ready(&site);
    let answer = ask(&client, daemon.webhook(), "/records");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n[]"), "{answer}");
    assert_eq!(daemon.webhooks()[1].get("/records").status, 200);
    let plain = daemon.webhook().get("/records");
    assert_eq!(plain.status, 400);
    assert!(plain.text().contains("https://"), "{}", plain.text());

    let line = daemon.wait_logged("TLS handshake failed");
    assert_eq!(line["error"], "the client speaks HTTP without TLS");
    assert!((daemon.metric("zonemux_tls_handshake_failures_total", &[]) - 1.0).abs() < f64::EPSILON);
    let log = daemon.stop().stderr;
    for secret in key.lines().filter(|line| !line.starts_with("---")) {
        assert!(!log.contains(secret), "key material in {log}");
    }
}

#[test]
fn a_wrong_key_is_a_fault_of_the_configuration() {
    let (site, _, _) = secured();
    let other = rcgen::KeyPair::generate().unwrap();
    site.write("tls.key", other.serialize_pem());
    let checked = site.run(&["check"]);
    assert_eq!(checked.code, Some(78));
    assert!(checked.stderr.contains("`webhook.tls.key`"), "{}", checked.stderr);
    assert_eq!(site.run(&["serve"]).code, Some(78));
    // Who only looks for the daemon needs no certificate.
    assert_eq!(site.run(&["plugin", "list"]).code, Some(0));
}

#[test]
fn the_webhooks_socket_has_the_mode_of_the_configuration() {
    let site = memory();
    let mode = |name: &str| std::fs::metadata(site.path(name)).unwrap().permissions().mode() & 0o777;
    for (written, expected) in [(None, 0o660), (Some("0600"), 0o600), (Some("0666"), 0o666)] {
        if let Some(written) = written {
            site.layer("mode", &format!("[webhook]\nsocket_mode = \"{written}\""));
        }
        let daemon = ready(&site);
        assert_eq!((mode("webhook.sock"), mode("control.sock")), (expected, 0o660));
        assert_eq!(daemon.stop().code, Some(0));
    }
}
