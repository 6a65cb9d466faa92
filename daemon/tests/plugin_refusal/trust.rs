//! Who could have written a plugin.

use zonemux_test_support::{Process, Site};

use super::{is_loaded, refusal, site};

/// A site with a plugin of its own, which is trusted.
fn installed(keys: &str) -> Site {
    let site = site("memory");
    site.install("memory");
    site.layer("keys", keys);
    site
}

fn digest(site: &Site) -> String {
    let mut command = std::process::Command::new("sha256sum");
    site.prepare(&mut command);
    command.arg("plugins/libzonemux_memory.so");
    Process::spawn(command).wait().stdout.split(' ').next().unwrap().to_owned()
}

#[test]
fn a_file_that_everybody_can_write() {
    let site = installed("");
    is_loaded(&site);
    site.chmod("plugins/libzonemux_memory.so", 0o646);
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn a_folder_that_the_group_can_write() {
    let site = installed("");
    site.chmod("plugins", 0o775);
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn a_file_that_is_somebody_elses() {
    if !rustix::process::geteuid().is_root() {
        // Nobody but root can give a file away, and what root owns is trusted.
        return;
    }
    let site = installed("");
    std::os::unix::fs::chown(site.path("plugins/libzonemux_memory.so"), Some(65534), None).unwrap();
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn another_file_than_the_pinned_one() {
    let site = installed(&format!("[backends.lan]\nsha256 = \"{}\"", "0".repeat(64)));
    insta::with_settings!({ filters => [("sha256 is [0-9a-f]{64}", "sha256 is [DIGEST]")] }, {
        insta::assert_snapshot!(refusal(&site));
    });
}

#[test]
fn the_pinned_file_must_be_trusted_as_well() {
    let site = installed("");
    site.layer("pin", &format!("[backends.lan]\nsha256 = \"{}\"", digest(&site)));
    is_loaded(&site);
    site.chmod("plugins", 0o777);
    assert!(refusal(&site).contains("not trusted"));
}

#[test]
fn by_its_digest_alone_a_file_is_loaded_from_anywhere() {
    let site = installed("[plugins]\ntrust = \"sha256\"");
    site.layer("pin", &format!("[backends.lan]\nsha256 = \"{}\"", digest(&site)));
    site.chmod("plugins", 0o777);
    site.chmod("plugins/libzonemux_memory.so", 0o666);
    is_loaded(&site);
    // One byte more is another file.
    let mut bytes = std::fs::read(site.path("plugins/libzonemux_memory.so")).unwrap();
    bytes.push(0);
    std::fs::write(site.path("plugins/libzonemux_memory.so"), bytes).unwrap();
    assert!(refusal(&site).contains("the configuration pins"));
}

#[test]
fn what_is_mounted_without_execution_is_not_loaded() {
    if !rustix::process::geteuid().is_root() {
        // Nobody but root can mount anything.
        return;
    }
    let site = installed("");
    let check = |options: &str| {
        // In a namespace of its own, so that the mount ends with the command.
        let script = format!(
            "cp plugins/*.so . && mount -t tmpfs -o mode=755,{options} tmpfs plugins && cp *.so plugins \
             && exec \"$0\" --config config.toml check"
        );
        let mut command = std::process::Command::new("unshare");
        site.prepare(&mut command);
        command.args(["--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_zonemux")]);
        Process::spawn(command).wait()
    };
    let allowed = check("exec");
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    let forbidden = check("noexec");
    assert_eq!(forbidden.code, Some(78), "{forbidden:?}");
    assert!(forbidden.stderr.contains("mounted with `noexec`"), "{forbidden:?}");
}
