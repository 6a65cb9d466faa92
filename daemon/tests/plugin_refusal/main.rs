//! Plugins that are not loaded: each is refused in one line that says why, by `zonemux check` and by
//! the daemon alike, with exit code 78, and nothing of the file is run that could crash.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod elf;
mod files;
mod forged;
mod libraries;
mod settings;
mod signature;
mod truncated;
mod trust;

use zonemux_test_support::Site;

/// A site whose backend `lan` has this reference to a plugin, of which nothing is installed.
fn site(plugin: &str) -> Site {
    let site = Site::new(env!("CARGO_BIN_EXE_zonemux"));
    // Only what `check` and `serve` say themselves is compared.
    site.layer("log", "[log]\nlevel = \"off\"");
    site.layer("backend", &format!("[backends.lan]\nplugin = \"{plugin}\"\nzones = [\"example.org\"]"));
    site
}

/// A site whose plugin is a file made of a real plugin's bytes.
fn site_with(content: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Site {
    let site = site("../plugins/other.so");
    let bytes = std::fs::read(zonemux_test_support::plugin("memory")).unwrap();
    site.write("plugins/other.so", content(bytes));
    site
}

/// What `check` and `serve` say, which must be the same.
fn refusal(site: &Site) -> String {
    let checked = site.run(&["check"]);
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(78), ""), "{checked:?}");
    let served = site.run(&["serve"]);
    assert_eq!((served.code, served.stdout.as_str()), (Some(78), ""), "{served:?}");
    assert_eq!(checked.stderr, served.stderr);
    let error = checked.stderr.lines().next().unwrap();
    assert!(error.starts_with("error: `backends.lan."), "{error}");
    site.shown(&checked.stderr)
}

/// That the site's plugin is loaded, as a control: a refusal above must be for its own reason.
fn is_loaded(site: &Site) {
    let checked = site.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}
