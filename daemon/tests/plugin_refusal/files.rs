//! Files that are no plugins at all.

use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use rustix::fs::{CWD, Mode, mkfifoat};

use super::{is_loaded, refusal, site};

#[test]
fn a_name_that_is_not_found_lists_every_path_that_was_tried() {
    let mut site = site("nosuch");
    site.set("ZONEMUX_PLUGIN_PATH", format!("{}:/nosuch/folder", site.path("mine").display()));
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn a_path_that_is_not_there() {
    insta::assert_snapshot!(refusal(&site("../plugins/nosuch.so")));
}

#[test]
fn a_text_file() {
    let site = site("../plugins/notes.so");
    site.write("plugins/notes.so", "ask Anna where the plugin went\n");
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn an_empty_file() {
    let site = site("../plugins/empty.so");
    site.write("plugins/empty.so", "");
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn a_folder() {
    let site = site("nested");
    std::fs::create_dir(site.path("plugins/libzonemux_nested.so")).unwrap();
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn a_named_pipe_does_not_hang_the_start() {
    let site = site("pipe");
    mkfifoat(CWD, site.path("plugins/pipe.so"), Mode::from_raw_mode(0o600)).unwrap();
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn a_socket() {
    let site = site("socket");
    let _listener = UnixListener::bind(site.path("plugins/socket.so")).unwrap();
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn a_library_that_is_no_plugin() {
    let site = site("../plugins/library.so");
    std::fs::copy(c_library(), site.path("plugins/library.so")).unwrap();
    site.chmod("plugins/library.so", 0o755);
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn a_program() {
    let site = site("../plugins/program.so");
    std::fs::copy(env!("CARGO_BIN_EXE_zonemux"), site.path("plugins/program.so")).unwrap();
    site.chmod("plugins/program.so", 0o755);
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn a_link_to_a_plugin_is_one() {
    let site = site("linked");
    let file = site.install("memory");
    std::os::unix::fs::symlink(&file, site.path("plugins/linked.so")).unwrap();
    is_loaded(&site);
}

#[test]
fn of_two_backends_each_fault_is_told() {
    let site = site("nosuch");
    site.backend("edge", "memory", "example.net", "");
    site.layer("lab", "[backends.lab]\nplugin = \"./lab.so\"\nzones = [\"example.com\"]");
    let report = site.run(&["check"]).stderr;
    assert!(report.contains("`backends.lan.plugin`") && report.contains("`backends.lab.plugin`"), "{report}");
    assert!(!report.contains("edge"), "{report}");
    assert!(report.ends_with("2 faults\n"), "{report}");
}

/// The C library that this test itself runs on.
fn c_library() -> PathBuf {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    PathBuf::from(paths.find(|path| path.contains("/libc.so")).expect("tests link the C library"))
}
