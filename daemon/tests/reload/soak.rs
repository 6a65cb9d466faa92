//! Many reloads under load: not one call fails, and nothing is left behind.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use zonemux_test_support::{Connection, Daemon, Request, Site, create, delete, eventually};

use crate::{ready, site};

/// Before these the daemon's memory still finds its size.
const WARM_UP: usize = 40;
const RELOADS: usize = 200;
/// What the allocator's own habits account for.
const SLACK: u64 = 6 << 20;

/// What a process has.
#[derive(Debug)]
struct Possessions {
    descriptors: usize,
    threads: usize,
    resident: u64,
}

impl Possessions {
    fn of(daemon: &Daemon) -> Self {
        let process = format!("/proc/{}", daemon.process().id());
        let count = |folder: &str| fs::read_dir(format!("{process}/{folder}")).unwrap().count();
        let status = fs::read_to_string(format!("{process}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { descriptors: count("fd"), threads: count("task"), resident: kilobytes << 10 }
    }

    /// Once what is closed in the background is closed.
    fn settled(daemon: &Daemon, reloads: usize) -> Self {
        // Each reload but the first of a pair closes what the one before had opened.
        eventually("threads of closed backends have ended", || {
            let first = Self::of(daemon);
            thread::sleep(std::time::Duration::from_millis(300));
            let second = Self::of(daemon);
            let is_quiet = first.threads == second.threads && first.descriptors == second.descriptors;
            is_quiet.then_some(second)
        });
        let opened = daemon.logged("backend open").len();
        let expected = eventually("every replaced instance is closed", || {
            let closed = daemon.logged("backend of before the reload closed").len();
            (opened == closed + daemon.status()["backends"].as_array().unwrap().len()).then_some(closed)
        });
        assert!(expected >= reloads / 2, "{expected} of {reloads}");
        Self::of(daemon)
    }
}

/// Every other configuration has another setting of `lan`, another view, and another policy.
fn configure(site: &Site, round: usize) {
    let odd = round % 2 == 1;
    let control = site.path("lan.control");
    let control = control.display();
    site.backend_with(
        "lan",
        "flaky",
        "example.org",
        if round.is_multiple_of(3) { "timeout = \"9s\"" } else { "" },
        &format!("control = \"{control}\"\ndelay = {}", usize::from(odd)),
    );
    let deletes = if odd { "\"50%\"" } else { "100" };
    site.layer("guards", &format!("[backends.edge.guards]\nmax_deletes = {deletes}\n"));
    let extra = if odd { "[views.extra]\npath = \"/extra\"\nbackends = [\"edge\"]\n" } else { "" };
    site.layer(
        "views",
        &format!(
            "[views.default]\nbackends = [\"lan\", \"edge\"]\n\
             [views.inside]\npath = \"/inside\"\nbackends = [\"edge\"]\n{extra}"
        ),
    );
}

fn exchange(connection: &mut Connection, request: &Request, expected: u16) {
    connection.send(request);
    let answer = connection.answer();
    assert_eq!(answer.status, expected, "{}", answer.shown());
}

/// What an ExternalDNS does, without pause, on a connection that it keeps.
fn load(daemon: &Daemon, client: usize, stop: &AtomicBool, calls: &AtomicUsize) {
    let path = if client.is_multiple_of(2) { "" } else { "/inside" };
    let name = format!("client-{client}.example.{}", if path.is_empty() { "org" } else { "net" });
    let records = format!("{path}/records");
    let mut connection = daemon.webhook().connect().unwrap();
    while !stop.load(Ordering::Relaxed) {
        exchange(&mut connection, &Request::get(&format!("{path}/")), 200);
        exchange(&mut connection, &Request::get(&records), 200);
        exchange(&mut connection, &Request::post(&format!("{path}/adjustendpoints"), "[]"), 200);
        exchange(&mut connection, &Request::post(&records, create(&[&name])), 204);
        exchange(&mut connection, &Request::post(&records, delete(&[&name])), 204);
        calls.fetch_add(5, Ordering::Relaxed);
    }
}

#[test]
fn two_hundred_reloads_under_load_fail_no_call_and_leave_nothing_behind() {
    let site = site();
    // What is logged of each call is no part of this.
    site.layer("log", "[log]\nlevel = \"info,zonemux::backend=warn,zonemux::backend::lifecycle=info\"");
    site.flaky("edge", "example.net");
    configure(&site, 0);
    let daemon = ready(&site);
    let (stop, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut control = daemon.control().connect().unwrap();
    let mut reload = |round: usize| {
        configure(&site, round);
        control.send(&Request::new("POST", "/reload"));
        let outcome = control.answer().json();
        assert_eq!(outcome["successful"], true, "{outcome:#}");
    };
    let stopping = Stopping(&stop);
    let (before, after) = thread::scope(|scope| {
        let stopping = stopping;
        let measure = |rounds: std::ops::Range<usize>, reload: &mut dyn FnMut(usize)| {
            stop.store(false, Ordering::Relaxed);
            let clients: Vec<_> = (0..4)
                .map(|client| {
                    let (daemon, stop, calls) = (&daemon, &stop, &calls);
                    scope.spawn(move || load(daemon, client, stop, calls))
                })
                .collect();
            let reloads = rounds.len();
            rounds.for_each(reload);
            stop.store(true, Ordering::Relaxed);
            for client in clients {
                client.join().unwrap();
            }
            Possessions::settled(&daemon, reloads)
        };
        let before = measure(1..WARM_UP + 1, &mut reload);
        let after = measure(WARM_UP + 1..WARM_UP + RELOADS + 1, &mut reload);
        drop(stopping);
        (before, after)
    });
    assert_eq!(daemon.status()["generation"], WARM_UP + RELOADS + 1);
    assert!(calls.load(Ordering::Relaxed) > RELOADS, "there was load: {calls:?}");
    // Idle threads of tokio's pools end after ten seconds; what was leaked never would.
    eventually("no more descriptors and threads than before", || {
        let now = Possessions::of(&daemon);
        (now.descriptors <= before.descriptors && now.threads <= before.threads).then_some(())
    });
    assert!(after.resident <= before.resident + SLACK, "{before:?} {after:?}");
    assert_eq!(daemon.stop().code, Some(0));
}

/// Lets the clients end also where the test fails.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
