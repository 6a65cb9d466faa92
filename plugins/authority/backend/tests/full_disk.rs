//! A disk without room: what was acknowledged stays, what was not is not there.
//!
//! The limit on the size of a file stands in for the disk. It is a process's own, so the test runs
//! in a child; the signal that comes with it is ignored, as the error is what a full disk gives.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use zonemux_authority_backend::Authority;
use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, json};
use zonemux_plugin::{Endpoint, ErrorKind};

const FILE: &str = "ZONEMUX_TEST_FILE";

fn open(file: &Path) -> TestBackend {
    testing::open::<Authority>(json!({ "file": file }), ["example.org"]).expect("the call works")
}

fn record(index: usize) -> Endpoint {
    Endpoint::new(format!("r{index}.example.org"), "TXT", ["x".repeat(3000)])
}

#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    // 32 KiB, in the shell's blocks of 512 bytes.
    let script = "ulimit -f 64; trap '' XFSZ; exec \"$0\" --exact limited --ignored --nocapture";
    let child = Command::new("bash")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(FILE, &file)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{out}{err}");
    let acknowledged: usize =
        out.lines().find_map(|line| line.strip_prefix("acknowledged ")).unwrap().parse().unwrap();
    assert!(acknowledged > 3, "{acknowledged}");
    let dns = open(&file);
    assert_eq!(dns.records().unwrap().len(), acknowledged);
    // With room again it goes on.
    assert_eq!(dns.apply(&ChangesBuilder::new().create(record(999))).unwrap().failures(), []);
    assert_eq!(dns.records().unwrap().len(), acknowledged + 1);
}

#[test]
#[ignore = "run by a_full_disk_loses_nothing under a limit"]
fn limited() {
    let Some(file) = std::env::var_os(FILE) else {
        return;
    };
    let dns = open(Path::new(&file));
    let mut acknowledged = 0;
    let error = loop {
        match dns.apply(&ChangesBuilder::new().create(record(acknowledged))) {
            Ok(outcome) => assert_eq!(outcome.failures(), []),
            Err(error) => break error,
        }
        acknowledged += 1;
    };
    assert_eq!(error.kind(), ErrorKind::Retryable, "{error}");
    assert!(error.message().starts_with("can't write the file of records: "), "{error}");
    // Authority and file agree, and a small batch still fits where a large one did not.
    assert_eq!(dns.records().unwrap().len(), acknowledged);
    let small = Endpoint::new("r0.example.org", "TXT", ["short"]);
    assert_eq!(dns.apply(&ChangesBuilder::new().upsert(small)).unwrap().failures(), []);
    assert_eq!(dns.records().unwrap().len(), acknowledged);
    #[expect(clippy::print_stdout, reason = "the answer to the parent")]
    {
        println!("\nacknowledged {acknowledged}");
    }
}
