//! Settings that a plugin refuses: told by their keys, and never by a value that may be a secret.

use zonemux_test_support::Site;

use super::{refusal, site};

/// A site whose plugin `flaky` is given these settings.
fn with_settings(settings: &str) -> Site {
    let site = site("flaky");
    site.install("flaky");
    site.layer("settings", &format!("[backends.lan.settings]\n{settings}"));
    site
}

#[test]
fn a_key_that_the_plugin_does_not_have() {
    insta::assert_snapshot!(refusal(&with_settings("behavior = \"healthy\"")));
}

#[test]
fn a_word_that_the_plugin_does_not_know() {
    insta::assert_snapshot!(refusal(&with_settings("behaviour = \"helthy\"")));
}

#[test]
fn a_value_of_another_form() {
    insta::assert_snapshot!(refusal(&with_settings("delay = \"hunter2\"")));
}

#[test]
fn a_secret_of_another_form() {
    let report = refusal(&with_settings("token = [\"hunter2\"]"));
    assert!(!report.contains("hunter2"), "{report}");
    insta::assert_snapshot!(report);
}

#[test]
fn a_value_deep_inside() {
    insta::assert_snapshot!(refusal(&with_settings("on = [\"open\", \"close\", 7]")));
}

#[test]
fn a_value_that_is_wrong_in_itself() {
    let settings = "behaviour = \"fail\"\non = [\"validate\"]";
    insta::assert_snapshot!(refusal(&with_settings(settings)));
}
