//! `plugins.trust = "signature"`, with signatures that `minisign` itself makes.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{CWD, Mode, mkfifoat};
use zonemux_test_support::{Finished, Process, Site};

use super::{is_loaded, refusal, site};

const PLUGIN: &str = "plugins/libzonemux_memory.so";
const SIGNATURE: &str = "plugins/libzonemux_memory.so.minisig";

/// A site that trusts the key `anna`, and whose plugin is signed by it.
fn signed() -> Site {
    let site = site("memory");
    site.install("memory");
    key(&site, "anna");
    sign(&site, "anna", &[]);
    trust(&site, "{ file = \"../anna.pub\" }");
    site
}

fn trust(site: &Site, keys: &str) {
    site.layer("trust", &format!("[plugins]\ntrust = \"signature\"\npublic_key = {keys}"));
}

fn minisign(site: &Site, arguments: &[&str]) -> Finished {
    let mut command = Command::new("minisign");
    site.prepare(&mut command);
    command.args(arguments);
    let finished = Process::spawn(command).wait();
    assert_eq!(finished.code, Some(0), "minisign {arguments:?}: {finished:?}");
    finished
}

/// Makes a key pair without a password.
fn key(site: &Site, name: &str) {
    minisign(site, &["-G", "-W", "-p", &format!("{name}.pub"), "-s", &format!("{name}.key")]);
}

fn sign(site: &Site, name: &str, further: &[&str]) {
    let secret = format!("{name}.key");
    let comment = "memory for anna's lab";
    minisign(site, &[&["-S", "-s", &secret, "-m", PLUGIN, "-t", comment], further].concat());
}

/// A refusal without the names of keys, which are random.
fn shown(site: &Site) -> String {
    let mut text = refusal(site);
    for name in ["anna", "berta"] {
        if let Ok(file) = std::fs::read_to_string(site.path(format!("{name}.pub"))) {
            let id = file.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
            assert!(id.len() > 9, "{file}");
            text = text.replace(&id, &format!("[{name}]"));
        }
    }
    text
}

fn change(site: &Site, file: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let bytes = std::fs::read(site.path(file)).unwrap();
    std::fs::write(site.path(file), change(bytes)).unwrap();
}

#[test]
fn what_is_signed_is_loaded_from_anywhere() {
    let site = signed();
    is_loaded(&site);
    site.chmod("plugins", 0o777);
    site.chmod(PLUGIN, 0o666);
    is_loaded(&site);
}

#[test]
fn one_changed_byte() {
    let site = signed();
    change(&site, PLUGIN, |mut bytes| {
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    });
    insta::assert_snapshot!(shown(&site));
}

#[test]
fn not_signed() {
    let site = signed();
    std::fs::remove_file(site.path(SIGNATURE)).unwrap();
    insta::assert_snapshot!(shown(&site));
}

#[test]
fn a_changed_comment() {
    let site = signed();
    change(&site, SIGNATURE, |bytes| {
        String::from_utf8(bytes).unwrap().replace("anna's lab", "everybody!").into()
    });
    insta::assert_snapshot!(shown(&site));
}

#[test]
fn by_another_key() {
    let site = signed();
    key(&site, "berta");
    sign(&site, "berta", &[]);
    insta::assert_snapshot!(shown(&site));
}

