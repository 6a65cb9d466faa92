//! A secret is seen by its plugin and by nobody else.

use zonemux_test_support::{Site, create};

use crate::{ready, site};

const SECRETS: [&str; 3] = ["hunter2-in-place", "hunter2-from-a-file", "hunter2-from-a-variable"];

/// A site whose plugin `flaky` gets a secret of each kind, and talks about its settings at each call.
fn with_secrets() -> Site {
    let mut site = site();
    site.set("TOKEN", SECRETS[2]);
    site.write("token", format!("{}\n", SECRETS[1]));
    for (name, zone, token) in [
        ("place", "example.org", format!("\"{}\"", SECRETS[0])),
        ("file", "example.net", "{ file = \"../token\" }".to_owned()),
        ("variable", "example.com", "{ env = \"TOKEN\" }".to_owned()),
    ] {
        site.backend(name, "flaky", zone, &format!("behaviour = \"chatty\"\ntoken = {token}"));
    }
    site
}

#[track_caller]
fn holds_no_secret(what: &str, text: &str) {
    assert!(!text.is_empty(), "{what} is empty");
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {what}: {text}");
    }
}

#[test]
fn config_show_redacts_them() {
    let site = with_secrets();
    for arguments in [&["config", "show"][..], &["config", "show", "--output", "json"]] {
        let shown = site.run(arguments);
        assert_eq!(shown.code, Some(0), "{shown:?}");
        holds_no_secret("config show", &format!("{}{}", shown.stdout, shown.stderr));
        assert!(shown.stdout.contains("redacted"), "{}", shown.stdout);
        assert!(shown.stdout.contains("chatty"), "what is no secret is shown: {}", shown.stdout);
    }
}

#[test]
fn no_side_of_a_running_daemon_tells_them() {
    let site = with_secrets();
    site.layer("trace", "[log]\nlevel = \"trace\"");
    let daemon = ready(&site);
    let names = ["a.example.org", "a.example.net", "a.example.com"];
    assert_eq!(daemon.webhook().post("/records", create(&names)).status, 204);
    assert_eq!(daemon.webhook().get("/records").status, 200);
    for path in ["/metrics", "/status", "/readyz"] {
        holds_no_secret(path, daemon.admin().get(path).text());
    }
    for arguments in [&["status"][..], &["check", "--probe"], &["plugin", "list"]] {
        let finished = site.run(arguments);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        holds_no_secret("a command", &format!("{}{}", finished.stdout, finished.stderr));
    }
    let stopped = daemon.stop();
    assert!(stopped.stderr.contains("information on command"), "the plugin talks about its settings");
    holds_no_secret("the log", &stopped.stderr);
}

#[test]
fn refused_settings_do_not_show_them() {
    let site = with_secrets();
    site.backend("more", "flaky", "example.info", &format!("token = [\"{}\"]", SECRETS[0]));
    site.backend("most", "flaky", "example.biz", &format!("tokn = \"{}\"", SECRETS[0]));
    let checked = site.run(&["check"]);
    assert_eq!(checked.code, Some(78));
    holds_no_secret("check", &checked.stderr);
    assert!(checked.stderr.contains("`backends.more.settings.token`"), "{}", checked.stderr);
    assert!(checked.stderr.contains("`backends.most.settings.tokn`"), "{}", checked.stderr);
}

#[test]
fn config_show_redacts_a_secret_whose_key_is_misspelt() {
    let site = site();
    let settings = format!("behaviour = \"chatty\"\ntokne = \"{}\"\npin = 7319", SECRETS[0]);
    site.backend("lan", "flaky", "example.org", &settings);
    for arguments in [&["config", "show"][..], &["config", "show", "--output", "json"]] {
        let shown = site.run(arguments);
        assert_eq!(shown.code, Some(0), "{shown:?}");
        holds_no_secret("config show", &shown.stdout);
        assert!(!shown.stdout.contains("7319"), "{}", shown.stdout);
        assert!(shown.stdout.contains("settings.tokne"), "{}", shown.stdout);
        assert!(shown.stdout.contains("chatty"), "what is no secret is shown: {}", shown.stdout);
    }
}
