//! Views with a user and a password, on the real daemon.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;
use zonemux_test_support::{Daemon, Request, Site, create, names};

use crate::{ready, site};

const PASSWORDS: [&str; 2] = ["hunter2:old", "hunter2-new"];
const GUESS: &str = "a-guessed-passphrase";

/// `/` for anyone, `/internal` for who has one of two passwords.
fn guarded() -> Site {
    let site = site();
    site.backend("outside", "memory", "example.org", "");
    site.backend("inside", "memory", "example.org corp.example.org", "");
    site.write("second-password", format!("{}\n", PASSWORDS[1]));
    site.layer(
        "views",
        &format!(
            "[log]\nlevel = \"trace\"\n\
             [views.public]\npath = \"/\"\nbackends = [\"outside\"]\n\
             [views.internal]\npath = \"/internal\"\nbackends = [\"inside\"]\n\
             [views.internal.auth]\nuser = \"externaldns\"\n\
             password = [\"{}\", {{ file = \"../second-password\" }}]",
            PASSWORDS[0]
        ),
    );
    site
}

fn with(request: Request, user: &str, password: &str) -> Request {
    request
        .header("Authorization", &format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
}

fn failures(daemon: &Daemon, view: &str) -> f64 {
    daemon.metric("zonemux_auth_failures_total", &[("view", view)])
}

#[test]
fn a_view_with_a_password_and_one_without_stand_side_by_side() {
    let daemon = ready(&guarded());
    let webhook = daemon.webhook();
    assert_eq!(webhook.post("/records", create(&["www.example.org"])).status, 204);
    let refused = webhook.post("/internal/records", create(&["db.corp.example.org"]));
    assert_eq!(refused.status, 401);
    for (password, name) in PASSWORDS.into_iter().zip(["db.corp.example.org", "mq.corp.example.org"]) {
        let post = with(Request::post("/internal/records", create(&[name])), "externaldns", password);
        assert_eq!(webhook.send(&post).answer().status, 204);
    }
    let listed = webhook.send(&with(Request::get("/internal/records"), "externaldns", PASSWORDS[0])).answer();
    assert_eq!(names(&listed), ["db.corp.example.org", "mq.corp.example.org"]);
    assert_eq!(names(&webhook.get("/records")), ["www.example.org"]);
    assert_eq!((failures(&daemon, "internal"), failures(&daemon, "public")), (1.0, 0.0));
}

#[test]
fn a_failed_attempt_is_counted_and_logged_without_its_password() {
    let daemon = ready(&guarded());
    let wrong = with(Request::get("/internal/records"), "mal\u{1b}lory", GUESS);
    let answer = daemon.webhook().send(&wrong).answer();
    insta::assert_snapshot!(answer.shown());
    let line = daemon.wait_logged("authentication failed");
    assert_eq!(
        (&line["level"], &line["view"], &line["user"], &line["reason"]),
        (&json!("WARN"), &json!("internal"), &json!(r"mal\u{1b}lory"), &json!("wrong credentials"))
    );
    assert!(line["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    // The password in the place of the user is none that the log may have either.
    let swapped = with(Request::get("/internal"), PASSWORDS[1], "externaldns");
    assert_eq!(daemon.webhook().send(&swapped).answer().status, 401);
    assert!((failures(&daemon, "internal") - 2.0).abs() < f64::EPSILON);
    let log = daemon.stop().stderr;
    assert!(log.contains("<redacted>"), "{log}");
    for secret in [PASSWORDS[0], PASSWORDS[1], GUESS, &BASE64_STANDARD.encode(GUESS)] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn a_flood_of_attempts_does_not_fill_the_log() {
    let daemon = ready(&guarded());
    let mut connection = daemon.webhook().send(&Request::get("/internal"));
    for _ in 0..500 {
        assert_eq!(connection.answer().status, 401);
        connection.send(&Request::get("/internal"));
    }
    assert_eq!(connection.answer().status, 401);
    assert!((failures(&daemon, "internal") - 501.0).abs() < f64::EPSILON);
    let lines = daemon.logged("authentication failed").len();
    assert!((10..=20).contains(&lines), "{lines} lines");
    let warnings = daemon.log().into_iter().filter(|line| line["level"] == "WARN").count();
    assert!(warnings <= 20, "{warnings} warnings");
}
