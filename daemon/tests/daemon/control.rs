//! The control socket, and `zonemux status` on it.

use std::os::unix::fs::PermissionsExt;

use zonemux_test_support::{Request, create};

use crate::{VERSION, flaky, memory, ready};

/// What differs each time.
fn filters() -> Vec<(&'static str, &'static str)> {
    vec![
        VERSION,
        (r"process \d+, up \d+s", "process [PID], up [AGE]"),
        (r"\b\d+s ago", "[AGE] ago"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
        (r#""(pid|started_at|listed_at|last_error_at|at|age)": \d+"#, "\"$1\": [NUMBER]"),
        // What the kernel at hand lacks.
        (r#",\s*"unrestricted": \[[^\]]*\]"#, ""),
    ]
}

#[test]
fn status_of_a_daemon_that_is_well() {
    let site = memory();
    site.backend("edge", "memory", "example.net 2.0.192.in-addr.arpa", "");
    let daemon = ready(&site);
    daemon.webhook().post("/records", create(&["a.example.org"]));
    daemon.webhook().get("/records");

    let text = site.run(&["status"]);
    assert_eq!(text.code, Some(0), "{text:?}");
    insta::with_settings!({ filters => filters() }, {
        insta::assert_snapshot!("status_text", site.shown(&text.stdout));
    });
    let json = site.run(&["status", "--output", "json"]);
    assert_eq!(json.code, Some(0), "{json:?}");
    insta::with_settings!({ filters => filters() }, {
        insta::assert_snapshot!("status_json", site.shown(&json.stdout));
    });
}

#[test]
fn status_of_a_daemon_with_a_failing_backend_is_1() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", "fail");
    daemon.webhook().get("/records");
    let status = site.run(&["status"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    insta::with_settings!({ filters => filters() }, {
        insta::assert_snapshot!(site.shown(&status.stdout));
    });
}

#[test]
fn without_a_daemon_it_says_where_it_looked() {
    let site = memory();
    let status = site.run(&["status"]);
    assert_eq!((status.code, status.stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!(site.shown(&status.stderr));
}

#[test]
fn only_owner_and_group_may_connect() {
    let site = memory();
    let daemon = ready(&site);
    let mode = std::fs::metadata(site.path("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    daemon.wait_logged("control request");
    let line = daemon.logged("control request").remove(0);
    assert!(line["peer"].as_str().unwrap().contains("uid "), "{line}");
}

#[test]
fn it_answers_what_it_has() {
    let daemon = ready(&memory());
    let shown = |(method, path): (&str, &str)| {
        let answer = daemon.control().send(&Request::new(method, path)).answer();
        format!("{method} {path}\n{}\n", answer.shown())
    };
    insta::assert_snapshot!([("GET", "/nosuch"), ("POST", "/status")].map(shown).join("\n"));
}
