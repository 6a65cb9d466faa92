//! Files that change where `reload.watch` is set.

use std::fs;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::Duration;

use zonemux_test_support::{Daemon, Site, eventually};

use crate::{flaky, opened, ready, site};

/// Several looks at the files.
const LOOKS: Duration = Duration::from_millis(3500);

fn watching(site: &Site) -> Daemon {
    site.layer("watch", "[reload]\nwatch = true");
    ready(site)
}

fn wait_generation(daemon: &Daemon, generation: u64) {
    eventually("the next generation serves", || (daemon.status()["generation"] == generation).then_some(()));
}

#[test]
fn a_link_on_the_way_that_is_replaced_is_a_change() {
    let site = flaky();
    // As Kubernetes mounts a ConfigMap: name → ..data/name, ..data → a folder for each version.
    for (version, timeout) in [("v1", "8s"), ("v2", "9s")] {
        fs::create_dir_all(site.path("mount").join(version)).unwrap();
        site.write(
            &format!("mount/{version}/change.toml"),
            format!("[backends.lan]\ntimeout = \"{timeout}\"\n"),
        );
    }
    symlink("v1", site.path("mount/..data")).unwrap();
    symlink("../mount/..data/change.toml", site.path("conf.d/change.toml")).unwrap();
    let daemon = watching(&site);
    symlink("v2", site.path("mount/..data_new")).unwrap();
    fs::rename(site.path("mount/..data_new"), site.path("mount/..data")).unwrap();
    wait_generation(&daemon, 2);
    let line = daemon.wait_logged("a file of the configuration has changed");
    assert!(line["path"].as_str().unwrap().ends_with("conf.d/change.toml"), "{line}");
    eventually("the backend is opened anew", || (opened(&daemon, "lan") == 2).then_some(()));
}

#[test]
fn a_secret_is_a_file_of_the_configuration_too_and_so_is_a_plugin() {
    let site = site();
    site.write("conf.d/token", "first");
    site.backend("lan", "flaky", "example.org", "token = { file = \"token\" }");
    let daemon = watching(&site);
    site.write("conf.d/token", "second");
    wait_generation(&daemon, 2);
    let plugin = site.path("plugins/libzonemux_flaky.so");
    let mut bytes = fs::read(&plugin).unwrap();
    // Behind the end of what ELF describes: the same code, another file.
    bytes.extend(b"another version");
    fs::rename(site.write("plugins/new", bytes), &plugin).unwrap();
    wait_generation(&daemon, 3);
    assert_eq!(opened(&daemon, "lan"), 3);
}

#[test]
fn a_broken_file_is_logged_once_and_a_mended_one_is_taken() {
    let site = flaky();
    let daemon = watching(&site);
    let refusals = || daemon.logged("configuration refused").len();
    site.layer("new", "[backends.lan\n");
    eventually("it is refused", || (refusals() == 1).then_some(()));
    thread::sleep(LOOKS);
    assert_eq!(refusals(), 1, "once, and not at each look");
    assert_eq!(daemon.status()["generation"], 1);
    // What is named in a refused file is watched as well: the secret that was missing comes later.
    site.layer("new", "[backends.lan.settings]\ntoken = { file = \"token\" }");
    eventually("it is refused for the secret", || (refusals() == 2).then_some(()));
    site.write("conf.d/token", "hunter2");
    wait_generation(&daemon, 2);
}

#[test]
fn without_it_nothing_is_noticed_until_it_is_switched_on() {
    let site = flaky();
    let daemon = ready(&site);
    site.flaky_with("lan", "example.org", "timeout = \"9s\"");
    thread::sleep(LOOKS);
    assert_eq!(daemon.status()["generation"], 1);
    site.layer("watch", "[reload]\nwatch = true");
    crate::reloaded(&site);
    site.flaky_with("lan", "example.org", "timeout = \"8s\"");
    wait_generation(&daemon, 3);
}
