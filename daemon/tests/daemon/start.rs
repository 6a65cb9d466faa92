//! The start: listeners first, plugins behind them.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::Command;

use serde_json::json;
use zonemux_test_support::{Daemon, Finished, Process, Request, Signal, Site, Target, create, names, record};

use crate::{flaky, memory, ready, site};

#[test]
fn it_listens_before_plugins_are_ready() {
    let site = flaky();
    site.layer("fast", "[webhook]\ndeadline = \"1s\"");
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["open"]}"#);
    let daemon = site.start();
    // From the configuration, so that ExternalDNS starts too.
    assert_eq!(daemon.webhook().get("/").json(), json!({ "include": ["example.org"] }));
    assert_eq!(daemon.webhook().get("/healthz").status, 200);
    assert_eq!(daemon.admin().get("/healthz").status, 200);
    let ready = daemon.admin().get("/readyz");
    assert_eq!((ready.status, ready.text()), (503, "lan: opening\n"));
    for answer in [
        daemon.webhook().get("/records"),
        daemon.webhook().post("/records", create(&["a.example.org"])),
        daemon.webhook().post("/adjustendpoints", json!([record("a.example.org")])),
    ] {
        assert_eq!(answer.status, 503, "{}", answer.shown());
    }
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_call_waits_for_a_backend_that_is_about_to_open() {
    let site = flaky();
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["open"], "delay": 700}"#);
    let daemon = site.start();
    assert_eq!(names(&daemon.webhook().get("/records")), [""; 0]);
}

#[test]
fn a_backend_that_could_not_be_opened_is_tried_again() {
    let site = flaky();
    site.backend("edge", "memory", "example.net", "");
    site.misbehave("lan", r#"{"behaviour": "retry-after", "on": ["open"], "delay": 200}"#);
    let daemon = site.start();
    daemon.wait_state("lan", "down");
    let unavailable = daemon.webhook().get("/records");
    assert_eq!(unavailable.status, 503);
    assert!(unavailable.text().contains("backend `lan` unavailable"), "{}", unavailable.text());
    let line = daemon.wait_logged("backend can't be opened");
    assert!(line["error"].as_str().unwrap().contains("failed on command for a while"), "{line}");

    site.misbehave("lan", "healthy");
    daemon.wait_ready();
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 204);
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);
}

#[test]
fn records_survive_a_kill_and_so_does_the_socket() {
    let site = site();
    site.backend("lan", "memory", "example.org", &format!("file = \"{}\"", site.path("records").display()));
    for round in 0..3 {
        let daemon = ready(&site);
        let name = format!("round-{round}.example.org");
        assert_eq!(daemon.webhook().post("/records", create(&[&name])).status, 204);
        daemon.signal(Signal::KILL);
        assert_eq!(daemon.wait().signal, Some(9));
        assert!(site.path("webhook.sock").exists(), "a killed process can't tidy up");
    }
    let daemon = ready(&site);
    let listed = names(&Target::Unix(site.path("webhook.sock")).get("/records"));
    assert_eq!(listed, ["round-0.example.org", "round-1.example.org", "round-2.example.org"]);
    assert_eq!(daemon.stop().code, Some(0));
    assert!(!site.path("webhook.sock").exists());
}

/// The end of a start that fails, without the log.
fn failed_start(site: &Site) -> Finished {
    site.layer("quiet", "[log]\nlevel = \"off\"");
    let finished = site.run(&["serve"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""), "{finished:?}");
    finished
}

#[test]
fn an_address_in_use_is_said_with_its_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = memory();
    site.layer("taken", &format!("[webhook]\nlisten = [\"{}\"]", taken.local_addr().unwrap()));
    let finished = failed_start(&site);
    insta::with_settings!({ filters => [(r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]")] }, {
        insta::assert_snapshot!(finished.stderr);
    });
}

#[test]
fn a_second_daemon_on_one_socket_is_refused_and_the_first_goes_on() {
    let site = memory();
    let daemon = ready(&site);
    insta::with_settings!({ filters => [(r"process \d+", "process [PID]")] }, {
        insta::assert_snapshot!(site.shown(&failed_start(&site).stderr));
    });
    assert_eq!(Target::Unix(site.path("webhook.sock")).get("/records").status, 200);
    assert_eq!(site.run(&["status"]).code, Some(0));
    drop(daemon);
}

#[test]
fn a_file_in_the_place_of_a_socket_is_left_alone() {
    let site = memory();
    site.write("webhook.sock", "mine");
    insta::assert_snapshot!(site.shown(&failed_start(&site).stderr));
    assert_eq!(std::fs::read_to_string(site.path("webhook.sock")).unwrap(), "mine");
}

/// Starts a daemon as systemd does: the socket is descriptor 3, and there before the process is.
fn handed_over(site: &Site, socket: impl Into<OwnedFd>) -> Daemon {
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" --config config.toml serve";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_zonemux")]);
    site.prepare(&mut command);
    command.stdin(socket.into());
    site.attach(Process::spawn(command))
}

#[test]
fn sockets_of_the_service_manager_replace_the_configured_ones() {
    let site = memory();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Target::Tcp(tcp.local_addr().unwrap());
    let mut waiting = address.send(&Request::get("/"));
    let daemon = handed_over(&site, tcp);
    assert_eq!(daemon.webhooks(), [address]);
    assert_eq!(waiting.answer().status, 200, "who connected before the start is answered");
    daemon.wait_ready();
    assert_eq!(daemon.webhook().get("/records").status, 200);
    assert!(!site.path("webhook.sock").exists());
}

#[test]
fn variables_of_the_dynamic_linker_are_named_and_not_shown() {
    let mut site = memory();
    let daemon = ready(&site);
    assert!(daemon.logged(LINKER).is_empty());
    daemon.stop();

    site.set("LD_LIBRARY_PATH", "/nosuch/hunter2").set("GLIBC_TUNABLES", "glibc.malloc.check=0");
    let daemon = site.start();
    let line = daemon.wait_logged(LINKER);
    assert_eq!(
        (&line["level"], &line["variables"]),
        (&"WARN".into(), &"GLIBC_TUNABLES LD_LIBRARY_PATH".into())
    );
    assert!(!line.to_string().contains("hunter2"), "{line}");
}

const LINKER: &str = "the environment changes what the dynamic linker loads into this process";
fn a_unix_socket_of_the_service_manager_is_served_and_stays_the_managers() {
    let site = memory();
    let path = site.path("manager.sock");
    let unix = UnixListener::bind(&path).unwrap();
    let address = Target::Unix(path.clone());
    let mut waiting = address.send(&Request::get("/"));
    let daemon = handed_over(&site, unix);
    assert_eq!(daemon.webhooks(), [address]);
    assert_eq!(waiting.answer().status, 200, "who connected before the start is answered");
    daemon.wait_ready();
    assert_eq!(daemon.webhook().get("/records").status, 200);
    assert!(!site.path("webhook.sock").exists());
    assert_eq!(daemon.stop().code, Some(0));
    assert!(path.exists(), "the next start is handed the same socket");
}
