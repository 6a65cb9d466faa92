//! How the plugin behaves, through the same code as the daemon's calls.

use zonemux_plugin::Endpoint;
use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, battery::Battery, json};

use {{crate_name}}::{{type_name}}Backend;

fn open(settings: impl serde::Serialize) -> TestBackend {
    testing::open::<{{type_name}}Backend>(settings, ["example.org"]).expect("it opens")
}

/// What every backend must do right. Run it against a real server too, in a zone of its own; what that
/// server can't do is left out by `.without("set identifiers")` and the like.
#[test]
fn passes_the_battery() {
    Battery::new("example.org").run(&open(json!({})));
}

#[test]
fn passes_the_battery_with_a_lowest_ttl() {
    Battery::new("example.org").run(&open(json!({ "min_ttl": 600 })));
}

#[test]
fn a_bad_record_is_refused_for_itself() {
    let dns = open(json!({}));
    let good = Endpoint::new("good.example.org", "A", ["192.0.2.1"]);
    let bad = Endpoint::new("bad.example.org", "A", ["not-an-address"]);
    let outcome = dns
        .apply(&ChangesBuilder::new().create(bad).create(good.clone()))
        .expect("applies");
    let [failure] = outcome.failures() else {
        panic!("{outcome:?}")
    };
    assert!(
        failure.reason.contains("expected an IPv4 address"),
        "{}",
        failure.reason
    );
    assert_eq!(dns.records().expect("lists"), [good]);
}

#[test]
fn wrong_settings_are_told_by_their_keys() {
    let paths = |settings| -> Vec<String> {
        let faults = testing::faults::<{{type_name}}Backend>(settings).expect("settings are an object");
        faults.into_iter().map(|fault| fault.path).collect()
    };
    assert_eq!(paths(json!({ "min_ttl": 60, "token": "secret" })), [""; 0]);
    assert_eq!(
        paths(json!({ "min_ttl": u32::MAX, "token": "" })),
        ["min_ttl", "token"]
    );
    assert_eq!(paths(json!({ "tokem": "secret" })), ["tokem"]);
}
