//! Editors that write a zone's files while zonemux does: at the worst of all moments, between the check of the
//! new version and its swap.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::fs;

use common::{Folder, ZONE, reasons, record};
use serde_json::{Value, json};
use zonemux_plugin::ErrorKind;
use zonemux_plugin::testing::ChangesBuilder;

/// A checker that finds nothing wrong, and does what the file `edit` says, once.
fn checker(folder: &Folder) -> Value {
    let script =
        format!("cd '{}'; if [ -e edit ]; then mv edit done; . ./done; fi", folder.path("").display());
    json!({ "checker": ["sh", "-c", script, "{file}"] })
}

#[test]
fn an_edit_of_the_zone_file_is_taken_along() {
    let folder = Folder::with_zone();
    let dns = folder.open(checker(&folder));
    // In place, as some editors write, and with a serial of its own.
    folder.write(
        "edit",
        "sed 's/2024010199/2024010250/; s/192.0.2.25/192.0.2.26/' zone > other; cat other > zone; rm other",
    );
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"]))), [""; 0]);
    assert!(folder.path("done").exists());
    let zone = folder.read("zone");
    assert!(zone.contains("2024010251 ; serial") && zone.contains("192.0.2.26"), "{zone}");
    assert!(folder.read("zone.zonemux").contains("www.example.org."));
}

#[test]
fn an_edit_of_the_managed_file_is_merged() {
    let folder = Folder::with_zone();
    let dns = folder.open(checker(&folder));
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("a", "A", &["192.0.2.1"]))), [""; 0]);
    // By a new file, as other editors write.
    folder.write(
        "edit",
        &format!("(cat zone.zonemux; echo 'b.{ZONE}. 60 IN A 192.0.2.2') > other; mv other zone.zonemux"),
    );
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("c", "A", &["192.0.2.3"]))), [""; 0]);
    let managed = folder.read("zone.zonemux");
    for line in [
        "a.example.org. 300 IN A 192.0.2.1",
        "b.example.org. 60 IN A 192.0.2.2",
        "c.example.org. 300 IN A 192.0.2.3",
    ] {
        assert!(managed.contains(line), "{managed}");
    }
}

#[test]
fn an_edit_of_the_very_record_wins() {
    let folder = Folder::with_zone();
    let dns = folder.open(checker(&folder));
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("a", "A", &["192.0.2.1"]))), [""; 0]);
    folder.write("edit", "sed -i 's/192.0.2.1$/192.0.2.77/' zone.zonemux");
    let batch = ChangesBuilder::new().upsert(record("a", "A", &["192.0.2.2"])).create(record(
        "b",
        "A",
        &["192.0.2.3"],
    ));
    let outcome = dns.apply(&batch).unwrap();
    let [failure] = outcome.failures() else { panic!("{outcome:?}") };
    assert!(
        failure.kind == ErrorKind::Retryable && failure.reason.contains("somebody else has edited it"),
        "{failure:?}"
    );
    let managed = folder.read("zone.zonemux");
    assert!(
        managed.contains("a.example.org. 300 IN A 192.0.2.77") && managed.contains("192.0.2.3"),
        "{managed}"
    );
}

#[test]
fn an_edit_that_takes_the_include_away_stops_the_write() {
    let folder = Folder::with_zone();
    let dns = folder.open(checker(&folder));
    let before = folder.read("zone.zonemux");
    folder.write("edit", "sed -i '/INCLUDE/d' zone");
    let outcome = dns.apply(&ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"]))).unwrap();
    assert!(outcome.failures()[0].reason.contains("add this as its last line"), "{outcome:?}");
    assert_eq!(folder.read("zone.zonemux"), before);
    assert!(
        !folder.names().iter().any(|name| name.ends_with("new") || name.ends_with("check")),
        "{:?}",
        folder.names()
    );
}

#[test]
fn owner_mode_and_links_stay() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
    let folder = Folder::with_zone();
    fs::rename(folder.path("zone"), folder.path("real")).unwrap();
    symlink("real", folder.path("zone")).unwrap();
    let text = folder.read("real").replace("zone.zonemux", "real.zonemux");
    folder.write("real", &text);
    chown(folder.path("real"), Some(12), Some(34)).unwrap();
    fs::set_permissions(folder.path("real"), fs::Permissions::from_mode(0o640)).unwrap();
    let dns = folder.open(json!({}));
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"]))), [""; 0]);
    assert!(fs::symlink_metadata(folder.path("zone")).unwrap().is_symlink());
    for name in ["real", "real.zonemux"] {
        let metadata = fs::metadata(folder.path(name)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (12, 34, 0o640), "{name}");
    }
    assert!(folder.read("real").contains("2024010200 ; serial"));
}