#[test]
fn under_the_name_of_the_right_key() {
    let site = signed();
    key(&site, "berta");
    let lines_of = || {
        let text = std::fs::read_to_string(site.path(SIGNATURE)).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let annas = STANDARD.decode(&lines_of()[1]).unwrap();
    sign(&site, "berta", &[]);
    let mut forged = lines_of();
    // Two bytes for the algorithm, eight for the key's name, and the signature.
    let bertas = STANDARD.decode(&forged[1]).unwrap();
    forged[1] = STANDARD.encode([&annas[..10], &bertas[10..]].concat());
    site.write(SIGNATURE, forged.join("\n"));
    assert!(refusal(&site).contains("does not fit it"));
}

#[test]
fn in_minisigns_old_form() {
    let site = signed();
    sign(&site, "anna", &["-l"]);
    insta::assert_snapshot!(shown(&site));
}

#[test]
fn damaged_signatures() {
    let site = signed();
    let whole = std::fs::read(site.path(SIGNATURE)).unwrap();
    for damaged in
        [&b""[..], b"no signature\n", &whole[..whole.len() / 2], b"\xff\xfe\n\n\n\n", &vec![b'x'; 99_999]]
    {
        site.write(SIGNATURE, damaged);
        assert!(refusal(&site).contains("memory.so.minisig` is damaged"), "{} bytes", damaged.len());
    }
    insta::assert_snapshot!(shown(&site));
}

#[test]
fn a_named_pipe_in_the_place_of_a_signature_does_not_hang_the_start() {
    let site = signed();
    std::fs::remove_file(site.path(SIGNATURE)).unwrap();
    mkfifoat(CWD, site.path(SIGNATURE), Mode::from_raw_mode(0o600)).unwrap();
    insta::assert_snapshot!(shown(&site));
}

#[test]
fn keys_are_exchanged_by_having_both_for_a_while() {
    let site = signed();
    key(&site, "berta");
    let both = ["anna.pub", "berta.pub"].map(|file| std::fs::read_to_string(site.path(file)).unwrap());
    site.write("anna.pub", both.concat());
    is_loaded(&site);
    sign(&site, "berta", &[]);
    is_loaded(&site);
    site.write("anna.pub", &both[1]);
    is_loaded(&site);
    sign(&site, "anna", &[]);
    assert!(refusal(&site).contains("signed by key "));
}

#[test]
fn a_pinned_digest_is_asked_for_as_well() {
    let site = signed();
    site.layer("pin", &format!("[backends.lan]\nsha256 = \"{}\"", "0".repeat(64)));
    assert!(refusal(&site).contains("the configuration pins"));
}

#[test]
fn a_key_that_is_none_is_a_fault_of_the_configuration() {
    let site = signed();
    for (keys, hint) in [
        ("\"hunter2\"", "minisign -G"),
        ("{ file = \"../anna.key\" }", "this is a secret key"),
        ("{ file = \"../nosuch.pub\" }", ""),
        ("7", ""),
    ] {
        trust(&site, keys);
        let checked = site.run(&["check"]);
        assert_eq!(checked.code, Some(78), "{keys}: {checked:?}");
        assert!(checked.stderr.starts_with("error: `plugins.public_key`: "), "{checked:?}");
        assert!(checked.stderr.contains(hint) && !checked.stderr.contains("hunter2"), "{checked:?}");
    }
}

#[test]
fn reloading_reads_key_and_signature_anew() {
    let site = signed();
    let daemon = site.start();
    key(&site, "berta");
    let keys = |from: &str| std::fs::copy(site.path(from), site.path("anna.pub")).unwrap();
    keys("berta.pub");
    let refused = site.run(&["reload"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(format!("{refused:?}").contains("signed by key"), "{refused:?}");
    sign(&site, "berta", &[]);
    let reloaded = site.run(&["reload"]);
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    drop(daemon);
}

#[test]
fn who_signed_is_told() {
    let site = signed();
    let list = site.run(&["plugin", "list"]);
    assert!(list.stdout.contains("by its signature of key "), "{list:?}");
    assert!(list.stdout.contains("(memory for anna's lab)"), "{list:?}");
    let file = site.path(PLUGIN);
    let inspected = site.run(&["plugin", "inspect", file.to_str().unwrap()]);
    assert!(inspected.stdout.contains("not verified here: memory for anna"), "{inspected:?}");
    let shown = site.run(&["config", "show"]);
    let key = std::fs::read_to_string(site.path("anna.pub")).unwrap();
    assert!(shown.stdout.contains(key.lines().nth(1).unwrap()), "{shown:?}");
    assert!(shown.stdout.contains("signature"), "{shown:?}");

    std::fs::remove_file(site.path(SIGNATURE)).unwrap();
    let list = site.run(&["plugin", "list"]);
    assert!(list.stdout.starts_with("refused: ") && list.stdout.contains("not signed"), "{list:?}");
}
