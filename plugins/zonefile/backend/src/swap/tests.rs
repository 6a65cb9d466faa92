use super::*;

fn zone() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zone");
    fs::write(&path, "old").unwrap();
    (folder, path)
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_and_put_back() {
    let (folder, path) = zone();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    let (mut owner, mut group) = (metadata.uid(), metadata.gid());
    if std::os::unix::fs::chown(&path, Some(12), Some(34)).is_ok() {
        (owner, group) = (12, 34);
    }
    let labelled = rustix::fs::setxattr(&path, "user.test", b"kept", XattrFlags::empty());
    let (_, identity) = identity::read(&path).unwrap();
    let swapped = stage(&path, b"new", Some(identity.clone()), None).unwrap().swap().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o777), (owner, group, 0o640));
    if labelled.is_ok() {
        let mut value = [0; 4];
        assert_eq!(rustix::fs::getxattr(&path, "user.test", &mut value[..]).unwrap(), 4);
        assert_eq!(&value, b"kept");
    }
    swapped.put_back().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["zone"]);

    let (_, identity) = identity::read(&path).unwrap();
    stage(&path, b"newer", Some(identity), None).unwrap().swap().unwrap().finish();
    assert_eq!(fs::read(&path).unwrap(), b"newer");
    assert_eq!(names(folder.path()), ["zone"]);
}

#[test]
fn what_somebody_else_wrote_stays() {
    let (folder, path) = zone();
    let (_, identity) = identity::read(&path).unwrap();
    let staged = stage(&path, b"new", Some(identity), None).unwrap();
    fs::write(&path, "by hand").unwrap();
    assert!(matches!(staged.swap().unwrap_err(), SwapError::Changed(_)));
    assert_eq!(fs::read(&path).unwrap(), b"by hand");
    let absent = stage(&path, b"new", None, None).unwrap();
    assert!(matches!(absent.swap().unwrap_err(), SwapError::Changed(_)));
    assert_eq!(names(folder.path()), ["zone"]);
}

#[test]
fn what_an_editor_writes_into_the_replaced_file_is_kept() {
    let (folder, path) = zone();
    let mut editor = OpenOptions::new().append(true).open(&path).unwrap();
    let (_, identity) = identity::read(&path).unwrap();
    let swapped = stage(&path, b"new", Some(identity), None).unwrap().swap().unwrap();
    editor.write_all(b" and more").unwrap();
    swapped.finish();
    assert_eq!(fs::read(folder.path().join(".zone.zonemux-edited")).unwrap(), b"old and more");
}

#[test]
fn a_new_file_is_taken_back() {
    let (folder, path) = zone();
    let other = path.with_file_name("other");
    let swapped = stage(&other, b"new", None, None).unwrap().swap().unwrap();
    assert_eq!(names(folder.path()), ["other", "zone"]);
    swapped.put_back().unwrap();
    assert_eq!(names(folder.path()), ["zone"]);
}
