//! The admin side: probes, metrics, a summary.

use zonemux_test_support::{Request, create};

use crate::{VERSION, memory, ready, site};

#[test]
fn each_route_answers() {
    let site = memory();
    site.backend("edge", "memory", "example.net", "");
    let daemon = ready(&site);
    daemon.webhook().get("/records");
    let shown = |path: &str| format!("GET {path}\n{}\n", daemon.admin().get(path).shown());
    let paths = ["/healthz", "/readyz", "/status", "/", "/records"];
    insta::with_settings!({ filters => [VERSION] }, {
        insta::assert_snapshot!(paths.map(shown).join("\n"));
    });
}

#[test]
fn it_is_read_only() {
    let daemon = ready(&memory());
    let shown = |(method, path): (&str, &str)| {
        let answer = daemon.admin().send(&Request::new(method, path)).answer();
        format!("{method} {path}\n{}\n", answer.shown())
    };
    let requests = [
        ("HEAD", "/healthz"),
        ("HEAD", "/readyz"),
        ("HEAD", "/nosuch"),
        ("POST", "/readyz"),
        ("DELETE", "/metrics"),
        ("PUT", "/nosuch"),
    ];
    insta::assert_snapshot!(requests.map(shown).join("\n"));
}

#[test]
fn head_says_the_type_and_length_of_metrics() {
    let daemon = ready(&memory());
    let answer = daemon.admin().send(&Request::new("HEAD", "/metrics")).answer();
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(answer.body.is_empty());
}

#[test]
fn metrics_have_the_names_that_are_promised() {
    let site = memory();
    let daemon = ready(&site);
    daemon.webhook().get("/");
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org", "a.elsewhere.test"])).status, 204);
    assert_eq!(daemon.webhook().post("/adjustendpoints", "[]").status, 200);
    daemon.webhook().get("/records");
    daemon.webhook().get("/nosuch");
    let metrics = daemon.metrics();
    let shapes: Vec<String> = metrics.shapes().into_iter().collect();
    insta::assert_snapshot!(shapes.join("\n"));

    let sum = |name, labels: &[(&str, &str)]| metrics.sum(name, labels);
    assert_eq!(sum("zonemux_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), Some(1.0));
    let posted = [("view", "default"), ("route", "/records"), ("method", "POST"), ("status", "204")];
    assert_eq!(sum("zonemux_http_requests_total", &posted), Some(1.0));
    assert_eq!(sum("zonemux_http_requests_total", &[("route", "unknown"), ("status", "404")]), Some(1.0));
    assert_eq!(sum("zonemux_backend_up", &[("backend", "lan")]), Some(1.0));
    assert_eq!(sum("zonemux_backend_records", &[("backend", "lan"), ("type", "A")]), Some(1.0));
    let created = |backend, outcome| {
        sum("zonemux_changes_total", &[("backend", backend), ("action", "create"), ("outcome", outcome)])
    };
    assert_eq!((created("lan", "applied"), created("", "refused")), (Some(1.0), Some(1.0)));
    let listed = [("backend", "lan"), ("operation", "records"), ("outcome", "ok")];
    assert_eq!(sum("zonemux_backend_call_duration_seconds_count", &listed), Some(1.0));
    // Nothing that a client sends becomes a label.
    for name in ["a.example.org", "elsewhere", "nosuch"] {
        assert!(!metrics.text().contains(name), "{name} in {}", metrics.text());
    }
}

#[test]
fn nothing_is_named_by_status_and_the_webhook_has_a_probe_of_its_own() {
    let site = site();
    site.backend("secret-project", "memory", "example.org", "");
    let daemon = ready(&site);
    let status = daemon.admin().get("/status");
    for name in ["secret-project", "example.org"] {
        assert!(!status.text().contains(name), "{}", status.text());
    }
    let probe = daemon.webhook().get("/healthz");
    assert_eq!((probe.status, probe.text()), (200, "ok\n"));
}
