//! A disk without room: lines are lost, calls are not, and it goes on by itself.
//!
//! A limit on the size of files, which a process can raise again, stands in for the disk. It is a
//! process's own, as its account is, so that these tests run in children.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{LARGE, LONG, names, read, write};
use crate::journal::{Entry, Filter, Journal, folder};

const STATE: &str = "ZONEMUX_TEST_STATE";
/// A number that no account of a person has.
const NOBODY: u32 = 65_534;

fn limit(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
}

/// Runs one of the ignored tests below in a child.
fn child(name: &str, state: &Path, account: Option<u32>) {
    let test = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
    let mut command = Command::new("bash");
    // Without the trap, a signal would come instead of the error.
    command.args(["-c", "trap '' XFSZ; exec \"$0\" --exact \"$1\" --ignored --nocapture"]);
    command.arg(std::env::current_exe().unwrap()).arg(test).env(STATE, state);
    if let Some(account) = account {
        command.uid(account).gid(account);
    }
    let done = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("1 passed"), "{out}{err}");
}

#[test]
fn a_full_disk_costs_lines_but_tears_none_and_is_left_when_there_is_room() {
    let state = tempfile::tempdir().unwrap();
    child("limited", state.path(), None);
}

#[test]
#[ignore = "run by a_full_disk_costs_lines_but_tears_none_and_is_left_when_there_is_room"]
fn limited() {
    let Some(state) = std::env::var_os(STATE).map(PathBuf::from) else { return };
    let journal = Journal::open(&state, LARGE).unwrap();
    let failing = |request_id| {
        let mut lines = journal.batch();
        lines.push(&Entry { outcome: "failed", request_id, ..super::entry("failing") });
        journal.write(lines);
        assert!(journal.flush(LONG));
    };
    limit(Some(10_000));
    let all: Vec<String> = (1000..1200).map(|number| number.to_string()).collect();
    write(&journal, &all);
    assert!(journal.flush(LONG));
    // What fitted is there, each line whole; the file ends with one.
    let kept = names(&state);
    assert!((50..80).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept, all[..kept.len()]);
    let text = fs::read_to_string(folder(&state).join("journal.jsonl")).unwrap();
    assert!(text.len() <= 10_000 && text.ends_with("}\n"), "{text}");
    // A line that is lost was not written, so that its repeat is no repeat.
    limit(Some(text.len() as u64));
    failing("lost");
    limit(None);
    failing("written");
    failing("repeated");
    write(&journal, ["after"]);
    assert!(journal.close(LONG));
    let lines = read(&state, &Filter::default());
    let last: Vec<String> = lines[kept.len()..]
        .iter()
        .map(|line| format!("{} {} {}", line["name"], line["request_id"], line["repeats"]))
        .collect();
    let expected = [r#""failing" "written" null"#, r#""after" "r1" null"#, r#""failing" null 1"#];
    assert_eq!(last, expected);
}

#[test]
fn a_folder_that_can_not_be_made_fails_no_call() {
    let state = tempfile::tempdir().unwrap();
    // A file where the folder must be: as good as a folder that can't be written, for any account.
    fs::write(folder(state.path()), "").unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    write(&journal, ["lost"]);
    assert!(journal.flush(LONG));
    fs::remove_file(folder(state.path())).unwrap();
    write(&journal, ["kept"]);
    assert!(journal.close(LONG));
    assert_eq!(names(state.path()), ["kept"]);
}

#[test]
fn a_folder_that_can_not_be_written_costs_lines_until_it_can() {
    let state = tempfile::tempdir().unwrap();
    // Root may write everywhere, so that the child is someone else then.
    let account = rustix::process::geteuid().is_root().then_some(NOBODY);
    std::os::unix::fs::chown(state.path(), account, account).unwrap();
    child("read_only", state.path(), account);
}

#[test]
#[ignore = "run by a_folder_that_can_not_be_written_costs_lines_until_it_can under another account"]
fn read_only() {
    let Some(state) = std::env::var_os(STATE).map(PathBuf::from) else { return };
    fs::create_dir(folder(&state)).unwrap();
    fs::set_permissions(folder(&state), Permissions::from_mode(0o500)).unwrap();
    let journal = Journal::open(&state, LARGE).unwrap();
    write(&journal, ["lost"]);
    assert!(journal.flush(LONG));
    assert_eq!(names(&state), [""; 0]);
    fs::set_permissions(folder(&state), Permissions::from_mode(0o700)).unwrap();
    write(&journal, ["kept"]);
    assert!(journal.close(LONG));
    assert_eq!(names(&state), ["kept"]);
}
