//! What the service manager is told.

use zonemux_test_support::{NotifySocket, Signal};

use crate::{flaky, memory};

#[test]
fn ready_status_stopping() {
    let mut site = memory();
    let manager = NotifySocket::bind(&site.path("notify.sock"));
    site.set("NOTIFY_SOCKET", site.path("notify.sock"));
    let daemon = site.start();
    let ready = manager.wait_for("READY=1");
    assert!(
        ready.lines().any(|line| line.starts_with("STATUS=") && line.ends_with("of 1 backends up")),
        "{ready}"
    );
    daemon.wait_ready();
    manager.wait_for("STATUS=1 of 1 backends up");
    daemon.signal(Signal::TERM);
    manager.wait_for("STOPPING=1");
    assert_eq!(daemon.wait().code, Some(0));
}

#[test]
fn ready_does_not_wait_for_backends() {
    let mut site = flaky();
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["open"]}"#);
    let manager = NotifySocket::bind(&site.path("notify.sock"));
    site.set("NOTIFY_SOCKET", site.path("notify.sock"));
    let daemon = site.start();
    let ready = manager.wait_for("READY=1");
    assert!(ready.contains("STATUS=0 of 1 backends up"), "{ready}");
    drop(daemon);
}

#[test]
fn the_watchdog_is_told_in_time_and_without_one_nothing_is() {
    let mut site = memory();
    let manager = NotifySocket::bind(&site.path("notify.sock"));
    site.set("NOTIFY_SOCKET", site.path("notify.sock")).set("WATCHDOG_USEC", "400000");
    let daemon = site.start();
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1");
    }
    drop(daemon);
}

#[test]
fn a_manager_that_went_away_is_no_fault() {
    let mut site = memory();
    site.set("NOTIFY_SOCKET", site.path("nosuch.sock"));
    let daemon = site.start();
    daemon.wait_ready();
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn hangup_does_not_end_it() {
    let site = memory();
    let daemon = site.start();
    daemon.wait_ready();
    daemon.signal(Signal::HUP);
    daemon.wait_logged("configuration reloaded");
    assert_eq!(daemon.webhook().get("/records").status, 200);
    assert_eq!(daemon.stop().code, Some(0));
}
