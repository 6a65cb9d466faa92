//! Disks without room, and folders that can't be written: the call fails, and the zone stays as it was.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Folder, ZONE, output, reasons, record};
use serde_json::json;
use zonemux_plugin::testing::{self, ChangesBuilder};
use zonemux_plugin::{Endpoint, ErrorKind};
use zonemux_zonefile_backend::ZoneFiles;

/// A file system of its own, which only root can make.
#[derive(Debug)]
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn tmpfs(at: &'a Path, size: &str) -> Self {
        output(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at));
        Self(at)
    }

    fn remount(&self, options: &str) {
        output(Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.0));
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

fn big(index: usize) -> Endpoint {
    record(&format!("r{index}"), "TXT", &[&"x".repeat(3000)])
}

#[test]
fn a_full_disk_and_a_read_only_folder_change_nothing() {
    let outer = Folder::with_zone();
    let at = outer.path("disk");
    std::fs::create_dir(&at).unwrap();
    let mount = Mount::tmpfs(&at, "128k");
    let managed = at.join("zone.zonemux").display().to_string();
    let zone = outer.read("zone").replace(&outer.path("zone.zonemux").display().to_string(), &managed);
    outer.write("disk/zone", &zone);
    let dns = testing::open::<ZoneFiles>(json!({ "files": { ZONE: at.join("zone") } }), [ZONE]).unwrap();
    let files = || ["disk/zone", "disk/zone.zonemux"].map(|name| outer.read(name));
    let mut written = 0;
    let failure = loop {
        let before = files();
        let outcome = dns.apply(&ChangesBuilder::new().create(big(written))).unwrap();
        if let [failure] = outcome.failures() {
            assert_eq!(files(), before);
            break failure.clone();
        }
        written += 1;
        assert!(written < 100, "the disk is never full");
    };
    assert!(written > 3, "{written}");
    assert_eq!(failure.kind, ErrorKind::Retryable);
    assert!(failure.reason.contains("No space left on device"), "{}", failure.reason);
    let ours = |dns: &testing::TestBackend| {
        dns.records().unwrap().iter().filter(|it| it.dns_name.starts_with('r')).count()
    };
    assert_eq!(ours(&dns), written);
    // A small one may still fit, and with room it goes on.
    mount.remount("size=1m");
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(big(written))), [""; 0]);
    assert_eq!(ours(&dns), written + 1);

    mount.remount("ro");
    let before = files();
    let outcome = dns.apply(&ChangesBuilder::new().create(big(99))).unwrap();
    let [failure] = outcome.failures() else { panic!("{outcome:?}") };
    assert!(
        failure.kind == ErrorKind::Retryable && failure.reason.contains("Read-only file system"),
        "{failure:?}"
    );
    assert_eq!(files(), before);
    assert_eq!(ours(&dns), written + 1);
    mount.remount("rw");
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(big(99))), [""; 0]);
    dns.close().unwrap();
}
