//! Who may ask for a reload, and what the service manager is told of it.

use zonemux_test_support::{NotifySocket, Signal, eventually};

use crate::{flaky, ready, refused, reloaded};

#[test]
fn hangup_reloads() {
    let site = flaky();
    let daemon = ready(&site);
    site.flaky("edge", "example.net");
    daemon.signal(Signal::HUP);
    daemon.wait_state("edge", "up");
    let line = daemon.wait_logged("configuration reloaded");
    assert_eq!((&line["level"], &line["generation"]), (&"INFO".into(), &2.into()));
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn the_manager_is_told_of_the_beginning_and_of_the_end_whatever_came_of_it() {
    let mut site = flaky();
    let manager = NotifySocket::bind(&site.path("notify.sock"));
    site.set("NOTIFY_SOCKET", site.path("notify.sock"));
    let daemon = ready(&site);
    manager.wait_for("READY=1");
    for bad in [false, true] {
        if bad {
            site.layer("bad", "[webhook]\ndeadline = \"1h\"");
            refused(&site);
        } else {
            reloaded(&site);
        }
        let begun = manager.wait_for("RELOADING=1");
        let time = begun.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
        assert!(time.is_some_and(|time| time.parse::<u64>().is_ok()), "{begun}");
        let ended = manager.wait_for("READY=1");
        assert!(ended.contains("STATUS=1 of 1 backends up"), "{ended}");
    }
    drop(daemon);
}

#[test]
fn reloads_asked_for_while_one_runs_are_one() {
    let site = flaky();
    let daemon = ready(&site);
    site.flaky("edge", "example.net");
    site.misbehave("edge", r#"{"behaviour": "late", "on": ["open"], "delay": 2000}"#);
    let begun = || daemon.logged("reloading the configuration").len();
    daemon.signal(Signal::HUP);
    eventually("the first has begun", || (begun() == 1).then_some(()));
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..5).map(|_| scope.spawn(|| reloaded(&site)["generation"].clone())).collect();
        // The last of them has asked before the first reload ends.
        eventually("all have asked", || {
            let asked = daemon.logged("control request");
            (asked.iter().filter(|line| line["path"] == "/reload").count() == 5).then_some(())
        });
        assert_eq!(begun(), 1);
        for asked in asking {
            assert_eq!(asked.join().unwrap(), 3);
        }
    });
    assert_eq!(begun(), 2);
}

#[test]
fn a_stop_does_not_wait_for_a_reload() {
    let site = flaky();
    let daemon = ready(&site);
    site.flaky("edge", "example.net");
    site.misbehave("edge", r#"{"behaviour": "hang", "on": ["open"]}"#);
    daemon.signal(Signal::HUP);
    daemon.wait_logged("reloading the configuration");
    let begun = std::time::Instant::now();
    assert_eq!(daemon.stop().code, Some(0));
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
}
