//! Plugins that were built for other versions of the interface and by other compilers, served by this daemon.
//!
//! `cargo xtask test --only evolution` builds them, and names their folder in `ZONEMUX_EVOLUTION`. Each file is called
//! `SDK-rustc-VERSION.so`, where the SDK is `1.0` or `next`: the present one with additions.

#![expect(clippy::print_stderr, reason = "says which compilers and interfaces were tried")]
#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zonemux_test_support::{Daemon, Site, create, delete, eventually, names, record};

const ISOLATIONS: [&str; 2] = ["process", "inline"];

/// A plugin of another time.
struct Plugin {
    file: PathBuf,
    sdk: String,
    compiler: String,
}

/// All that were built.
fn plugins() -> Vec<Plugin> {
    let folder =
        std::env::var_os("ZONEMUX_EVOLUTION").expect("`cargo xtask test --only evolution` runs this");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let plugins: Vec<Plugin> = files
        .into_iter()
        .map(|file| {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let (sdk, compiler) = name.split_once("-rustc-").expect("SDK-rustc-VERSION.so");
            Plugin { sdk: sdk.to_owned(), compiler: compiler.to_owned(), file }
        })
        .collect();
    for sdk in ["1.0", "next"] {
        assert!(plugins.iter().any(|plugin| plugin.sdk == sdk), "there is no plugin for {sdk}");
    }
    plugins
}

/// A site whose backend `lan` is that plugin.
fn site(plugin: &Plugin, isolation: &str, settings: &str) -> Site {
    let site = Site::new(env!("CARGO_BIN_EXE_zonemux"));
    let file = install(&site, &plugin.file);
    let keys = format!("isolation = \"{isolation}\"");
    site.backend_with("lan", &file.to_string_lossy(), "example.org", &keys, settings);
    site
}

/// Puts a file where the daemon trusts it.
fn install(site: &Site, file: &Path) -> PathBuf {
    let name = format!("plugins/{}", file.file_name().unwrap().to_str().unwrap());
    fs::copy(file, site.path(&name)).unwrap();
    site.chmod(&name, 0o755);
    site.path(&name)
}

fn ready(site: &Site) -> Daemon {
    let daemon = site.start();
    daemon.wait_ready();
    daemon
}

fn post(daemon: &Daemon, changes: &Value) -> u16 {
    daemon.webhook().post("/records", changes).status
}

/// Tries something with every plugin, inline and in a process, and says which it was where that fails.
fn with_each(what: fn(&Plugin, &str)) {
    for plugin in plugins() {
        for isolation in ISOLATIONS {
            eprintln!("interface {}, rustc {}, {isolation}", plugin.sdk, plugin.compiler);
            what(&plugin, isolation);
        }
    }
}

#[test]
#[ignore = "needs plugins that `cargo xtask test --only evolution` builds"]
fn inspected_they_say_what_they_were_built_with() {
    for plugin in plugins() {
        let site = site(&plugin, "process", "number = 1");
        let inspected = site.run(&["plugin", "inspect", &plugin.file.to_string_lossy(), "--output", "json"]);
        assert_eq!(inspected.code, Some(0), "{inspected:?}");
        let described: Value = serde_json::from_str(&inspected.stdout).unwrap();
        let manifest = &described["manifest"];
        let interface = if plugin.sdk == "next" { "1.1.0" } else { "1.0.0" };
        assert_eq!(manifest["abi"], interface, "{manifest:#}");
        let compiler = manifest["rustc"].as_str().unwrap();
        assert!(compiler.starts_with(&format!("rustc {} ", plugin.compiler)), "{compiler}");

        let schema = site.run(&["plugin", "schema", &plugin.file.to_string_lossy()]);
        assert_eq!(schema.code, Some(0), "{schema:?}");
        let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
        assert_eq!(schema["properties"]["number"]["description"], "Must be odd.", "{schema:#}");
    }
}

#[test]
#[ignore = "needs plugins that `cargo xtask test --only evolution` builds"]
fn they_list_apply_adjust_log_and_measure() {
    with_each(|plugin, isolation| {
        let site = site(plugin, isolation, "number = 7\ntoken = \"hunter2\"");
        let daemon = ready(&site);
        let opened = daemon.wait_logged("opened");
        assert_eq!(opened["backend"], "lan", "{opened}");
        let mut fields = String::from("number=7 token=true");
        if plugin.sdk == "next" {
            // What this daemon does not have yet.
            fields.push_str(" added=the default");
        }
        assert_eq!(opened["fields"], fields, "{opened}");

        let adjusted = daemon.webhook().post("/adjustendpoints", json!([record("a.example.org")])).json();
        let mark = json!([{ "name": "webhook/interface", "value": "1.0" }]);
        assert_eq!(adjusted[0]["providerSpecific"], mark, "{adjusted:#}");

        assert_eq!(post(&daemon, &create(&["a.example.org", "b.example.org", "refused.example.org"])), 204);
        assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org", "b.example.org"]);
        let refused = [("backend", "lan"), ("reason", "permanent")];
        assert_eq!(daemon.metric("zonemux_quarantined_records", &refused).to_string(), "1");

        let mut after = record("a.example.org");
        after["targets"] = json!(["192.0.2.9", "192.0.2.10"]);
        let update = json!({ "updateOld": [record("a.example.org")], "updateNew": [after] });
        assert_eq!(post(&daemon, &update), 204);
        assert_eq!(post(&daemon, &delete(&["b.example.org"])), 204);
        let listed = daemon.webhook().get("/records").json();
        assert_eq!(listed, json!([after]), "{listed:#}");

        let applied = [("backend", "lan"), ("kind", "applied")];
        eventually("the plugin's counter has moved", || {
            (daemon.metric("zonemux_plugin_evolution_batches_total", &applied) >= 3.0).then_some(())
        });
        assert_eq!(daemon.metric("zonemux_plugin_evolution_number", &[("backend", "lan")]).to_string(), "7");
        assert_eq!(daemon.stop().code, Some(0));
    });
}

#[test]
#[ignore = "needs plugins that `cargo xtask test --only evolution` builds"]
fn a_panic_of_theirs_is_told_with_file_and_line_and_the_next_call_works() {
    with_each(|plugin, isolation| {
        let site = site(plugin, isolation, "number = 1");
        let daemon = ready(&site);
        assert_eq!(post(&daemon, &create(&["panic.example.org"])), 503);
        let line = daemon.wait_logged("batch failed");
        let error = line["error"].as_str().unwrap();
        assert!(error.contains("the plugin panicked: asked to by a name at "), "{line}");
        assert!(error.contains("lib.rs:"), "{line}");
        assert_eq!(post(&daemon, &create(&["a.example.org"])), 204);
        assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);
    });
}

#[test]
#[ignore = "needs plugins that `cargo xtask test --only evolution` builds"]
fn faults_of_their_settings_name_the_key() {
    with_each(|plugin, isolation| {
        for (settings, words) in [
            ("number = 2", "`backends.lan.settings.number`: expected an odd number"),
            ("number = 1\ntokem = \"x\"", "`backends.lan.settings.tokem`: "),
            ("number = \"one\"", "`backends.lan.settings.number`: a value of the wrong form"),
        ] {
            let check = site(plugin, isolation, settings).run(&["check"]);
            assert_eq!(check.code, Some(78), "{check:?}");
            assert!(check.stderr.contains(words), "{settings}: {}", check.stderr);
        }
    });
}
