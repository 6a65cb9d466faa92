//! The name servers of tests: they serve, transfer from each other, and come back after a stop or a kill.

use zonemux_test_support::eventually;
use zonemux_test_support::servers::{Builder, Key, Kind, Server, sorted};

const ZONE: &str = "example.org";
const KINDS: [Kind; 3] = [Kind::Bind, Kind::Nsd, Kind::Knot];

fn text(serial: u32) -> String {
    format!(
        "$ORIGIN example.org.\n$TTL 60\n@ SOA ns1 host {serial} 3600 60 86400 60\n@ NS ns1\nns1 A 192.0.2.1\n\
         www A 192.0.2.2\n"
    )
}

#[test]
fn each_serves_what_it_transferred_from_another_before_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let key = Key::new("transfer.test", "hmac-sha256", "c2VjcmV0IG9mIGEgdGVzdCwga25vd24gdG8gYWxs");
    // With the key alone, so that what arrives was signed.
    let options = "allow-transfer { key transfer.test; };";
    let primary = Builder::new(Kind::Bind, folder.path()).key(&key).primary(ZONE, &text(7), options).start();
    assert_eq!(primary.records(ZONE), [""; 0], "without the key");
    let wanted = sorted(&primary.dig(&["-y", &key.to_dig(), "+noall", "+answer", "+onesoa", ZONE, "AXFR"]));
    assert_eq!(wanted.len(), 4, "{wanted:?}");
    for kind in KINDS {
        let builder = Builder::new(kind, folder.path()).secondary(ZONE, primary.address(), Some(&key));
        let secondary = builder.start();
        let arrived = |server: &Server| {
            eventually("the zone arrives", || (server.serial(ZONE) == Some(7)).then_some(()));
            assert_eq!(server.records(ZONE), wanted, "{kind:?}");
        };
        arrived(&secondary);
        let secondary = secondary.stop().start();
        arrived(&secondary);
        let address = secondary.address();
        let secondary = secondary.kill().start();
        assert_eq!(secondary.address(), address);
        arrived(&secondary);
    }
}

#[test]
fn several_of_each_kind_run_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let all = KINDS.iter().chain(&KINDS).zip(1..);
    let servers: Vec<_> = all
        .map(|(kind, serial)| Builder::new(*kind, folder.path()).primary(ZONE, &text(serial), "").start())
        .collect();
    let serials: Vec<_> = servers.iter().map(|server| server.serial(ZONE)).collect();
    assert_eq!(serials, (1..=6).map(Some).collect::<Vec<_>>());
    for server in &servers {
        assert_eq!(server.dig(&["+short", "www.example.org", "A"]), "192.0.2.2\n");
        assert_eq!(server.serial("example.net"), None);
    }
}
