use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{RenameFlags, XattrFlags, renameat_with, setxattr};
use tempfile::TempDir;

use super::*;

/// Why a path is refused; nothing where it is opened.
fn refusal(path: impl AsRef<Path>) -> Option<String> {
    open_owned(path.as_ref()).err().map(|error| error.reason.to_string())
}

#[track_caller]
fn assert_refused(path: impl AsRef<Path>, why: &str) {
    let found = refusal(path);
    assert!(found.as_ref().is_some_and(|found| found.contains(why)), "{found:?} has no `{why}`");
}

/// A folder with `good/p.so`, which is trusted.
fn site() -> TempDir {
    let site = tempfile::tempdir().unwrap();
    folder(site.path(), "good", 0o755);
    file(site.path(), "good/p.so");
    assert_eq!(refusal(site.path().join("good/p.so")), None);
    site
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn folder(site: &Path, name: &str, mode: u32) {
    fs::create_dir(site.join(name)).unwrap();
    chmod(&site.join(name), mode);
}

fn file(site: &Path, name: &str) {
    fs::write(site.join(name), name).unwrap();
    chmod(&site.join(name), 0o644);
}

/// Whether this account can give files away.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_file_or_folder_that_others_can_write_is_refused() {
    let site = site();
    let (folder, path) = (site.path().join("good"), site.path().join("good/p.so"));
    chmod(&path, 0o666);
    assert_refused(&path, "p.so has mode 0666, so others can write it");
    chmod(&path, 0o644);
    for mode in [0o777, 0o775] {
        chmod(&folder, mode);
        assert_refused(&path, "good has mode 0");
    }
    chmod(&folder, 0o755);

    // Above its folder too.
    let deep = site.path().join("good/a/b");
    fs::create_dir_all(&deep).unwrap();
    file(&deep, "p.so");
    assert_eq!(refusal(deep.join("p.so")), None);
    chmod(&folder, 0o777);
    assert_refused(deep.join("p.so"), "good has mode 0777");
}

#[test]
fn a_link_is_judged_by_where_it_leads() {
    let site = site();
    for target in [site.path().join("good/p.so"), "good/../good/./p.so".into()] {
        let link = site.path().join("link.so");
        symlink(&target, &link).unwrap();
        assert_eq!(refusal(&link), None, "{}", target.display());
        chmod(&site.path().join("good"), 0o777);
        assert_refused(&link, "good has mode 0777");
        chmod(&site.path().join("good"), 0o755);
        fs::remove_file(link).unwrap();
    }
}

#[test]
fn a_link_that_others_could_turn_elsewhere_is_refused_though_it_leads_to_a_good_file() {
    let site = site();
    folder(site.path(), "open", 0o777);
    symlink(site.path().join("good/p.so"), site.path().join("open/p.so")).unwrap();
    assert_refused(site.path().join("open/p.so"), "open has mode 0777");

    // In the middle of the way: neither its beginning nor its end shows it.
    symlink("../open/p.so", site.path().join("good/first.so")).unwrap();
    assert_refused(site.path().join("good/first.so"), "open has mode 0777");
    symlink(site.path().join("good"), site.path().join("open/folder")).unwrap();
    symlink("open/folder", site.path().join("plugins")).unwrap();
    assert_refused(site.path().join("plugins/p.so"), "open has mode 0777");
    // Also where it only passes through.
    assert_refused(site.path().join("open/../good/p.so"), "open has mode 0777");
}

