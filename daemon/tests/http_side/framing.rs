//! HTTP/1 in all its shapes.

use crate::workshop::{Workshop, get, post};

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let workshop = Workshop::start();
    let mut client = workshop.connect().await;
    client.send("GET /records HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.reply().await.status, 200);
    assert!(client.closed().await);

    let mut client = workshop.connect().await;
    for _ in 0..2 {
        client.send("GET /records HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert_eq!(client.reply().await.status, 200);
    }
}

#[tokio::test]
async fn pipelined_calls_are_answered_in_order() {
    let workshop = Workshop::start();
    let mut client = workshop.connect().await;
    let three =
        [get("/").into_bytes(), post("/records", "{}"), get("/nothing").into(), get("/healthz").into()];
    client.send(three.concat()).await;
    for status in [200, 204, 404, 200] {
        assert_eq!(client.reply().await.status, status);
    }
}

#[tokio::test]
async fn a_client_that_expects_100_gets_it_before_its_body() {
    let workshop = Workshop::start();
    let mut client = workshop.connect().await;
    client
        .send("POST /adjustendpoints HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    assert_eq!(client.reply().await.status, 100);
    client.send("[]").await;
    assert_eq!(client.reply().await.text(), "[]");
}

#[tokio::test]
async fn a_client_that_expects_100_is_refused_before_its_body() {
    let workshop = Workshop::start();
    for (head, status) in [
        ("POST /records HTTP/1.1\r\nContent-Length: 40000000\r\n", 413),
        ("POST /records HTTP/1.1\r\nContent-Length: 4000\r\nContent-Type: text/plain\r\n", 415),
        ("POST /nothing HTTP/1.1\r\nContent-Length: 4000\r\n", 404),
        ("POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", 405),
    ] {
        let mut client = workshop.connect().await;
        client.send(format!("{head}Host: test\r\nExpect: 100-continue\r\n\r\n")).await;
        assert_eq!(client.reply().await.status, status);
        assert!(client.closed().await, "what follows could be taken for a request");
    }
}

#[tokio::test]
async fn chunks_are_put_together() {
    let workshop = Workshop::start();
    let mut client = workshop.connect().await;
    client.send("POST /adjustendpoints HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for part in ["[{\"dnsName\":", "\"a.example.org\"}", "]"] {
        client.send(format!("{:x};ext=1\r\n{part}\r\n", part.len())).await;
    }
    client.send("0\r\nTrailer: ignored\r\n\r\n").await;
    assert_eq!(client.reply().await.text(), r#"[{"dnsName":"a.example.org"}]"#);
    client.send(get("/healthz")).await;
    assert_eq!(client.reply().await.status, 200);
}

#[tokio::test]
async fn a_broken_chunk_is_a_complete_400() {
    let workshop = Workshop::start();
    let mut client = workshop.connect().await;
    client.send("POST /records HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n").await;
    let reply = client.reply().await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().starts_with("error: the body can't be read: "), "{}", reply.text());
    assert!(workshop.still_serves().await);
}

#[tokio::test]
async fn an_early_refusal_of_a_small_body_keeps_the_connection() {
    let workshop = Workshop::start();
    let mut client = workshop.connect().await;
    client.send(post("/nothing", "{}")).await;
    assert_eq!(client.reply().await.status, 404);
    client.send(get("/healthz")).await;
    assert_eq!(client.reply().await.status, 200);
}

#[tokio::test]
async fn no_answer_is_a_redirect() {
    let workshop = Workshop::start();
    for path in
        ["/records/", "//records", "/internal/", "/internal", "/.", "/x/../records", "/%2e", "/RECORDS"]
    {
        for request in [get(path).into_bytes(), post(path, "{}")] {
            let status = workshop.ask(request).await.status;
            assert!(!(300..400).contains(&status), "{path}: {status}");
        }
    }
}

#[tokio::test]
async fn an_absolute_target_is_understood() {
    let workshop = Workshop::start();
    let reply = workshop.ask("GET http://test:8888/records?x HTTP/1.1\r\nHost: test:8888\r\n\r\n").await;
    assert_eq!(reply.status, 200);
    assert_eq!(workshop.ask("CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n").await.status, 405);
}
