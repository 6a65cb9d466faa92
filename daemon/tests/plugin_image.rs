//! The bytes that were checked are the bytes that are loaded, whatever becomes of the file meanwhile.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use zonemux::plugin::{Image, Loader, Refusal, Trust};

const OWNER: Trust = Trust::Owner { sha256: None };

/// A plugin of its own, which is trusted.
fn plugin() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.so");
    fs::copy(zonemux_test_support::plugin("memory"), &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, path)
}

fn load(loader: &Loader, image: &Image) {
    let plugin = loader.load(image).unwrap_or_else(|error| panic!("{error}"));
    assert!(plugin.schema().contains("\"file\""));
}

#[test]
fn a_file_that_is_replaced_after_it_was_checked_is_not_what_is_loaded() {
    let (folder, path) = plugin();
    let image = Image::read(&path, &OWNER).unwrap();
    fs::write(folder.path().join("new"), "no plugin").unwrap();
    fs::rename(folder.path().join("new"), &path).unwrap();
    load(&Loader::default(), &image);
    assert!(Image::read(&path, &OWNER).is_err());
}

#[test]
fn a_file_that_is_overwritten_after_it_was_checked_is_not_what_is_loaded() {
    let (_folder, path) = plugin();
    let (loader, image) = (Loader::default(), Image::read(&path, &OWNER).unwrap());
    let length = fs::metadata(&path).unwrap().len();
    fs::write(&path, vec![0xcc; usize::try_from(length).unwrap()]).unwrap();
    load(&loader, &image);
    // Nor does it matter for what runs already: truncating a mapped file would end the process.
    fs::write(&path, "").unwrap();
    load(&loader, &image);
}

#[test]
fn what_the_linker_was_given_cannot_be_written() {
    let (_folder, path) = plugin();
    let loader = Loader::default();
    load(&loader, &Image::read(&path, &OWNER).unwrap());
    let sealed = fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok).map(|entry| entry.path());
    let mut found = 0;
    for descriptor in sealed {
        let target = fs::read_link(&descriptor).unwrap_or_default();
        if target.starts_with("/memfd:zonemux-plugin-zonemux-memory (deleted)") {
            found += 1;
            assert!(is_sealed(&descriptor), "{}", descriptor.display());
        }
    }
    assert!(found > 0);
}

/// Neither writing nor cutting off comes through, also not through a new descriptor.
fn is_sealed(descriptor: &Path) -> bool {
    use std::io::Write;
    let Ok(mut file) = fs::File::options().write(true).open(descriptor) else { return true };
    file.write(b"x").is_err() && file.set_len(0).is_err()
}

#[test]
fn a_shortage_of_descriptors_refuses_a_plugin_for_the_time_being_only() {
    const ALONE: &str = "ZONEMUX_TEST_ALONE";
    const NAME: &str = "a_shortage_of_descriptors_refuses_a_plugin_for_the_time_being_only";
    if std::env::var_os(ALONE).is_none() {
        // The limit is the whole process's, so the other tests are left out of it.
        let alone = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success() && told.contains("1 passed"), "{alone:?}");
        return;
    }
    let (_folder, path) = plugin();
    let (loader, image) = (Loader::default(), Image::read(&path, &OWNER).unwrap());
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), maximum: before.maximum }).unwrap();
    let refused = loader.load(&image);
    setrlimit(Resource::Nofile, before).unwrap();
    let refused = refused.unwrap_err();
    assert!(matches!(refused.reason, Refusal::NotSealed(_)), "{refused}");
    assert!(refused.hint().is_some());
    load(&loader, &image);
}
