//! Large answers, and gzip.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use zonemux::http::{ServerSettings, WebhookSettings};
use zonemux::wire::{ListEncoder, join};
use zonemux_plugin::Endpoint;

use crate::view::Behaviour;
use crate::workshop::{Workshop, get, post};

fn records(count: usize) -> Vec<Bytes> {
    let endpoints = (0..count).map(|number| {
        Endpoint::new(format!("n{number}.example.org"), "A", [format!("192.0.2.{}", number % 256)])
    });
    join([&ListEncoder::encode(endpoints)])
}

/// Compresses over the loopback too, which is all that a test has.
fn compressing() -> Workshop {
    let settings = WebhookSettings { gzip_local: true, ..WebhookSettings::default() };
    Workshop::with(settings, ServerSettings::default())
}

fn get_gzip(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\nAccept-Encoding: gzip\r\n\r\n")
}

#[tokio::test]
async fn a_large_answer_is_compressed_for_those_who_ask() {
    let workshop = compressing();
    let chunks = records(10_000);
    let whole = chunks.concat();
    assert!(whole.len() > 256 << 10);
    workshop.view.behave(Behaviour::List(chunks));

    let reply = workshop.ask(get_gzip("/records")).await;
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert_eq!(reply.header("vary"), Some("accept-encoding"));
    assert!(reply.body.len() < whole.len() / 4);
    let mut back = Vec::new();
    GzDecoder::new(reply.body.as_slice()).read_to_end(&mut back).unwrap();
    assert!(back == whole);

    let reply = workshop.ask(get("/records")).await;
    assert_eq!(reply.header("content-encoding"), None);
    assert_eq!(reply.header("vary"), Some("accept-encoding"));
    assert!(reply.body == whole);
}

#[tokio::test]
async fn a_small_answer_is_not_compressed() {
    let workshop = compressing();
    workshop.view.behave(Behaviour::List(records(1000)));
    let reply = workshop.ask(get_gzip("/records")).await;
    assert_eq!(reply.header("content-encoding"), None);
    assert_eq!(reply.json().as_array().unwrap().len(), 1000);
}

#[tokio::test]
async fn an_adjusted_list_is_compressed_as_well() {
    let workshop = compressing();
    let body = records(10_000).concat();
    let request = String::from_utf8(post("/adjustendpoints", &body)).unwrap();
    let reply = workshop.ask(request.replacen("Host:", "Accept-Encoding: gzip\r\nHost:", 1)).await;
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    let mut back = Vec::new();
    GzDecoder::new(reply.body.as_slice()).read_to_end(&mut back).unwrap();
    assert!(back == body);
}

#[tokio::test]
async fn over_the_loopback_gzip_would_only_cost_time() {
    let workshop = Workshop::start();
    workshop.view.behave(Behaviour::List(records(10_000)));
    let reply = workshop.ask(get_gzip("/records")).await;
    assert_eq!(reply.header("content-encoding"), None);
}

#[tokio::test]
async fn an_answer_above_what_newer_clients_take_is_still_served() {
    let workshop = Workshop::start();
    workshop.view.behave(Behaviour::List(vec![Bytes::from(vec![b' '; 33 << 20])]));
    let reply = workshop.ask(get("/records")).await;
    assert_eq!((reply.status, reply.body.len()), (200, 33 << 20));
}
