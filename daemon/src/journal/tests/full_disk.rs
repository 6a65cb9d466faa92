//! A disk without room: lines are lost, calls are not, and it goes on by itself.
//!
//! A limit on the size of files, which a process can raise again, stands in for the disk. It is a
//! process's own, so that this runs in a child.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{LARGE, LONG, names, read, write};
use crate::journal::{Entry, Filter, Journal, folder};

const STATE: &str = "ZONEMUX_TEST_STATE";

fn limit(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
}

#[test]
fn a_full_disk_costs_lines_but_tears_none_and_is_left_when_there_is_room() {
    let state = tempfile::tempdir().unwrap();
    let test = format!("{}::limited", module_path!().split_once("::").unwrap().1);
    let done = std::process::Command::new("bash")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --exact \"$1\" --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(STATE, state.path())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("1 passed"), "{out}{err}");
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
fn a_file_that_can_not_be_written_fails_no_call() {
    if rustix::process::geteuid().is_root() {
        // Root may write all the same; the folder that is a file stands for this then.
        return;
    }
    let state = tempfile::tempdir().unwrap();
    fs::create_dir(folder(state.path())).unwrap();
    fs::set_permissions(folder(state.path()), Permissions::from_mode(0o500)).unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    write(&journal, ["lost"]);
    assert!(journal.flush(LONG));
    fs::set_permissions(folder(state.path()), Permissions::from_mode(0o700)).unwrap();
    write(&journal, ["kept"]);
    assert!(journal.close(LONG));
    assert_eq!(names(state.path()), ["kept"]);
}
