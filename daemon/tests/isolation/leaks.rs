//! Many calls and many ends of a plugin's process: nothing of them stays with the daemon.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use zonemux::backend::{Batch, Driver, DriverCall, Lease, Selection, list};
use zonemux::plugin::{HostSide, Image, Isolated, Launcher, Permissions, Trust};
use zonemux::wire;
use zonemux_test_support::{Connection, Request, delete};

use crate::*;

const CALLS: usize = 10_000;
const RESTARTS: usize = 200;
/// Before these a process still finds its size.
const WARM_UP: usize = 20;
/// What the allocator's own habits account for.
const SLACK: u64 = 6 << 20;
/// Set in the process that a test starts for itself.
const ALONE: &str = "ZONEMUX_TEST_ALONE";

/// What a process has.
#[derive(Debug, Clone, Copy)]
struct Possessions {
    descriptors: usize,
    threads: usize,
    resident: u64,
}

impl Possessions {
    fn of(pid: u32) -> Self {
        let count = |folder: &str| fs::read_dir(format!("/proc/{pid}/{folder}")).unwrap().count();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { descriptors: count("fd"), threads: count("task"), resident: kilobytes << 10 }
    }

    /// Once idle threads of tokio's pools, which end after ten seconds, have ended.
    fn settled(pid: u32) -> Self {
        eventually("the process is quiet", || {
            let first = Self::of(pid);
            thread::sleep(Duration::from_millis(300));
            let second = Self::of(pid);
            (first.threads == second.threads && first.descriptors == second.descriptors).then_some(second)
        })
    }

    /// There is no more than before; what is leaked never goes.
    #[track_caller]
    fn are_as_before(pid: u32, before: Self) {
        eventually("no more descriptors and threads than before", || {
            let now = Self::of(pid);
            (now.descriptors <= before.descriptors && now.threads <= before.threads).then_some(())
        });
        let after = Self::of(pid);
        assert!(after.resident <= before.resident + SLACK, "{before:?} {after:?}");
    }
}

fn exchange(connection: &mut Connection, request: &Request, expected: u16) {
    connection.send(request);
    let answer = connection.answer();
    assert_eq!(answer.status, expected, "{}", answer.shown());
}

/// Five calls of each of two clients at a time, as ExternalDNS makes them.
fn call_through(daemon: &Daemon, calls: usize) {
    thread::scope(|scope| {
        for client in 0..2 {
            scope.spawn(move || {
                let mut connection = daemon.webhook().connect().unwrap();
                let name = format!("client-{client}.example.org");
                for _ in 0..calls / 10 {
                    exchange(&mut connection, &Request::get("/records"), 200);
                    let record = json!([zonemux_test_support::record(&name)]);
                    exchange(&mut connection, &Request::post("/adjustendpoints", record), 200);
                    exchange(&mut connection, &Request::post("/records", create(&[&name])), 204);
                    exchange(&mut connection, &Request::get("/records"), 200);
                    exchange(&mut connection, &Request::post("/records", delete(&[&name])), 204);
                }
            });
        }
    });
}

#[test]
fn ten_thousand_calls_leave_nothing_behind_on_either_side() {
    let site = site();
    site.layer("log", "[log]\nlevel = \"warn\"");
    site.flaky("lan", "example.org");
    let daemon = ready(&site);
    let pids = [daemon.process().id(), pid(&daemon, "lan")];
    call_through(&daemon, CALLS / 5);
    let before = pids.map(Possessions::settled);
    call_through(&daemon, CALLS);
    for (pid, before) in pids.into_iter().zip(before) {
        Possessions::are_as_before(pid, before);
    }
    assert_eq!(looks::process(&daemon, "lan")["restarts"], 0);
    assert_eq!(daemon.stop().code, Some(0));
}

/// One backend's driver, as the daemon has it.
struct Driven {
    site: Site,
    runtime: Runtime,
    driver: Isolated,
}

impl Driven {
    fn new() -> Self {
        let site = Site::new(env!("CARGO_BIN_EXE_zonemux"));
        let runtime = Runtime::new().unwrap();
        let launcher = runtime.block_on(async { Launcher::of(env!("CARGO_BIN_EXE_zonemux").as_ref()) });
        let image = Image::read(&site.install("flaky"), &Trust::Owner { sha256: None }).unwrap();
        let host = HostSide::new("lan", &["example.org".to_owned()], site.path(""), site.path("state"));
        let settings = json!({ "control": site.path("lan.control") }).to_string();
        let permissions = Permissions { memory_limit: 256 << 20, writable: vec![site.path("")] };
        let driver =
            Isolated::configure(&Arc::new(launcher.unwrap()), &image, host, &settings, &permissions).unwrap();
        Self { site, runtime, driver }
    }

    /// A process begins, answers so many calls, and ends in the middle of one more.
    fn round(&self, behaviour: &str, calls: usize) {
        self.site.misbehave("lan", "healthy");
        let call = || DriverCall { id: "test".into(), time_left: Duration::from_secs(30) };
        let name = json!([zonemux_test_support::record("a.example.org")]).to_string();
        self.runtime.block_on(async {
            let opened = self.driver.open(call()).await.unwrap();
            for number in 0..calls {
                let (sink, source) = list(None);
                match number % 4 {
                    0 => {
                        opened.instance.records(call(), sink).await.unwrap();
                        source.take(0, tokio::time::Instant::now()).unwrap();
                    }
                    1 => {
                        let body = create(&["a.example.org"]).to_string();
                        let batch = Batch::all(Arc::new(wire::changes(body.as_bytes()).unwrap()));
                        let failed =
                            opened.instance.apply(call(), Arc::new(batch), Lease::new().0).await.unwrap();
                        assert!(failed.is_empty(), "{failed:?}");
                    }
                    2 => {
                        let endpoints = Selection::all(Arc::new(wire::endpoints(name.as_bytes()).unwrap()));
                        self.driver.adjust(call(), &opened.capabilities, endpoints, sink).await.unwrap();
                    }
                    _ => drop(opened.instance.check(call()).await.unwrap()),
                }
            }
            let how = json!({ "behaviour": behaviour, "on": ["records"] });
            self.site.misbehave("lan", &how.to_string());
            let (sink, _source) = list(None);
            opened.instance.records(call(), sink).await.unwrap_err();
            opened.instance.lost().await;
        });
    }

    fn rounds(&self, count: usize, calls: usize) {
        let behaviours = ["segfault", "abort", "exit", "garbage"];
        for behaviour in behaviours.into_iter().cycle().take(count) {
            self.round(behaviour, calls);
        }
    }
}

#[test]
fn two_hundred_restarts_and_ten_thousand_calls_leave_nothing_behind() {
    if std::env::var_os(ALONE).is_none() {
        // What other tests have open beside it in this process would be counted.
        let name = "leaks::two_hundred_restarts_and_ten_thousand_calls_leave_nothing_behind";
        let mut command = Command::new(std::env::current_exe().unwrap());
        let status = command.args(["--exact", name, "--nocapture"]).env(ALONE, "1").status().unwrap();
        assert!(status.success(), "{status}");
        return;
    }
    let own = std::process::id();
    let driven = Driven::new();
    driven.rounds(WARM_UP, CALLS / RESTARTS);
    let before = Possessions::settled(own);
    driven.rounds(RESTARTS, CALLS / RESTARTS);
    Possessions::are_as_before(own, before);
    assert_eq!(looks::children(own), [0; 0], "no process of before");
    let status = driven.driver.process().unwrap();
    assert_eq!(status.restarts, u64::try_from(WARM_UP + RESTARTS).unwrap());
}
