//! Backends that are programs and misbehave: the example in Python, each time with lines of somebody else's.

use std::fs;

use zonemux_test_support::Signal;

use crate::*;

const EXAMPLE: &str = include_str!("../../../plugins/example.py");
/// What its last statement begins with.
const START: &str = "if __name__ == \"__main__\":";

/// As [`two`], with a program as `lan` that runs some lines in one of the backend's methods, once it is told to.
fn wicked(method: &str, lines: &str) -> Site {
    let site = two();
    let (before, after) = EXAMPLE.split_once(START).unwrap();
    let lines = lines.replace('\n', "\n        ");
    let program = format!(
        "{before}import socket, subprocess, time\n\n\
         honest = Backend.{method}\n\n\
         def wicked(self, call, *more):\n    \
             if os.path.exists(self.file + \".now\"):\n        \
                 os.remove(self.file + \".now\")\n        \
                 {lines}\n    \
             return honest(self, call, *more)\n\n\
         Backend.{method} = wicked\n\n{START}{after}"
    );
    let file = site.write("plugins/wicked.py", program);
    site.chmod("plugins/wicked.py", 0o755);
    let settings = format!("file = \"{}\"", site.path("lan/records").display());
    site.backend_with("lan", &format!("exec:{}", file.display()), "example.org", PATIENCE, &settings);
    site
}

/// From the next call on.
fn now(site: &Site) {
    site.write("lan/records.now", "");
}

/// The program is as it should be, and serves again.
#[track_caller]
fn serves_again(daemon: &Daemon) {
    eventually("the backend is opened again and lists", || {
        let answer = daemon.webhook().get("/records");
        let up = looks::backend(daemon, "lan")["state"] == "up";
        (answer.status == 200 && up).then(|| assert_eq!(names(&answer), ["kept.example.org"]))
    });
}

