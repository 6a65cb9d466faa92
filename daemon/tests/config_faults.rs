//! Everything that can be wrong with a configuration, as its author sees it.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::path::Path;

use zonemux::cli::{Exit, Output, check};
use zonemux::config::{ConfigErrors, load_text};

fn faults(text: &str) -> ConfigErrors {
    load_text(Path::new("/etc/zonemux/config.toml"), text).unwrap_err()
}

/// The whole report of `zonemux check` without colours.
fn report(text: &str) -> String {
    let mut err = anstream::StripStream::new(Vec::new());
    let mut out = Vec::new();
    let outcome = load_text(Path::new("/etc/zonemux/config.toml"), text);
    let exit = check::report_config(&outcome, Output::Text, &mut out, &mut err).unwrap();
    assert_eq!(exit, if outcome.is_ok() { Exit::Ok } else { Exit::Config });
    String::from_utf8([err.into_inner(), out].concat()).unwrap()
}

/// A valid configuration with `text` after it.
fn with(text: &str) -> String {
    format!("version = 1\n{text}\n[backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\n")
}

#[test]
fn the_form_of_a_report() {
    insta::assert_snapshot!(report(&with(
        "[backends.lan2]\nplugin = \"memory\"\nzones = [\"a.org\"]\ntimeout = 10"
    )));
}

#[test]
fn all_values_that_are_wrong_at_once() {
    insta::assert_snapshot!(report(
        r#"
version = 1
colour = true

[webhook]
listen = ["127.0.0.1:8888", "localhost:80", 80]
listn = []
max_body = 33554432
deadline = "15s"

[admin]
listen = "[::]:8080"

[control]
listen = "127.0.0.1:9"

[log]
level = "inof"
format = "jsn"

[plugins]
path = []
isolation = "inlin"
trust = "owners"

[state]
Directory = "/x"

[views.Main]
path = "/"
backends = ["lan"]

[views.internal]
path = "records"
backends = []

[views.other]
path = "/records"

[backends.lan]
plugin = "memory.so"
zones = ["example.org", "exa mple.org", "*.example.org", 5]
timeout = 10
list_timeout = "0"
apply_timeout = "5 minutes"
mirror_required = "yes"
sha256 = "abc"

[backends.lan.guards]
max_deletes = "130%"
types = ["txt"]
protect = ["mail.example.org"]

[backends.lan.ttl]
min = "1m"
default = "30s"
max = "1500ms"

[backends.edge]
zones = "example.com"

[backends.odd]
plugin = ""
zones = []
"#
    ));
}

#[test]
fn everything_that_contradicts_itself_at_once() {
    insta::assert_snapshot!(report(
        r#"
version = 1

[webhook]
listen = ["127.0.0.1:8888", "127.0.0.1:8888", "127.0.0.1:0", "127.0.0.1:0"]

[admin]
listen = ["127.0.0.1:8888"]

[plugins]
trust = "sha256"

[views.default]
path = "/"
backends = ["lan", "edge", "lann", "lan", "standby"]

[views.again]
path = "/"
backends = ["lan"]

[backends.lan]
plugin = "memory"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
zones = ["example.org", "Example.ORG."]

[backends.edge]
plugin = "memory"
zones = ["example.org", "bücher.example"]

[backends.alone]
plugin = "memory"
zones = ["alone.example"]
mirrors = ["standby", "nobody", "a"]

[backends.standby]
plugin = "memory"
zones = ["example.net"]

[backends.unzoned]
plugin = "memory"

[backends.a]
plugin = "memory"
mirrors = ["b"]

[backends.b]
plugin = "memory"
mirrors = ["a"]
"#
    ));
}

#[test]
fn a_program_can_t_be_run_inline() {
    insta::assert_snapshot!(report(
        r#"
version = 1

[plugins]
isolation = "inline"

[backends.lan]
plugin = "exec:/usr/lib/zonemux/lan.py"
zones = ["example.org"]

[backends.edge]
plugin = "exec:lan.py"
zones = ["example.net"]
isolation = "process"

[backends.far]
plugin = "exec:./far.py"
zones = ["example.com"]
isolation = "process"
"#
    ));
}

