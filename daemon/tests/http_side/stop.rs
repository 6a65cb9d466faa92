//! Stopping in an order that ExternalDNS survives.

use std::time::Duration;

use crate::view::{Behaviour, Event};
use crate::workshop::{Workshop, get, post};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn while_stopping_new_calls_get_503_and_a_closed_connection() {
    let workshop = Workshop::start();
    let mut pooled = workshop.connect().await;
    pooled.send(get("/records")).await;
    assert_eq!(pooled.reply().await.header("connection"), None);

    workshop.webhook.stopping();
    pooled.send(get("/records")).await;
    let reply = pooled.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (503, Some("close")));
    assert!(pooled.closed().await);
    for request in [get("/").into_bytes(), post("/records", "{}"), post("/adjustendpoints", "[]")] {
        let reply = workshop.ask(request).await;
        assert_eq!((reply.status, reply.header("connection")), (503, Some("close")));
        assert_eq!(
            reply.text(),
            "error: zonemux is stopping\nhint: try again once zonemux has been started again\n"
        );
    }
    let reply = workshop.ask(get("/healthz")).await;
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
}

#[tokio::test]
async fn running_applies_are_waited_for_and_answered() {
    let mut workshop = Workshop::start();
    workshop.view.behave(Behaviour::WaitForRelease);
    let mut client = workshop.connect().await;
    client.send(post("/records", "{}")).await;
    assert_eq!(workshop.event().await, Event::Started("apply"));

    workshop.webhook.stopping();
    assert!(!workshop.webhook.finish(Duration::from_millis(10)).await, "it has not ended yet");
    workshop.view.release();
    assert!(workshop.webhook.finish(PATIENCE).await);
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (204, Some("close")));
    assert!(workshop.server.close(PATIENCE).await);
}

#[tokio::test]
async fn a_body_that_is_still_being_sent_is_waited_for() {
    let workshop = Workshop::start();
    let mut client = workshop.connect().await;
    let request = post("/records", r#"{"create":[]}"#);
    let (first, rest) = request.split_at(request.len() - 5);
    client.send(first).await;
    // Answered after it, so the server is in the middle of the other call by now.
    assert_eq!(workshop.ask(get("/healthz")).await.status, 200);
    workshop.webhook.stopping();
    assert!(!workshop.webhook.finish(Duration::from_millis(50)).await, "it is not whole yet");
    client.send(rest).await;
    assert!(workshop.webhook.finish(PATIENCE).await);
    assert_eq!(client.reply().await.status, 204);
}

#[tokio::test]
async fn when_time_is_up_calls_are_answered_and_not_cut() {
    let mut workshop = Workshop::start();
    workshop.view.behave(Behaviour::WaitForRelease);
    let mut client = workshop.connect().await;
    client.send(post("/records", "{}")).await;
    assert_eq!(workshop.event().await, Event::Started("apply"));
    workshop.webhook.stopping();
    workshop.webhook.give_up();
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (503, Some("close")));
    workshop.view.release();
}

#[tokio::test]
async fn closing_ends_idle_connections_and_waits_for_busy_ones() {
    let mut workshop = Workshop::start();
    let mut idle = workshop.connect().await;
    idle.send(get("/healthz")).await;
    assert_eq!(idle.reply().await.status, 200);
    workshop.view.behave(Behaviour::WaitForRelease);
    let mut busy = workshop.connect().await;
    busy.send(get("/records")).await;
    assert_eq!(workshop.event().await, Event::Started("records"));

    let closing = workshop.server.close(PATIENCE);
    let client = async {
        assert!(idle.closed().await);
        drop(idle);
        workshop.view.release();
        let reply = busy.reply().await;
        assert!(busy.closed().await);
        drop(busy);
        reply.status
    };
    assert_eq!(tokio::join!(closing, client), (true, 200));
}

#[tokio::test]
async fn closing_gives_up_on_a_call_that_never_ends() {
    let mut workshop = Workshop::start();
    workshop.view.behave(Behaviour::Hang);
    let mut client = workshop.connect().await;
    client.send(get("/records")).await;
    assert_eq!(workshop.event().await, Event::Started("records"));
    assert!(!workshop.server.close(Duration::from_millis(10)).await);
    assert!(client.closed().await);
}
