//! Every error that a client can meet, word for word.

use std::fmt::Write;
use std::time::Duration;

use zonemux::view::CallError;

use crate::client::Reply;
use crate::view::Behaviour;
use crate::workshop::{Workshop, get, post, post_as};

/// An answer as a person sees it, without what differs from run to run.
fn shown(reply: &Reply) -> String {
    let mut shown = format!("{} {}\n", reply.version, reply.status);
    let mut headers: Vec<_> = reply.headers.iter().collect();
    headers.sort();
    for (name, value) in headers {
        if name != "date" && name != "x-request-id" {
            writeln!(shown, "{name}: {value}").unwrap();
        }
    }
    shown + "\n" + reply.text()
}

async fn all(workshop: &Workshop, requests: Vec<(&str, Vec<u8>)>) -> String {
    let mut text = String::new();
    for (title, request) in requests {
        let reply = workshop.ask(request).await;
        assert!((400..600).contains(&reply.status), "{title}: {reply:?}");
        writeln!(text, "=== {title}\n{}", shown(&reply)).unwrap();
    }
    assert!(workshop.still_serves().await);
    text
}

fn request(line: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: test\r\n\r\n").into()
}

#[tokio::test]
async fn what_is_not_the_protocol() {
    let workshop = Workshop::start();
    let accept = "GET / HTTP/1.1\r\nAccept: application/external.dns.webhook+json;version=2\r\n\r\n";
    let gzip = "POST /records HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}";
    let too_large = "POST /records HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n";
    let requests = vec![
        ("no such path", request("GET /favicon.ico")),
        ("no such path, hostile", request("GET /%0d%0aSet-Cookie:x/\"quoted\"")),
        ("a view's unknown path", request("GET /internal/zones")),
        ("wrong method", request("DELETE /records")),
        ("wrong method for adjust", request("GET /adjustendpoints")),
        ("wrong method for negotiate", post("/", "{}")),
        ("unknown method", request("BREW /healthz")),
        ("another version accepted", accept.into()),
        (
            "another version sent",
            post_as("/records", "application/external.dns.webhook+json;version=2", "{}"),
        ),
        ("a form, as curl sends by default", post_as("/records", "application/x-www-form-urlencoded", "{}")),
        ("plain text", post_as("/adjustendpoints", "text/plain; charset=utf-8", "[]")),
        ("compressed body", gzip.into()),
        ("too large by its own word", too_large.into()),
        ("too long a path", request(&format!("GET /{}", "a".repeat(1000)))),
    ];
    insta::assert_snapshot!(all(&workshop, requests).await);
}

#[tokio::test]
async fn bodies_that_are_not_the_json() {
    let workshop = Workshop::start();
    let changes = |body: &str| post("/records", body);
    let deep = format!(r#"{{"x":{}"#, "[".repeat(100_000));
    let long_value = format!(r#"{{"create":[{{"dnsName":"a","recordTTL":"{}"}}]}}"#, "9".repeat(10_000));
    let requests = vec![
        ("empty", changes("")),
        ("blank", changes(" \n")),
        ("malformed", changes(r#"{"create":[{"dnsName":"a.example.org",}]}"#)),
        ("truncated", changes(r#"{"create":[{"dnsName":"a.example.org","targets":["192.0.2"#)),
        ("not UTF-8", post("/records", b"{\"create\":\n[{\"dnsName\":\"\xff\"}]}")),
        ("deeply nested", changes(&deep)),
        ("trailing data", changes("{} {}")),
        ("a list for an object", changes("[]")),
        ("an object for a list", post("/adjustendpoints", "{}")),
        ("a string for a list", changes(r#"{"delete":"all"}"#)),
        ("a string for a TTL", changes(r#"{"create":[null,{"recordTTL":1},{"recordTTL":"300"}]}"#)),
        ("a long string for a TTL", changes(&long_value)),
        ("a number for a target", changes(r#"{"updateNew":[{"targets":["192.0.2.1",5]}]}"#)),
        ("a list for labels", post("/adjustendpoints", r#"[{"labels":["a"]}]"#)),
        ("a string for a property", post("/adjustendpoints", r#"[{"providerSpecific":[null,"a"]}]"#)),
    ];
    insta::assert_snapshot!(all(&workshop, requests).await);
}

#[tokio::test]
async fn trouble_of_ours_is_never_4xx() {
    let workshop = Workshop::with_deadline(Duration::from_millis(50));
    let calls = || {
        vec![
            ("negotiate", get("/").into_bytes()),
            ("records", get("/records").into_bytes()),
            ("adjust", post("/adjustendpoints", "[]")),
            ("apply", post("/records", "{}")),
        ]
    };
    let mut text = String::new();
    let mut unavailable = CallError::unavailable("backend `lan` is not available");
    unavailable.retry_after = Some(Duration::from_millis(29_001));
    for (title, behaviour) in [
        ("a backend is down", Behaviour::Fail(unavailable)),
        ("the view's deadline", Behaviour::Fail(CallError::deadline("backend `lan` is still at work"))),
        ("a fault of ours", Behaviour::Fail(CallError::internal("the store gave no answer"))),
        ("a stopping view", Behaviour::Fail(CallError::stopping())),
    ] {
        workshop.view.behave(behaviour);
        writeln!(text, "##### {title}\n{}", all(&workshop, calls()).await).unwrap();
    }
    workshop.view.behave(Behaviour::Hang);
    writeln!(text, "##### no answer in time\n{}", all(&workshop, calls().split_off(1)).await).unwrap();
    workshop.view.behave(Behaviour::Work);
    workshop.view.zones.lock().unwrap().clear();
    writeln!(text, "##### no zone yet\n{}", all(&workshop, vec![("negotiate", get("/").into())]).await)
        .unwrap();
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_connection_goes_on() {
    let workshop = Workshop::start();
    let mut client = workshop.connect().await;
    for request in [
        get("/").into_bytes(),
        get("/records").into(),
        post("/adjustendpoints", "[]"),
        post("/records", "{}"),
    ] {
        workshop.view.behave(Behaviour::Panic);
        client.send(request).await;
        let reply = client.reply().await;
        assert_eq!(reply.status, 500);
        let request_id = reply.header("x-request-id").unwrap();
        assert_eq!(
            reply.text(),
            format!(
                "error: zonemux failed to answer this call\n\
                 hint: this is a fault in zonemux: its log has the details under request {request_id}\n"
            )
        );
        workshop.view.behave(Behaviour::Work);
        client.send(get("/records")).await;
        assert_eq!(client.reply().await.status, 200);
    }
}

#[tokio::test]
async fn what_hyper_refuses_has_words_too() {
    let workshop = Workshop::start();
    let many = "X-Line: 1\r\n".repeat(101);
    let requests = vec![
        ("not HTTP", b"hello there\r\n\r\n".to_vec()),
        ("a broken header line", b"GET / HTTP/1.1\r\nno colon\r\n\r\n".to_vec()),
        ("two lengths", b"POST /records HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_vec()),
        ("too many header lines", format!("GET / HTTP/1.1\r\n{many}\r\n").into()),
        (
            "too large a header block",
            format!("GET / HTTP/1.1\r\nX-Large: {}\r\n\r\n", "a".repeat(100_000)).into(),
        ),
        ("far too long a path", request(&format!("GET /{}", "a".repeat(70_000)))),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
    ];
    insta::assert_snapshot!(all(&workshop, requests).await);
}
