//! Addresses that change.

use std::net::TcpListener;
use std::process::Command;

use zonemux_test_support::{Process, Request, Target};

use crate::{flaky, ready, refused, reloaded};

#[test]
fn new_listeners_are_bound_before_old_ones_close() {
    let site = flaky();
    let daemon = ready(&site);
    let (tcp, old) = (daemon.webhook().clone(), Target::Unix(site.path("webhook.sock")));
    let mut pooled = old.connect().unwrap();
    pooled.send(&Request::get("/records"));
    assert_eq!(pooled.answer().status, 200);

    site.layer("listen", "[webhook]\nlisten = [\"unix:other.sock\", \"127.0.0.1:0\"]");
    reloaded(&site);
    let new = Target::Unix(site.path("conf.d/other.sock"));
    assert_eq!(new.get("/records").status, 200);
    assert_eq!(tcp.get("/records").status, 200, "an address that stays keeps its port");
    assert!(old.connect().is_err(), "the old one is closed");
    // A connection is told before it is closed: finding it closed would end ExternalDNS.
    pooled.send(&Request::get("/records"));
    let last = pooled.answer();
    assert_eq!((last.status, last.header("connection")), (200, Some("close")));
    let listed = daemon.status()["webhook"].clone();
    let Target::Tcp(address) = tcp else { panic!("the first address is TCP") };
    let path = site.path("conf.d/other.sock");
    assert_eq!(listed, serde_json::json!([format!("unix:{}", path.display()), address.to_string()]));
}

#[test]
fn an_address_that_cannot_be_had_changes_nothing() {
    let site = flaky();
    let daemon = ready(&site);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    site.layer("listen", &format!("[webhook]\nlisten = [\"unix:other.sock\", \"{address}\"]"));
    site.flaky_with("lan", "example.org", "timeout = \"9s\"");
    let (keys, outcome) = refused(&site);
    assert_eq!(keys, ["webhook.listen"], "{outcome:#}");
    assert!(outcome["faults"][0]["message"].as_str().unwrap().contains(&address.to_string()));
    assert!(!site.path("conf.d/other.sock").exists(), "what was bound for nothing is closed");
    for target in daemon.webhooks() {
        assert_eq!(target.get("/records").status, 200);
    }
    assert_eq!(crate::opened(&daemon, "lan"), 1);
}

#[test]
fn the_admin_side_can_move() {
    let site = flaky();
    let daemon = ready(&site);
    site.layer("admin", "[admin]\nlisten = [\"unix:admin.sock\"]");
    reloaded(&site);
    let admin = Target::Unix(site.path("conf.d/admin.sock"));
    assert!(admin.get("/metrics").text().contains("zonemux_config_generation 2"));
    assert!(daemon.admin().connect().is_err());
}

#[test]
fn sockets_of_the_service_manager_stay() {
    let site = flaky();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" --config config.toml serve";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_zonemux")]);
    site.prepare(&mut command);
    command.stdin(std::os::fd::OwnedFd::from(tcp));
    let daemon = site.attach(Process::spawn(command));
    daemon.wait_ready();
    site.flaky_with("lan", "example.org", "timeout = \"9s\"");
    reloaded(&site);
    assert_eq!(daemon.webhooks(), [Target::Tcp(address)]);
    assert_eq!(daemon.webhook().get("/records").status, 200);
    site.layer("listen", "[webhook]\nlisten = [\"unix:other.sock\"]");
    let (keys, outcome) = refused(&site);
    assert_eq!(keys, ["webhook.listen"], "{outcome:#}");
    assert_eq!(daemon.webhook().get("/records").status, 200);
}
