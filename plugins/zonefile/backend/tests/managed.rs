//! The managed file, when somebody else makes it, cuts it off or empties it.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::fs;

use common::{Folder, reasons, record};
use serde_json::json;
use zonemux_plugin::ErrorKind;
use zonemux_plugin::testing::ChangesBuilder;

#[test]
fn a_managed_file_that_lost_its_end_is_no_list() {
    let folder = Folder::with_zone();
    let dns = folder.open(json!({}));
    let batch = ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"]));
    assert_eq!(reasons(&dns, &batch), [""; 0]);
    let (whole, listed) = (folder.read("zone.zonemux"), dns.records().unwrap());
    let more = ChangesBuilder::new().create(record("more", "A", &["192.0.2.2"]));
    let records_alone = &whole[whole.find("www").unwrap()..whole.find("; end").unwrap()];
    for rest in ["", "\n", ";", &whole[..10], &whole[..90], "; somebody's\n", records_alone] {
        folder.write("zone.zonemux", rest);
        let error = dns.records().unwrap_err();
        assert!(error.kind() == ErrorKind::Retryable && error.message().contains("the end of"), "{error}");
        let outcome = dns.apply(&more).unwrap();
        assert!(outcome.failures()[0].reason.contains("the end of"), "{rest:?}: {outcome:?}");
        assert_eq!(folder.read("zone.zonemux"), rest);
    }
    // Nor after a restart.
    dns.close().unwrap();
    for rest in ["", &whole[..10], records_alone] {
        folder.write("zone.zonemux", rest);
        let error = folder.try_open(json!({})).unwrap_err();
        assert!(error.kind() == ErrorKind::Retryable && error.message().contains("the end of"), "{error}");
        assert_eq!(folder.read("zone.zonemux"), rest);
    }
    folder.write("zone.zonemux", &whole);
    assert_eq!(folder.open(json!({})).records().unwrap(), listed);
    // Without the file, the operator begins anew.
    fs::remove_file(folder.path("zone.zonemux")).unwrap();
    let records = folder.open(json!({})).records().unwrap();
    assert!(!records.iter().any(|it| it.dns_name.starts_with("www.")) && records.len() == listed.len() - 1);
}

#[test]
fn an_operator_may_make_the_managed_file_before_the_first_start() {
    for (made, records) in [("", 0), ("www 300 A 192.0.2.1\n", 1)] {
        let folder = Folder::with_zone();
        let others = folder.open(json!({})).records().unwrap().len();
        let folder = Folder::with_zone();
        folder.write("zone.zonemux", made);
        let dns = folder.open(json!({}));
        assert_eq!(dns.records().unwrap().len(), others + records);
        // From now on it has an end, and is a cut one without.
        assert!(folder.read("zone.zonemux").ends_with("; end\n"), "{:?}", folder.read("zone.zonemux"));
        folder.write("zone.zonemux", made);
        assert!(dns.records().unwrap_err().message().contains("the end of"));
    }
}
