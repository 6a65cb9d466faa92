//! Values as files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::store::{Files, Store, StoreKey, Table};

fn key() -> StoreKey {
    StoreKey::new("lan", "quarantine")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_value_is_read_as_it_was_written() {
    let state = tempfile::tempdir().unwrap();
    let files = Files::new(state.path());
    assert_eq!(files.read(&key()).unwrap(), None);
    assert_eq!(names(state.path()), [""; 0]);
    files.append(&key(), b"one ").unwrap();
    files.append(&key(), b"two").unwrap();
    assert_eq!(files.read(&key()).unwrap().unwrap(), b"one two");
    files.replace(&key(), &[b"three ", b"", b"four"]).unwrap();
    // As after a restart.
    let files = Files::new(state.path());
    assert_eq!(files.read(&key()).unwrap().unwrap(), b"three four");
    files.append(&key(), b" five").unwrap();
    assert_eq!(files.read(&key()).unwrap().unwrap(), b"three four five");
    files.remove(&key()).unwrap();
    files.remove(&key()).unwrap();
    assert_eq!(files.read(&key()).unwrap(), None);
}

#[test]
fn only_the_daemons_account_can_read_state() {
    let state = tempfile::tempdir().unwrap();
    let files = Files::new(state.path());
    files.append(&key(), b"x").unwrap();
    files.replace(&StoreKey::new("lan", "snapshot"), &[b"x"]).unwrap();
    assert_eq!(mode(&state.path().join("control")), 0o700);
    assert_eq!(mode(&state.path().join("control/lan")), 0o700);
    assert_eq!(mode(&state.path().join("control/lan/quarantine")), 0o600);
    assert_eq!(mode(&state.path().join("control/lan/snapshot")), 0o600);
}

#[test]
fn a_file_that_a_crash_left_half_written_is_not_the_value() {
    let state = tempfile::tempdir().unwrap();
    let files = Files::new(state.path());
    files.replace(&key(), &[b"old"]).unwrap();
    fs::write(state.path().join("control/lan/quarantine.new"), "half").unwrap();
    assert_eq!(files.read(&key()).unwrap().unwrap(), b"old");
    files.replace(&key(), &[b"new"]).unwrap();
    assert_eq!(names(&state.path().join("control/lan")), ["quarantine"]);
}

#[test]
fn a_damaged_table_is_kept_beside_the_new_one() {
    let state = tempfile::tempdir().unwrap();
    let files: Arc<dyn Store> = Arc::new(Files::new(state.path()));
    let mut table: Table<u32> = Table::open(Arc::clone(&files), key()).unwrap();
    table.commit([("a".into(), Some(1))]).unwrap();
    table.commit([("b".into(), Some(2))]).unwrap();
    let path = state.path().join("control/lan/quarantine");
    let damaged = fs::read_to_string(&path).unwrap().replace("\"b\":2", "\"b\":7");
    fs::write(&path, &damaged).unwrap();

    let table: Table<u32> = Table::open(Arc::clone(&files), key()).unwrap();
    assert_eq!((table.get("a"), table.get("b")), (Some(&1), None));
    let names = names(&state.path().join("control/lan"));
    assert!(names.len() == 2 && names[1].starts_with("quarantine.damaged-"), "{names:?}");
    assert_eq!(fs::read_to_string(state.path().join("control/lan").join(&names[1])).unwrap(), damaged);
}

#[test]
fn no_key_leads_out_of_the_folder() {
    let state = tempfile::tempdir().unwrap();
    let files = Files::new(state.path());
    for backend in ["..", ".", "", "a/b", "/etc", "a/"] {
        let error = files.append(&StoreKey::new(backend, "x"), b"x").unwrap_err();
        assert!(error.to_string().ends_with("not a name of a file"), "{backend}: {error}");
    }
    assert_eq!(names(state.path()), [""; 0]);
}

#[test]
fn an_error_names_the_file_and_says_what_to_do() {
    let state = tempfile::tempdir().unwrap();
    // A file where a folder must be: as good as a folder that can't be written, for any account.
    fs::write(state.path().join("control"), "").unwrap();
    let error = Files::new(state.path()).replace(&key(), &[b"x"]).unwrap_err();
    let path = state.path().join("control/lan/quarantine");
    assert!(
        error.to_string().starts_with(&format!("can't make the folder of {}: ", path.display())),
        "{error}"
    );
}