#[test]
fn a_mirror_follows_one_backend_in_each_zone() {
    let text = r#"
version = 1
[backends.lan]
plugin = "memory"
zones = ["example.org", "example.net"]
mirrors = ["near", "far"]
[backends.edge]
plugin = "memory"
zones = ["example.com"]
mirrors = ["near"]
[backends.near]
plugin = "memory"
mirrors = ["far"]
[backends.far]
plugin = "memory"
"#;
    insta::assert_snapshot!(faults(text), @r"
    `backends.near.mirrors[0]`: `far` has the zone `example.net` from `lan` already
      in /etc/zonemux/config.toml
      hint: two backends can have one mirror only if their zones differ
    `backends.near.mirrors[0]`: `far` has the zone `example.org` from `lan` already
      in /etc/zonemux/config.toml
      hint: two backends can have one mirror only if their zones differ
    ");
    assert_eq!(report(&text.replace("\", \"far\"]", "\"]")), "the configuration is valid\n");
}

#[test]
fn switching_off_what_is_not_there_is_allowed() {
    let text = with("[reload]\nwatch = false\n[plugins]\nisolation = \"inline\"")
        + "mirrors = []\nmirror_required = false\nownership = \"auto\"\n[backends.lan.guards]\nread_only = false\n\
           dry_run = false\nmax_deletes = \"none\"\ntypes = []\nprotect = []\n";
    assert_eq!(report(&text), "the configuration is valid\n");
}

#[test]
fn the_version_comes_first() {
    insta::assert_snapshot!(faults("[backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]"), @r"
    `version`: missing: the version of the file's format
      in /etc/zonemux/config.toml
      hint: begin the file with `version = 1`
    ");
    insta::assert_snapshot!(faults("version = 2\nwhatever = 1"), @r"
    `version`: zonemux 0.1.0 reads version 1 of the format, not 2
      in /etc/zonemux/config.toml
      hint: the rest of the configuration was not looked at
    ");
    insta::assert_snapshot!(faults(&with("").replace("version = 1", "version = \"1\"")), @r#"
    `version`: expected a number from 0 to 4294967295, got "1"
      in /etc/zonemux/config.toml
    "#);
}

#[test]
fn nothing_at_all_is_not_a_configuration() {
    insta::assert_snapshot!(faults("version = 1"), @r"
    no backend is configured
      in /etc/zonemux/config.toml
      hint: add a table such as [backends.lan] with `plugin` and `zones`
    ");
    insta::assert_snapshot!(faults("version = 1\nbackends = []\nviews = 3\nwebhook = \"x\""), @r#"
    `webhook`: expected a table, got "x"
      in /etc/zonemux/config.toml
    `views`: expected a table, got 3
      in /etc/zonemux/config.toml
    `backends`: expected a table, got a list
      in /etc/zonemux/config.toml
    "#);
}

#[test]
fn syntax_is_reported_by_line() {
    insta::assert_snapshot!(faults(
        "version = 1\n[backends.lan\nplugin = memory\nzones = [\"example.org\"]\nzones = []\n"
    ));
}

#[test]
fn unknown_views_and_backends_of_one_letter_do_not_panic() {
    let text = with("[views.v]\npath = \"/v\"\nbackends = [\"x\", \"\", \"Lan\"]");
    insta::assert_snapshot!(faults(&text));
}

#[test]
fn what_is_valid_and_hardly_meant_is_warned_of() {
    insta::assert_snapshot!(report(&with(
        r#"
[backends.deep]
plugin = "memory"
zones = ["a.example.org", "b.example.org", "c.a.example.org"]
[backends.other]
plugin = "memory"
zones = ["b.example.org"]
[backends.idle]
plugin = "memory"
zones = ["example.net"]
[views.both]
path = "/both"
backends = ["lan", "deep"]
[views.half]
path = "/half"
backends = ["lan", "other"]
"#
    )));
}

#[test]
fn json_for_programs() {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = load_text(Path::new("/etc/zonemux/config.toml"), &with("[log]\nlevle = \"info\""));
    let exit = check::report_config(&outcome, Output::Json, &mut out, &mut err).unwrap();
    assert_eq!((exit, err.len()), (Exit::Config, 0));
    insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
    {
      "faults": [
        {
          "hint": "did you mean `level`?",
          "key": "log.levle",
          "message": "unknown key",
          "origin": {
            "layer": "file",
            "path": "/etc/zonemux/config.toml"
          }
        }
      ],
      "valid": false,
      "warnings": []
    }
    "#);
}
