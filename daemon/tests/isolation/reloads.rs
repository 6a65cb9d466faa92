//! A plugin that owns its file alone, and does not let go of it when a reload closes it.

use std::fs;
use std::path::PathBuf;

use crate::*;

/// Installs the plugin `flaky` under another name, with a manifest that says that one of it is open at a time.
fn install_exclusive(site: &Site) -> PathBuf {
    let (no, yes) = (br#""exclusive":false"#, br#""exclusive":true "#);
    let mut bytes = fs::read(zonemux_test_support::plugin("flaky")).unwrap();
    let at = bytes.windows(no.len()).position(|window| window == no).expect("the manifest is in the file");
    bytes[at..at + yes.len()].copy_from_slice(yes);
    let path = site.path("plugins/libzonemux_single.so");
    if !path.exists() {
        fs::write(&path, bytes).unwrap();
        site.chmod("plugins/libzonemux_single.so", 0o755);
    }
    path
}

/// As [`lan`], and exclusive.
fn exclusive(site: &Site, keys: &str) {
    lan(site, keys, "");
    let layer = fs::read_to_string(site.path("conf.d/backend-lan.toml")).unwrap();
    let plugin = install_exclusive(site).display().to_string();
    site.layer("backend-lan", &layer.replace("\"flaky\"", &format!("\"{plugin}\"")));
}

/// The daemon, and the process of `lan`, which will not close when a reload puts another in its place.
fn about_to_be_replaced() -> (Site, Daemon, u32) {
    let site = two();
    exclusive(&site, "");
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let first = pid(&daemon, "lan");
    // Its file is locked for as long as the process is there.
    misbehave(&site, "block", &["close"]);
    exclusive(&site, "memory_limit = \"200MiB\"");
    (site, daemon, first)
}

#[test]
fn one_that_does_not_close_is_gone_before_the_next_is_opened() {
    let (site, daemon, first) = about_to_be_replaced();
    let finished = site.run(&["reload"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(is_gone(first));
    assert_ne!(pid(&daemon, "lan"), first);
    lan_works(&daemon);
    edge_works(&daemon, "a");
}

#[test]
fn one_that_did_not_close_is_not_found_again_by_a_reload_that_fails() {
    let (site, daemon, first) = about_to_be_replaced();
    // What it is to write is a file already, and no folder.
    let layer = fs::read_to_string(site.path("conf.d/backend-lan.toml")).unwrap();
    let wrong = site.path("config.toml/records").display().to_string();
    site.layer("backend-lan", &layer.replace(&site.path("lan/records").display().to_string(), &wrong));
    let finished = site.run(&["reload"]);
    assert_eq!(finished.code, Some(78), "{}", finished.stderr);
    assert!(is_gone(first), "it still runs");
    // Not in the old process, which does not answer any more.
    assert!(daemon.logged("with its old settings either").is_empty(), "it was not opened at once");
    let second = pid(&daemon, "lan");
    assert_ne!(second, first);
    lan_works(&daemon);
    assert_eq!(daemon.webhook().post("/records", create(&["b.example.org"])).status, 204);
    assert_eq!(pid(&daemon, "lan"), second);
}