#[test]
fn in_a_sticky_folder_only_what_nobody_else_could_have_put_there_is_trusted() {
    let site = site();
    folder(site.path(), "shared", 0o1777);
    let shared = site.path().join("shared");
    file(&shared, "p.so");
    assert_eq!(refusal(shared.join("p.so")), None);
    symlink(site.path().join("good/p.so"), shared.join("link.so")).unwrap();
    assert_eq!(refusal(shared.join("link.so")), None);

    // Anyone may give another name to a file of ours, such as an old plugin's.
    fs::hard_link(site.path().join("good/p.so"), shared.join("old.so")).unwrap();
    assert_refused(shared.join("old.so"), "old.so is one name of several of a file");
    // Where nobody else can make names, several are no harm.
    assert_eq!(refusal(site.path().join("good/p.so")), None);

    if is_root() {
        lchown(shared.join("link.so"), Some(1234), None).unwrap();
        assert_refused(shared.join("link.so"), "link.so belongs to user 1234");
        folder(&shared, "theirs", 0o755);
        file(&shared, "theirs/p.so");
        lchown(shared.join("theirs"), Some(1234), None).unwrap();
        assert_refused(shared.join("theirs/p.so"), "theirs belongs to user 1234");
        // Their link from a folder of theirs to a good file.
        fs::remove_file(shared.join("theirs/p.so")).unwrap();
        symlink(site.path().join("good/p.so"), shared.join("theirs/p.so")).unwrap();
        assert_refused(shared.join("theirs/p.so"), "theirs belongs to user 1234");
    }
}

#[test]
fn a_user_in_an_access_list_counts_as_the_others() {
    let site = site();
    let path = site.path().join("good/p.so");
    // Version 2; owner rw, user 1234 rw, group r, mask rw, others r.
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 6, 1234), (4, 4, u32::MAX), (16, 6, u32::MAX), (32, 4, u32::MAX)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, user) in entries {
        list.extend(tag.to_le_bytes().iter().chain(&permissions.to_le_bytes()).chain(&user.to_le_bytes()));
    }
    match setxattr(&path, "system.posix_acl_access", &list, XattrFlags::empty()) {
        // Without access lists nothing can be hidden in one.
        Err(Errno::OPNOTSUPP) => {}
        set => {
            set.unwrap();
            assert_refused(&path, "p.so has mode 0664, so others can write it");
        }
    }
}

#[test]
fn folders_that_are_exchanged_on_the_way_never_let_a_foreign_file_through() {
    let site = site();
    folder(site.path(), "bad", 0o777);
    file(site.path(), "bad/p.so");
    let (good, bad) = (site.path().join("good"), site.path().join("bad"));
    let path = site.path().join("good/p.so");
    let (is_over, mut opened, mut refused) = (AtomicBool::new(false), 0, 0);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                renameat_with(CWD, &good, CWD, &bad, RenameFlags::EXCHANGE).unwrap();
            }
        });
        // Until both were met often, however the threads are scheduled.
        while opened < 300 || refused < 300 {
            match open_owned(&path) {
                Ok(mut file) => {
                    let mut content = String::new();
                    file.read_to_string(&mut content).unwrap();
                    assert_eq!(content, "good/p.so");
                    opened += 1;
                }
                Err(_) => refused += 1,
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_leads_nowhere_is_told_as_such() {
    let site = site();
    for (target, name) in [("loop.so", "loop.so"), ("nosuch", "dangling.so"), ("good", "folder.so")] {
        symlink(target, site.path().join(name)).unwrap();
    }
    assert_refused(site.path().join("loop.so"), "can't be read: Too many levels of symbolic links");
    assert_refused(site.path().join("dangling.so"), "not found; tried ");
    assert_refused(site.path().join("folder.so"), "it is a folder");
    assert_refused(site.path().join("good/p.so/p.so"), "can't be read: Not a directory");
    assert_refused("/", "it is a folder");
    assert_refused("", "can't be read");
}

#[test]
fn the_user_of_those_without_a_number_is_not_us() {
    let site = site();
    let path = site.path().join("good/p.so");
    let mut stat = fstat(File::open(&path).unwrap()).unwrap();
    stat.st_uid = OVERFLOW_USER;
    let judged = judge_owner(&path, &stat, OVERFLOW_USER).unwrap_err();
    let Stop::Refused(judged) = judged else { panic!("{judged:?}") };
    assert!(judged.to_string().contains("stands for every user that is not known here"), "{judged}");
    stat.st_uid = 1000;
    assert!(judge_owner(&path, &stat, 1000).is_ok());
}
