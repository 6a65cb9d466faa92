//! What other processes do with a folder, and what a process that is ended leaves behind.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use zonemux_rdata::Rtype;

use super::tests::{change, commit, content, fixture, name, open, open_new, owners, owners_of, soa, text};
use super::*;

const FOLDER: &str = "ZONEMUX_TEST_FOLDER";

#[test]
fn a_second_process_is_refused() {
    let (_folder, path) = fixture();
    let mut first = open_new(&path);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::processes::opens_and_ends", "--ignored", "--nocapture"])
        .env(FOLDER, &path)
        .output()
        .unwrap();
    assert!(!child.status.success());
    let words = String::from_utf8_lossy(&child.stderr);
    assert!(words.contains("is in use by another backend or process"), "{words}");
    commit(&mut first, &[("a.example.org", Some("1"))]);
}

#[test]
#[ignore = "run by a_second_process_is_refused"]
fn opens_and_ends() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        Store::open(Path::new(&folder)).map_err(|error| error.to_string()).unwrap();
    }
}

/// Commits batches for ever, and says so after each.
#[test]
#[ignore = "run by a_killed_process_loses_nothing, which ends it"]
#[expect(clippy::print_stdout, reason = "the answer to the parent")]
fn commits_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut store = open(Path::new(&folder)).unwrap();
    let zone = |store: &Store| Arc::clone(store.zones().next().unwrap());
    if store.zones().len() == 0 {
        store.commit(&[Changed::created(Arc::new(Zone::new(name("example.org"), &soa(), 1)))]).unwrap();
    }
    loop {
        let zone = zone(&store);
        let number = zone.serial();
        let mut draft = zone.draft();
        for part in 0..=number % 7 {
            draft.put(&name(&format!("n{number}-{part}.example.org")), &text("words"));
        }
        draft.remove(&name(&format!("n{}-0.example.org", number.saturating_sub(5))), Rtype::TXT);
        store.commit(&[draft.finish(&soa(), number + 1).unwrap()]).unwrap();
        println!("\ndone {number}");
        if number % 20 == 0 {
            store.rewrite(store.zones.clone()).unwrap();
        }
    }
}

#[test]
fn a_killed_process_loses_nothing() {
    use std::io::{BufRead as _, BufReader};
    let (_folder, path) = fixture();
    let mut acknowledged = 1;
    for _ in 0..25 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::processes::commits_until_it_is_killed", "--ignored", "--nocapture"])
            .env(FOLDER, &path)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let done = |line: &str| line.strip_prefix("done ").and_then(|number| number.parse().ok());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Some batches, then at once, in the middle of whatever it does.
        for _ in 0..fastrand::u32(1..60) {
            let line = lines.by_ref().map(Result::unwrap).find_map(|line| done(&line));
            acknowledged = line.expect("it goes on until it is killed");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(last) = lines.map_while(Result::ok).filter_map(|line| done(&line)).last() {
            acknowledged = last;
        }
        let store = open(&path).unwrap();
        let zone = store.zones().next().unwrap();
        // One batch more may be on the disk than was said to be.
        assert!((acknowledged + 1..=acknowledged + 2).contains(&zone.serial()), "{acknowledged} {zone:?}");
        for number in 1..zone.serial() {
            for part in 0..=number % 7 {
                let removed = part == 0 && number + 5 < zone.serial();
                let there = zone.get(&name(&format!("n{number}-{part}.example.org")), Rtype::TXT).is_some();
                assert_eq!(there, !removed, "{number}-{part} of {zone:?}");
            }
        }
    }
}

/// The limit on the size of a file stands in for the disk. It is a process's own, so this runs in a child.
#[test]
#[ignore = "run by a_full_disk_loses_nothing under a limit"]
#[expect(clippy::print_stdout, reason = "the answer to the parent")]
fn commits_until_the_disk_is_full() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut store = open_new(Path::new(&folder));
    let mut acknowledged = 0;
    loop {
        let owner = format!("n{acknowledged}.example.org");
        let before = content(&store);
        let changed = change(&store, &owner, Some(&text(&"x".repeat(200)))).unwrap();
        if let Err(error) = store.commit(&[changed]) {
            assert!(acknowledged > 10, "{error}");
            assert_eq!(content(&store), before, "nothing of it is kept");
            break;
        }
        acknowledged += 1;
    }
    // A small batch still fits where a large one did not.
    let changed = change(&store, "n0.example.org", None).unwrap();
    store.commit(&[changed]).unwrap();
    println!("\nacknowledged {acknowledged}");
}

#[test]
fn a_full_disk_loses_nothing() {
    let (_folder, path) = fixture();
    // 16 KiB, in the shell's blocks of 512 bytes; the signal that comes with it is ignored.
    let script = "ulimit -f 32; trap '' XFSZ; exec \"$0\" --exact store::processes::commits_until_the_disk_is_full --ignored --nocapture";
    let child = Command::new("bash")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, &path)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{out}{}", String::from_utf8_lossy(&child.stderr));
    let acknowledged = out.lines().find_map(|line| line.strip_prefix("acknowledged ")).unwrap();
    assert_eq!(owners(&path).len(), acknowledged.parse::<usize>().unwrap() - 1);
    let mut store = open(&path).unwrap();
    commit(&mut store, &[("z.example.org", Some("with room it goes on"))]);
    assert!(owners_of(&store).contains(&"z.example.org".to_owned()));
}