/// It ends while something that it has started holds its connection and its standard error.
#[track_caller]
fn its_end_is_seen(in_a_session_of_its_own: bool) {
    let session = if in_a_session_of_its_own { "True" } else { "False" };
    let site = wicked(
        "list",
        &format!(
            "left = subprocess.Popen([\"sleep\", \"600\"], start_new_session={session})\n\
             with open(self.file + \".left\", \"w\") as file:\n    \
                 file.write(str(left.pid))\n\
             os._exit(3)"
        ),
    );
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    now(&site);
    daemon.webhook().get("/records");
    // And not as one that does not answer.
    restarted(&daemon, "lan", 1, &["exit"]);
    let left = fs::read_to_string(site.path("lan/records.left")).unwrap().parse().unwrap();
    if in_a_session_of_its_own {
        // Out of reach, unless the daemon has a control group for it.
        if !is_gone(left) {
            looks::signal(left, Signal::KILL);
        }
    } else {
        eventually("what it started has ended with it", || is_gone(left).then_some(()));
    }
    serves_again(&daemon);
    edge_works(&daemon, "a");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn the_end_of_one_is_seen_although_what_it_started_holds_its_connection() {
    its_end_is_seen(false);
}

#[test]
fn the_end_of_one_is_seen_although_what_it_started_has_left_its_session() {
    its_end_is_seen(true);
}

/// Asks at both of the daemon's sockets, itself and from a process whose parent has ended.
const ASK: &str = r#"
def ask(who):
    for name in ["control.sock", "webhook.sock"]:
        try:
            with socket.socket(socket.AF_UNIX) as stream:
                stream.connect(os.path.join(os.path.dirname(os.path.dirname(self.file)), name))
                stream.sendall(b"GET /status HTTP/1.1\r\nHost: zonemux\r\n\r\n")
                answer = stream.recv(12).decode()
        except OSError as error:
            answer = str(error)
        with open(self.file + ".asked", "a") as report:
            report.write(f"{who} at {name}: {answer}\n")

ask("itself")
middle = os.fork()
if middle == 0:
    middle = os.getpid()
    if os.fork() == 0:
        while os.getppid() == middle:
            time.sleep(0.01)
        ask("an orphan")
    os._exit(0)
os.waitpid(middle, 0)
"#;

#[test]
fn neither_it_nor_an_orphan_of_it_is_answered_at_the_daemons_sockets() {
    let site = wicked("list", ASK);
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    now(&site);
    daemon.webhook().get("/records");
    let report = eventually("all have asked", || {
        let report = fs::read_to_string(site.path("lan/records.asked")).ok()?;
        (report.lines().count() == 4).then_some(report)
    });
    for line in report.lines() {
        // The kernel refuses where it can.
        assert!(line.ends_with("HTTP/1.1 403") || line.contains("Permission denied"), "{report}");
    }
    assert_eq!(report.lines().filter(|line| line.starts_with("an orphan")).count(), 2, "{report}");
    // All of them are one line, unless the kernel has refused every one.
    let refused = daemon.logged("is refused at the daemon's own socket");
    assert_eq!(refused.len(), usize::from(report.contains("403")), "{refused:?}");
    assert!(refused.iter().all(|line| line["backend"] == "lan"), "{refused:?}");
    // Whoever is none of the daemon's own is answered at both.
    let unix = zonemux_test_support::Target::Unix(site.path("webhook.sock"));
    assert_eq!(names(&unix.get("/records")), ["kept.example.org"]);
    assert_eq!(daemon.control().get("/status").status, 200);
    assert_eq!(looks::process(&daemon, "lan")["restarts"], 0);
}

/// Sends what it must not, while it applies, and is cut off.
#[track_caller]
fn is_cut_off(lines: &str, records: &[&str], words: &str) {
    let site = wicked("apply", &format!("{lines}\ntime.sleep(600)"));
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    now(&site);
    let answer = daemon.webhook().post("/records", create(records));
    assert_eq!(answer.status, 503, "{}", answer.shown());
    let seen = restarted(&daemon, "lan", 1, &["protocol"]);
    assert!(seen["last_end"].as_str().unwrap().contains(words), "{seen}");
    serves_again(&daemon);
    edge_works(&daemon, "a");
}

#[test]
fn one_that_asks_for_pieces_and_reads_none_is_cut_off_after_a_few() {
    let wanted: Vec<String> = (0..5000).map(|index| format!("host-{index}.example.org")).collect();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    // Slowly, so that each can be answered before the next is there.
    let ask = "for _ in range(90):\n    \
                   send(NEXT, call, struct.pack(\"<II\", CREATE, 0))\n    \
                   time.sleep(0.02)";
    is_cut_off(ask, &wanted, "fifth piece");
}

#[test]
fn one_with_more_failures_than_changes_is_cut_off() {
    let fail = "for _ in range(2):\n    \
                    told = {\"list\": \"create\", \"index\": 0, \"kind\": \"permanent\", \"reason\": \"no\"}\n    \
                    send(UNAPPLIED, call, told)";
    is_cut_off(fail, &["a.example.org"], "failure that nobody asked for");
}

/// There is a frame in which the daemon's own code says what restricts a process, before it runs any other.
#[test]
fn one_that_says_itself_what_restricts_it_is_cut_off() {
    let restricted = 76;
    let say = format!("send({restricted}, 0, {{\"seccomp\": True, \"missing\": []}})");
    is_cut_off(&say, &["a.example.org"], "restrictions");
}

#[test]
fn one_that_reads_no_more_is_ended_before_its_calls_run_out_of_time() {
    // What it says is still heard.
    let lines = "socket.socket(fileno=os.dup(0)).shutdown(socket.SHUT_RD)\n\
                 send(FAILED, call, {\"kind\": \"retryable\", \"message\": \"deaf now\"})\n\
                 time.sleep(600)";
    let site = wicked("list", lines);
    // Long after it is found out.
    site.layer("patience", "[backends.lan]\napply_timeout = \"5m\"\n[webhook]\ndeadline = \"14s\"");
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    now(&site);
    daemon.webhook().get("/records");
    // It is never told of this.
    daemon.webhook().get("/records");
    let seen = restarted(&daemon, "lan", 1, &["closed"]);
    assert!(seen["last_end"].as_str().unwrap().contains("for reading"), "{seen}");
    serves_again(&daemon);
}

#[test]
fn words_without_end_are_cut_wherever_they_are_kept() {
    let lines = "words = \"ü\" * 200_000\n\
                 log(3, words, words=words)\n\
                 raise Failure(\"retryable\", words)";
    let site = wicked("list", lines);
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    now(&site);
    daemon.webhook().get("/records");
    let logged = daemon.wait_logged("üüü");
    assert_eq!(logged["backend"], "lan");
    for part in ["message", "fields"] {
        let length = logged[part].as_str().unwrap().len();
        assert!((1000..10_000).contains(&length), "{part}: {length}");
    }
    let error = eventually("the failure is shown", || {
        let error = looks::backend(&daemon, "lan")["last_error"].to_string();
        error.contains("üüü").then_some(error)
    });
    assert!(error.len() < 4000, "{}", error.len());
    serves_again(&daemon);
    assert_eq!(looks::process(&daemon, "lan")["restarts"], 0);
}

#[test]
fn it_is_known_of_one_what_restricts_it_as_of_a_library() {
    let site = wicked("list", "pass");
    let daemon = ready(&site);
    let ready = daemon.logged("the plugin's process is ready");
    let in_force = |backend: &str| {
        let line = ready.iter().find(|line| line["backend"] == backend).unwrap();
        let restrictions = line["restrictions"].as_str().unwrap();
        // The rest is what is not in force, which the kernel decides for each by what it may do.
        restrictions.split(", missing").next().unwrap().to_owned()
    };
    assert!(in_force("edge").contains("seccomp: true"), "or this would prove nothing: {ready:?}");
    assert_eq!(in_force("lan"), in_force("edge"));
    // Which is told of both, or of none.
    let tells = |backend: &str| {
        let unrestricted = looks::process(&daemon, backend)["unrestricted"].clone();
        unrestricted.as_array().is_some_and(|lines| !lines.is_empty())
    };
    assert_eq!(tells("lan"), tells("edge"));
}
