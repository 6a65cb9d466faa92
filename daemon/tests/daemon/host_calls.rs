//! What a plugin says: log lines and metrics under its backend's name.

use serde_json::Value;
use zonemux_test_support::Daemon;

use crate::{ready, site};

/// Two backends of one plugin file, both talkative.
fn two_of_one_file() -> Daemon {
    let site = site();
    site.backend("first", "flaky", "example.org", "behaviour = \"chatty\"");
    site.backend("second", "flaky", "example.net", "behaviour = \"chatty\"");
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().get("/records").status, 200);
    daemon
}

#[test]
fn its_lines_arrive_with_level_place_and_fields() {
    let daemon = two_of_one_file();
    for (level, message) in
        [("ERROR", "an error"), ("WARN", "a warning"), ("INFO", "information"), ("DEBUG", "a detail")]
    {
        let line = daemon.wait_logged(&format!("{message} on command"));
        assert_eq!(line["level"], level, "{line}");
        assert_eq!(line["target"], "plugin", "{line}");
        assert!(line["at"].as_str().unwrap().contains("backend.rs:"), "{line}");
        assert!(line["fields"].as_str().unwrap().contains("answer=42"), "{line}");
    }
    // The filter is the daemon's: this site logs no traces.
    assert!(daemon.logged("a trace on command").is_empty());
}

#[test]
fn of_two_backends_each_keeps_its_name() {
    let daemon = two_of_one_file();
    daemon.wait_logged("an error on command");
    let of = |backend: &str, operation: &str| -> Vec<Value> {
        let mut lines = daemon.logged("an error on command");
        lines.retain(|line| {
            line["backend"] == backend
                && line["fields"].as_str().unwrap().contains(&format!("operation={operation}"))
        });
        lines
    };
    for backend in ["first", "second"] {
        for operation in ["open", "records"] {
            assert_eq!(
                of(backend, operation).len(),
                1,
                "{backend} {operation}: {:?}",
                daemon.logged("on command")
            );
        }
    }
}

#[test]
fn its_metrics_arrive_under_its_backend() {
    let daemon = two_of_one_file();
    let metrics = daemon.metrics();
    for backend in ["first", "second"] {
        let calls = |operation| {
            metrics.sum("zonemux_plugin_flaky_calls_total", &[("backend", backend), ("operation", operation)])
        };
        assert_eq!((calls("open"), calls("records")), (Some(1.0), Some(1.0)), "{}", metrics.text());
        assert_eq!(metrics.sum("zonemux_plugin_flaky_answer", &[("backend", backend)]), Some(42.0));
        let observed = metrics.sum("zonemux_plugin_flaky_delay_seconds_count", &[("backend", backend)]);
        assert_eq!(observed, Some(2.0));
    }
}
