//! Views that want a user and a password.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tokio::time::Instant;
use zonemux::http::{Credentials, MEDIA_TYPE, ViewTable, WebhookSettings};
use zonemux::view::Calls;

use crate::client::Reply;
use crate::view::FakeView;
use crate::workshop::{Workshop, get};

/// An open view at `/`, one with two passwords at `/internal`.
fn guarded() -> Workshop {
    let workshop = Workshop::start();
    let (internal, _) = FakeView::new("internal");
    *internal.zones.lock().unwrap() = vec!["internal.example".to_owned()];
    let credentials = Credentials::new("externaldns", "old:secret", Some("new-secret"));
    workshop.webhook.set_views(ViewTable::guarded([
        ("/".to_owned(), Arc::clone(&workshop.view) as Arc<dyn Calls>, None),
        ("/internal".to_owned(), internal as Arc<dyn Calls>, Some(credentials)),
    ]));
    workshop
}

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

fn request(method: &str, path: &str, authorization: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {MEDIA_TYPE}\r\n\
         Content-Length: {length}\r\n{authorization}\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn is_refused(reply: &Reply) {
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("www-authenticate"), Some("Basic realm=\"zonemux\""));
}

#[tokio::test]
async fn either_password_opens_each_call_of_the_view() {
    let workshop = guarded();
    for password in ["old:secret", "new-secret"] {
        let authorization = basic("externaldns", password);
        for (method, path, status) in [
            ("GET", "/internal", 200),
            ("GET", "/internal/records", 200),
            ("HEAD", "/internal/records", 200),
            ("POST", "/internal/records", 204),
            ("POST", "/internal/adjustendpoints", 200),
            ("OPTIONS", "/internal/records", 204),
        ] {
            let body = match path {
                "/internal/adjustendpoints" => &b"[]"[..],
                _ if method == "POST" => b"{}",
                _ => b"",
            };
            let mut client = workshop.connect().await;
            client.send(request(method, path, &authorization, body)).await;
            let reply = if method == "HEAD" { client.head_reply().await } else { client.reply().await };
            assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn without_them_no_call_is_answered_whatever_its_method() {
    let workshop = guarded();
    for (method, path) in [
        ("GET", "/internal"),
        ("GET", "/internal/records"),
        ("POST", "/internal/records"),
        ("POST", "/internal/adjustendpoints"),
        ("OPTIONS", "/internal"),
        ("DELETE", "/internal/records"),
    ] {
        is_refused(&workshop.ask(request(method, path, "", b"")).await);
    }
}

#[tokio::test]
async fn what_is_open_stays_open_and_what_is_not_there_tells_of_nothing() {
    let workshop = guarded();
    for path in ["/healthz", "/", "/records"] {
        assert_eq!(workshop.ask(get(path)).await.status, 200, "{path}");
    }
    for path in ["/external", "/internals/records", "/internal/other", "/internal/healthz"] {
        let reply = workshop.ask(get(path)).await;
        assert_eq!(reply.status, 404);
        assert!(!reply.text().replace(path, "").contains("internal"), "{}", reply.text());
    }
}

#[tokio::test]
async fn refusals_word_for_word() {
    let workshop = guarded();
    let mut shown = String::new();
    for (title, authorization) in [
        ("no credentials", String::new()),
        ("a wrong password", basic("externaldns", "hunter2")),
        ("another scheme", "Authorization: Bearer abc\r\n".to_owned()),
    ] {
        let reply = workshop.ask(request("GET", "/internal/records", &authorization, b"")).await;
        is_refused(&reply);
        let content_type = reply.header("content-type").unwrap();
        writeln!(shown, "=== {title}\n{content_type}\n{}", reply.text()).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn a_refused_call_without_a_body_leaves_its_connection() {
    let workshop = guarded();
    let mut client = workshop.connect().await;
    client.send(get("/internal/records")).await;
    let reply = client.reply().await;
    is_refused(&reply);
    assert_eq!(reply.header("connection"), None);
    client.send(request("GET", "/internal/records", &basic("externaldns", "new-secret"), b"")).await;
    assert_eq!(client.reply().await.status, 200);
}

/// The client sends all of it before it reads, and must find the answer.
#[tokio::test]
async fn a_refused_call_with_a_large_body_gets_its_answer_and_no_reset() {
    let workshop = guarded();
    let mut client = workshop.connect().await;
    client.send(request("POST", "/internal/records", "", &vec![b' '; 31 << 20])).await;
    let reply = client.reply().await;
    is_refused(&reply);
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(client.closed().await);
    assert!(workshop.still_serves().await);
}

#[tokio::test]
async fn a_wrong_password_is_answered_ever_later_and_a_right_one_at_once() {
    let workshop = guarded();
    for wait in [100, 200, 400, 800] {
        let start = Instant::now();
        let wrong = request("GET", "/internal", &basic("externaldns", "hunter2"), b"");
        is_refused(&workshop.ask(wrong).await);
        assert!(start.elapsed() >= Duration::from_millis(wait), "{:?} of {wait} ms", start.elapsed());
    }

    // While guesses from the same address are waiting, as many as may, the password still opens.
    let mut waiting = Vec::new();
    for _ in 0..80 {
        let mut client = workshop.connect().await;
        client.send(request("GET", "/internal", &basic("externaldns", "hunter2"), b"")).await;
        waiting.push(client);
    }
    let start = Instant::now();
    let right = request("GET", "/internal", &basic("externaldns", "new-secret"), b"");
    assert_eq!(workshop.ask(right).await.status, 200);
    // Theirs would by now be 5 s.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_deadline_ends_the_wait_of_a_wrong_password() {
    let workshop = guarded();
    workshop
        .webhook
        .set_settings(WebhookSettings { deadline: Duration::from_millis(150), ..WebhookSettings::default() });
    let start = Instant::now();
    for _ in 0..10 {
        let wrong = request("GET", "/internal", &basic("externaldns", "hunter2"), b"");
        is_refused(&workshop.ask(wrong).await);
    }
    // Without it they would wait for 26 s.
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[tokio::test]
async fn new_settings_hold_from_the_next_call_on() {
    let workshop = Workshop::start();
    let mut client = workshop.connect().await;
    let body = [b' '; 200].map(char::from).iter().collect::<String>() + "{}";
    let call = request("POST", "/records", "", body.as_bytes());
    client.send(&call).await;
    assert_eq!(client.reply().await.status, 204);
    workshop.webhook.set_settings(WebhookSettings { max_body: 100, ..WebhookSettings::default() });
    client.send(&call).await;
    assert_eq!(client.reply().await.status, 413);
}
