//! `zonemux config show`: every value in force, its origin, and no secret.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::path::{Path, PathBuf};

use zonemux::cli::{Exit, Output, config_show::config_show, parse, run};
use zonemux::config::{BackendName, DescribedSettings, Environment, Purpose, Request, load, load_text};

const TEXT: &str = r#"
version = 1

[webhook]
listen = ["127.0.0.1:0", "unix:./webhook.sock"]

[views.default]
backends = ["lan"]

[views.internal]
path = "/internal"
backends = ["inner"]

[backends.lan]
plugin = "rfc2136"
zones = ["Example.ORG.", "bücher.example"]

[backends.lan.settings]
server = "127.0.0.1:53"
port = 53
options = {}

[backends.lan.settings.tsig]
name = "extdns-key"
secret = "hunter2"

[backends.inner]
plugin = "memory"
zones = ["example.org"]
"#;

/// What a plugin says that knows every setting of `TEXT`.
fn described(secret: &[&str]) -> Option<DescribedSettings> {
    let schema = r#"{ "properties": {
        "server": {}, "port": {}, "options": {},
        "tsig": { "properties": { "name": {}, "secret": {} } }
    } }"#;
    DescribedSettings::new(secret.iter().map(|&path| path.to_owned()).collect(), schema)
}

fn shown(
    text: &str,
    described: impl Fn(&BackendName) -> Option<DescribedSettings>,
    output: Output,
) -> String {
    let loaded = load_text(Path::new("/etc/zonemux/config.toml"), text).unwrap();
    let mut out = anstream::StripStream::new(Vec::new());
    let mut err = Vec::new();
    let exit = config_show(&loaded, described, output, &mut out, &mut err).unwrap();
    assert_eq!((exit, err.len()), (Exit::Ok, 0));
    let shown = String::from_utf8(out.into_inner()).unwrap();
    assert!(!shown.contains("hunter2"), "{shown}");
    shown
}

#[test]
fn every_value_with_its_origin() {
    let described = |name: &BackendName| described(&["tsig.secret"]).filter(|_| name.as_str() == "lan");
    insta::assert_snapshot!(shown(TEXT, described, Output::Text));
}

#[test]
fn without_a_manifest_every_text_of_the_settings_is_redacted() {
    let shown = shown(TEXT, |_| None, Output::Text);
    let settings: Vec<&str> = shown.lines().filter(|line| line.contains(".settings.")).collect();
    insta::assert_snapshot!(settings.join("\n"), @r"
    backends.lan.settings.options = {} (file /etc/zonemux/config.toml)
    backends.lan.settings.port = 53 (file /etc/zonemux/config.toml)
    backends.lan.settings.server = <redacted> (file /etc/zonemux/config.toml)
    backends.lan.settings.tsig.name = <redacted> (file /etc/zonemux/config.toml)
    backends.lan.settings.tsig.secret = <redacted> (file /etc/zonemux/config.toml)
    ");
}

#[test]
fn a_manifest_can_call_tables_and_any_key_secret() {
    for pattern in ["tsig", "*.secret"] {
        let shown = shown(TEXT, |_| described(&[pattern]), Output::Text);
        assert!(shown.contains("settings.server = \"127.0.0.1:53\""), "{shown}");
    }
}

#[test]
fn what_the_plugin_does_not_know_is_redacted_since_it_may_be_a_misspelt_secret() {
    let text = TEXT.replace("secret = ", "sceret = ").replace("port = 53", "pin = 1234");
    let shown = shown(&text, |_| described(&["tsig.secret"]), Output::Text);
    assert!(shown.contains("settings.tsig.sceret = <redacted>"), "{shown}");
    assert!(shown.contains("settings.pin = <redacted>"), "{shown}");
    assert!(shown.contains("settings.server = \"127.0.0.1:53\""), "{shown}");
}

#[test]
fn references_are_redacted_whatever_the_manifest_says() {
    let text = TEXT.replace("\"hunter2\"", "{ env = \"KEY\" }");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), text).unwrap();
    let environment = Environment::empty(folder.path()).with("KEY", "hunter2");
    let request = Request { file: Some(PathBuf::from("config.toml")), environment, purpose: Purpose::Check };
    let mut out = Vec::new();
    config_show(&load(&request).unwrap(), |_| described(&[]), Output::Text, &mut out, &mut Vec::new())
        .unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(shown.contains("settings.tsig.secret = <redacted>") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn json_for_programs() {
    let shown = shown(TEXT, |_| None, Output::Json);
    let values: Vec<serde_json::Value> = serde_json::from_str(&shown).unwrap();
    let of = |key: &str| values.iter().find(|value| value["key"] == key).unwrap();
    assert_eq!(
        of("webhook.listen")["value"],
        serde_json::json!(["127.0.0.1:0", "unix:/etc/zonemux/webhook.sock"])
    );
    assert_eq!(of("webhook.deadline")["origins"], serde_json::json!([{ "layer": "default" }]));
    assert_eq!(of("backends.lan.settings.tsig.secret")["redacted"], true);
    assert_eq!(
        of("views.internal.path")["origins"],
        serde_json::json!([{ "layer": "file", "path": "/etc/zonemux/config.toml" }])
    );
}

#[test]
fn a_faulty_configuration_is_reported_instead() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "version = 1").unwrap();
    let line = ["zonemux".into(), "--config".into(), file.into_os_string(), "config".into(), "show".into()];
    let arguments = parse::<[std::ffi::OsString; 5]>(line, &mut Vec::new(), &mut Vec::new()).unwrap();
    let (mut out, mut err) = (Vec::new(), anstream::StripStream::new(Vec::new()));
    let exit = run(&arguments, &mut out, &mut err);
    assert_eq!((exit, out.len()), (Exit::Config, 0));
    let shown = String::from_utf8(err.into_inner()).unwrap();
    let shown = shown.replace(&*folder.path().to_string_lossy(), "[FOLDER]");
    insta::assert_snapshot!(shown, @r"
    error: no backend is configured
      in [FOLDER]/config.toml
      hint: add a table such as [backends.lan] with `plugin` and `zones`

    1 fault
    ");
}
