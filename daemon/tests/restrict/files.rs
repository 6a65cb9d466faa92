//! The file system.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::child::{Order, Outcomes, setting};

pub(crate) fn act(order: &Order, outcomes: &mut Outcomes) {
    let (own, folder) = (order.folder.join("own"), &order.folder);
    let write = |path: &Path| fs::write(path, "text");
    outcomes.note("make", write(&own.join("new")));
    outcomes.note("make a folder", fs::create_dir_all(own.join("deep/er")));
    outcomes.note("rename", fs::rename(own.join("new"), own.join("renamed")));
    outcomes.note("rename elsewhere", fs::rename(own.join("renamed"), own.join("deep/er/moved")));
    outcomes.note("read own", fs::read(own.join("deep/er/moved")));
    outcomes.note("remove", fs::remove_dir_all(own.join("deep")));
    outcomes.note("read what is shown", fs::read(folder.join("shown/text")));
    outcomes.note("read /etc/hosts", fs::read("/etc/hosts"));
    outcomes.note("read /proc/self/status", fs::read("/proc/self/status"));
    outcomes.note("list /usr/lib", fs::read_dir("/usr/lib"));
    outcomes.note("write /dev/null", fs::OpenOptions::new().write(true).open("/dev/null"));

    outcomes.note("secret: read", fs::read(folder.join("foreign/secret")));
    let truncated = fs::OpenOptions::new().write(true).truncate(true).open(folder.join("foreign/secret"));
    outcomes.note("secret: truncate", truncated);
    outcomes.note("secret: list", fs::read_dir(folder.join("foreign")));
    outcomes.note("secret: remove", fs::remove_file(folder.join("foreign/secret")));
    outcomes.note("secret: link", fs::hard_link(folder.join("foreign/secret"), own.join("linked")));
    let link = own.join("soft");
    let followed = symlink(folder.join("foreign/secret"), &link).and_then(|()| fs::read(&link));
    outcomes.note("secret: by a link", followed);
    fs::remove_file(link).unwrap();
    outcomes.note("foreign: make", write(&folder.join("foreign/new")));
    outcomes.note("shown: write", write(&folder.join("shown/text")));
    outcomes.note("/proc: another's command line", fs::read("/proc/1/cmdline"));
    outcomes.note("/etc: list", fs::read_dir("/etc"));
    outcomes.note("/etc: make", write(Path::new("/etc/zonemux-test")));
    outcomes.note("/tmp: make", write(Path::new("/tmp/zonemux-test")));
    outcomes.note("/dev/shm: make", write(Path::new("/dev/shm/zonemux-test")));
}

/// What begins with one of these is refused.
const REFUSED: [&str; 7] = ["secret", "foreign", "shown", "/proc", "/etc", "/tmp", "/dev/shm"];

#[test]
fn a_plugin_reads_no_other_backends_secret_and_writes_only_its_own() {
    for outcomes in setting().act("files") {
        for (attempt, outcome) in &outcomes.by_attempt {
            let refused = REFUSED.iter().any(|start| attempt.starts_with(start));
            // A link to another folder is refused as one across file systems.
            let right = match (attempt.as_str(), refused) {
                ("secret: link", _) => outcome == "EACCES" || outcome.contains("os error 18"),
                (_, true) => outcome == "EACCES",
                (_, false) => outcome == "ok",
            };
            assert!(right || !outcomes.has_landlock(3), "{attempt}: {outcomes:#?}");
        }
    }
}

#[test]
fn without_restrictions_all_of_that_is_possible() {
    let outcomes = setting().act_freely("files");
    outcomes.assert("secret: read", "ok");
    outcomes.assert("foreign: make", "ok");
    for path in ["/etc/zonemux-test", "/tmp/zonemux-test", "/dev/shm/zonemux-test"] {
        drop(fs::remove_file(path));
    }
}

#[test]
fn a_file_that_settings_name_can_be_replaced_again_and_again() {
    let mut setting = setting();
    let file = setting.path().join("own/records");
    fs::write(&file, "old").unwrap();
    setting.profile.writable = vec![file];
    for outcomes in setting.act("useful") {
        outcomes.assert("replace", "ok");
        outcomes.assert("replace again", "ok");
    }
}

#[test]
fn a_path_that_opens_a_shared_folder_is_named_without_its_name() {
    let mut setting = setting();
    setting.profile.writable = vec!["/var/lib/a-secret-that-looks-like-a-path".into()];
    for outcomes in setting.act("inherited") {
        let missing = outcomes.restrictions.missing.join("\n");
        assert!(missing.contains("/var/lib: shared with others"), "{missing}");
        assert!(!missing.contains("secret"), "{missing}");
    }
}

/// Writes beside the file and puts that into its place, as a crash-safe writer does.
pub(crate) fn replace(path: &Path) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(b"new")?;
    file.sync_all()?;
    fs::rename(new, path)?;
    fs::OpenOptions::new().append(true).open(path)?.write_all(b"er")
}
