//! The four calls as ExternalDNS makes them, and as a person types them.

use serde_json::json;
use zonemux::http::MEDIA_TYPE;

use crate::view::Event;
use crate::workshop::{Workshop, get, post, post_as};

#[tokio::test]
async fn negotiation_names_the_zones_with_the_exact_content_type() {
    let workshop = Workshop::start();
    for accept in [MEDIA_TYPE, "*/*", "application/external.dns.webhook+json; Version=1"] {
        let reply = workshop.ask(format!("GET / HTTP/1.1\r\nHost: test\r\nAccept: {accept}\r\n\r\n")).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), Some("application/external.dns.webhook+json;version=1"));
        assert_eq!(reply.text(), r#"{"include":["example.org","example.test"]}"#);
    }
}

#[tokio::test]
async fn records_are_a_list() {
    let workshop = Workshop::start();
    let reply = workshop.ask(get("/records")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some(MEDIA_TYPE));
    assert_eq!(reply.header("vary"), Some("accept-encoding"));
    let expected =
        r#"[{"dnsName":"www.example.org","targets":["192.0.2.1"],"recordType":"A","recordTTL":300}]"#;
    assert_eq!(reply.text(), expected);
}

#[tokio::test]
async fn adjust_gives_back_what_it_took() {
    let workshop = Workshop::start();
    let endpoints = json!([{
        "dnsName": "www.example.org",
        "targets": ["192.0.2.1", "192.0.2.2"],
        "recordType": "A",
        "setIdentifier": "north",
        "recordTTL": 300,
        "labels": {"resource": "ingress/default/www"},
        "providerSpecific": [{"name": "webhook/comment", "value": "a \"quoted\" one"}],
    }]);
    // Go's encoder ends its JSON with a newline.
    let reply = workshop.ask(post("/adjustendpoints", format!("{endpoints}\n"))).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(MEDIA_TYPE)));
    assert_eq!(reply.json(), endpoints);
    for nothing in ["[]\n", "null\n"] {
        assert_eq!(workshop.ask(post("/adjustendpoints", nothing)).await.text(), "[]");
    }
}

#[tokio::test]
async fn changes_are_applied_in_both_spellings() {
    let mut workshop = Workshop::start();
    for body in [
        r#"{"create":[{"dnsName":"c"}],"updateOld":[{"dnsName":"u"}],"updateNew":[{"dnsName":"u"}],"delete":[{"dnsName":"d"}]}"#,
        r#"{"Create":[{"dnsName":"c"}],"UpdateOld":[{"dnsName":"u"}],"UpdateNew":[{"dnsName":"u"}],"Delete":[{"dnsName":"d"}]}"#,
    ] {
        let reply = workshop.ask(post("/records", body)).await;
        assert_eq!((reply.status, reply.body.len()), (204, 0));
        assert_eq!(reply.header("content-length"), None);
        assert_eq!(workshop.event().await, Event::Started("apply"));
        assert_eq!(workshop.event().await, Event::Finished("apply"));
        let names = |name: &str| vec![name.to_owned()];
        let update = vec![(Some("u".to_owned()), "u".to_owned())];
        assert_eq!(workshop.event().await, Event::Applied(names("c"), update, names("d")));
    }
}

#[tokio::test]
async fn a_person_needs_no_headers() {
    let workshop = Workshop::start();
    let head = "POST /records HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(workshop.ask(head).await.status, 204);
    assert_eq!(workshop.ask(post_as("/records", "application/json", "{}")).await.status, 204);
    assert_eq!(workshop.ask(post("/records/?x=y", "{}")).await.status, 204);
    assert_eq!(workshop.ask(get("//records/?")).await.status, 200);
}

#[tokio::test]
async fn each_view_answers_below_its_path() {
    let mut workshop = Workshop::start();
    let reply = workshop.ask(get("/internal?x=y")).await;
    assert_eq!(reply.text(), r#"{"include":["internal.example"]}"#);
    assert_eq!(workshop.ask(get("/internal/records")).await.status, 200);
    let told = workshop.observed.recv().await.unwrap();
    assert_eq!(told, ("internal".to_owned(), "/", "GET", 200));
    let told = workshop.observed.recv().await.unwrap();
    assert_eq!(told, ("internal".to_owned(), "/records", "GET", 200));
}

#[tokio::test]
async fn head_says_what_get_would() {
    let workshop = Workshop::start();
    for path in ["/", "/records", "/healthz"] {
        let get = workshop.ask(get(path)).await;
        let mut client = workshop.connect().await;
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: test\r\n\r\n")).await;
        let head = client.head_reply().await;
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()));
        assert_eq!(head.header("content-type"), get.header("content-type"));
        // No byte of a body stands between this answer and the next.
        client.send(crate::workshop::get("/healthz")).await;
        assert_eq!(client.reply().await.text(), "ok\n");
    }
}

#[tokio::test]
async fn options_say_what_a_path_takes() {
    let workshop = Workshop::start();
    for (path, allow) in [
        ("/", "GET, HEAD, OPTIONS"),
        ("/records", "GET, HEAD, POST, OPTIONS"),
        ("/adjustendpoints", "POST, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("*", "GET, HEAD, POST, OPTIONS"),
    ] {
        let reply = workshop.ask(format!("OPTIONS {path} HTTP/1.1\r\nHost: test\r\n\r\n")).await;
        assert_eq!((reply.status, reply.header("allow")), (204, Some(allow)), "{path}");
    }
}

#[tokio::test]
async fn swapped_views_answer_from_the_next_call_on() {
    let workshop = Workshop::start();
    let (other, _events) = crate::view::FakeView::new("other");
    *other.zones.lock().unwrap() = vec!["other.example".to_owned()];
    let mut client = workshop.connect().await;
    client.send(get("/")).await;
    assert!(client.reply().await.text().contains("example.org"));
    workshop.webhook.set_views(zonemux::http::ViewTable::new([("/".to_owned(), other as _)]));
    client.send(get("/")).await;
    assert_eq!(client.reply().await.text(), r#"{"include":["other.example"]}"#);
    client.send(get("/internal")).await;
    assert_eq!(client.reply().await.status, 404);
}

#[tokio::test]
async fn a_unix_socket_serves_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhook.sock");
    let workshop = Workshop::start();
    let listener = zonemux::http::Listener::bind(&zonemux::http::Address::Unix(path.clone())).unwrap();
    let handler = workshop.webhook.handler();
    let (peers, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let server = zonemux::http::Server::start(
        vec![listener],
        zonemux::http::ServerSettings::default(),
        move |request, peer| {
            peers.send(peer.clone()).unwrap();
            handler(request, peer)
        },
    );
    let mut client = crate::client::Client::new(tokio::net::UnixStream::connect(&path).await.unwrap());
    client.send(get("/records")).await;
    assert_eq!(client.reply().await.status, 200);
    let zonemux::http::Peer::Unix { pid, uid, gid, plugin } = seen.recv().await.unwrap() else {
        panic!("a unix peer")
    };
    assert_eq!(plugin, None);
    assert_eq!(pid, i32::try_from(std::process::id()).ok());
    assert_eq!((uid, gid), (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()));
    assert!(server.close(std::time::Duration::from_secs(10)).await);
    assert!(!path.exists());
}
