//! Clients that go away in the middle of a call.

use std::time::Duration;

use zonemux::http::CLIENT_GONE;

use crate::view::{Behaviour, Event};
use crate::workshop::{Workshop, get, post};

#[tokio::test]
async fn a_listing_is_dropped_with_its_client() {
    let mut workshop = Workshop::start();
    workshop.view.behave(Behaviour::Hang);
    for (request, call) in
        [(get("/records").into_bytes(), "records"), (post("/adjustendpoints", "[]"), "adjust")]
    {
        let mut client = workshop.connect().await;
        client.send(request).await;
        assert_eq!(workshop.event().await, Event::Started(call));
        drop(client);
        assert_eq!(workshop.event().await, Event::Dropped(call));
        assert_eq!(workshop.next_status().await, CLIENT_GONE);
    }
    assert!(workshop.still_serves().await);
}

#[tokio::test]
async fn an_apply_outlives_its_client() {
    let mut workshop = Workshop::start();
    workshop.view.behave(Behaviour::WaitForRelease);
    let mut client = workshop.connect().await;
    client.send(post("/records", r#"{"create":[{"dnsName":"a.example.org"}]}"#)).await;
    assert_eq!(workshop.event().await, Event::Started("apply"));
    drop(client);
    assert_eq!(workshop.next_status().await, CLIENT_GONE);

    assert_eq!(workshop.webhook.running_applies(), 1);
    workshop.view.release();
    assert_eq!(workshop.event().await, Event::Finished("apply"));
    assert_eq!(workshop.event().await, Event::Applied(vec!["a.example.org".to_owned()], vec![], vec![]));
    assert!(workshop.webhook.finish(Duration::from_secs(60)).await);
    assert!(workshop.still_serves().await);
}

#[tokio::test]
async fn half_a_batch_is_not_applied() {
    let mut workshop = Workshop::start();
    for path in ["/records", "/adjustendpoints"] {
        let request = post(path, r#"{"create":[{"dnsName":"a.example.org"}]}"#);
        let mut client = workshop.connect().await;
        client.send(&request[..request.len() - 5]).await;
        drop(client);
        // Whether its handler is dropped, or sees the body break off, is hyper's choice.
        assert!([CLIENT_GONE, 400].contains(&workshop.next_status().await));
    }
    assert!(workshop.events.try_recv().is_err(), "no call reached the view");
    assert!(workshop.still_serves().await);
}

#[tokio::test]
async fn an_apply_outlives_its_deadline() {
    let mut workshop = Workshop::with_deadline(Duration::from_millis(50));
    workshop.view.behave(Behaviour::WaitForRelease);
    assert_eq!(workshop.ask(post("/records", "{}")).await.status, 503);
    assert_eq!(workshop.event().await, Event::Started("apply"));
    assert_eq!(workshop.webhook.running_applies(), 1);
    workshop.view.release();
    assert_eq!(workshop.event().await, Event::Finished("apply"));
}
