//! The plugin `authority`, which owns ports and a lock, through reloads that change it and reloads that don't.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};

use zonemux_test_support::servers::{Port, dig};
use zonemux_test_support::{Site, create};

use crate::{opened, ready, refused, reloaded, site};

fn authority(site: &Site, port: &Port, keys: &str, settings: &str) {
    let settings = format!("listen = [\"{}\"]\n{settings}", address(port));
    site.backend_with("lan", "authority", "example.org", keys, &settings);
}

fn address(port: &Port) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port.number).into()
}

#[track_caller]
fn answer(port: &Port, name: &str, record_type: &str) -> String {
    dig(address(port), &["+short", name, record_type]).trim().to_owned()
}

fn serial(port: &Port) -> u32 {
    answer(port, "example.org", "SOA").split(' ').nth(2).unwrap_or_default().parse().unwrap_or_default()
}

#[test]
fn a_reload_that_changes_it_opens_it_anew_with_its_records() {
    let (site, port) = (site(), Port::claim());
    authority(&site, &port, "", "");
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&["www.example.org"])).status, 204);
    assert_eq!(answer(&port, "www.example.org", "A"), "192.0.2.1");
    let before = serial(&port);

    let fixed = "[[backends.lan.settings.static]]\nname = \"mail.example.org\"\ntype = \"A\"\ntargets = [\"192.0.2.25\"]";
    authority(&site, &port, "", fixed);
    assert_eq!(reloaded(&site)["generation"], 2);
    assert_eq!(opened(&daemon, "lan"), 2);
    assert_eq!(answer(&port, "mail.example.org", "A"), "192.0.2.25");
    assert_eq!(answer(&port, "www.example.org", "A"), "192.0.2.1");
    assert!(serial(&port) > before, "secondaries must see that there is something new");

    // Another port: nothing is left at the old one.
    let other = Port::claim();
    authority(&site, &other, "", fixed);
    reloaded(&site);
    assert_eq!(answer(&other, "mail.example.org", "A"), "192.0.2.25");
    assert!(UdpSocket::bind(address(&port)).is_ok(), "the old port is free");
    assert_eq!(daemon.webhook().post("/records", create(&["api.example.org"])).status, 204);
    assert_eq!(answer(&other, "api.example.org", "A"), "192.0.2.1");
}

#[test]
fn a_reload_that_does_not_change_it_leaves_no_question_unanswered() {
    let (site, port) = (site(), Port::claim());
    authority(&site, &port, "", "limits = { responses_per_second = 0 }");
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&["www.example.org"])).status, 204);
    let done = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = 0;
            while !done.load(Ordering::Acquire) {
                assert_eq!(answer(&port, "www.example.org", "A"), "192.0.2.1", "after {asked} answers");
                asked += 1;
            }
            asked
        });
        for generation in 2..6 {
            site.backend("edge", "memory", &format!("g{generation}.example.net"), "");
            assert_eq!(reloaded(&site)["generation"], generation);
        }
        done.store(true, Ordering::Release);
        asking.join().unwrap()
    });
    assert!(asked > 0);
    assert_eq!(opened(&daemon, "lan"), 1);
}

#[test]
fn settings_that_can_not_be_opened_leave_the_old_ones_answering() {
    let (site, port, taken) = (site(), Port::claim(), Port::claim());
    authority(&site, &port, "", "");
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&["www.example.org"])).status, 204);
    let _taken = UdpSocket::bind(address(&taken)).unwrap();
    authority(&site, &taken, "", "");
    let (keys, outcome) = refused(&site);
    assert_eq!(keys, ["backends.lan"], "{outcome:#}");
    assert_eq!(outcome["faults"][0]["hint"], "the old settings are in force again");
    assert_eq!(answer(&port, "www.example.org", "A"), "192.0.2.1");
    assert_eq!(daemon.webhook().post("/records", create(&["api.example.org"])).status, 204);
    assert_eq!(answer(&port, "api.example.org", "A"), "192.0.2.1");
}
