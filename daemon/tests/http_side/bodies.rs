//! Bodies that are too large, too slow, or as large as they may be.

use std::time::Duration;

use zonemux::http::{ServerSettings, WebhookSettings};

use crate::workshop::{Workshop, post};

/// A client that sends its whole body before it reads must still find the answer.
#[tokio::test]
async fn a_body_of_33_mib_is_413_and_the_answer_arrives() {
    let workshop = Workshop::start();
    let body = vec![b' '; 33 << 20];
    let mut client = workshop.connect().await;
    client.send(post("/records", &body)).await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (413, Some("close")));
    assert!(client.closed().await);
    assert!(workshop.still_serves().await);
}

#[tokio::test]
async fn chunks_beyond_the_limit_are_413() {
    let settings = WebhookSettings { max_body: 100_000, ..WebhookSettings::default() };
    let workshop = Workshop::with(settings, ServerSettings::default());
    let mut client = workshop.connect().await;
    client.send("POST /records HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = format!("{:x}\r\n{}\r\n", 10_000, " ".repeat(10_000));
    for _ in 0..100 {
        client.send(&chunk).await;
    }
    client.send("0\r\n\r\n").await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (413, Some("close")));
    assert!(workshop.still_serves().await);
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_taken() {
    let settings = WebhookSettings { max_body: 100_000, ..WebhookSettings::default() };
    let workshop = Workshop::with(settings, ServerSettings::default());
    let body = format!("{{}}{}", " ".repeat(99_998));
    assert_eq!(workshop.ask(post("/records", &body)).await.status, 204);
    assert_eq!(workshop.ask(post("/records", format!("{body} "))).await.status, 413);
}

#[tokio::test]
async fn a_body_that_stalls_is_503() {
    let workshop = Workshop::with_deadline(Duration::from_millis(50));
    let mut client = workshop.connect().await;
    client.send("POST /records HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n{\"create\":").await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (503, Some("close")));
    assert_eq!(
        reply.text(),
        "error: the body was not complete within 50ms\n\
         hint: send it in one go; `webhook.deadline` is the time for a whole call\n"
    );
    assert!(client.closed().await);
    assert!(workshop.still_serves().await);
}

#[tokio::test]
async fn a_million_endpoints_are_taken() {
    let workshop = Workshop::with_deadline(Duration::from_secs(60));
    let mut body = String::from("[");
    for number in 0..1_000_000 {
        use std::fmt::Write;
        let comma = if number == 0 { "" } else { "," };
        write!(body, r#"{comma}{{"dnsName":"n{number:06}.x"}}"#).unwrap();
    }
    body.push(']');
    assert!(body.len() < 32 << 20);
    let reply = workshop.ask(post("/adjustendpoints", &body)).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body == body.as_bytes(), "the same million comes back");
}
