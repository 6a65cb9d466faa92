//! `[webhook.tls]` and `webhook.socket_mode`: every fault with its key and a hint, found before
//! anything listens.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, date_time_ymd};
use tempfile::TempDir;
use zonemux::config::{ConfigErrors, Loaded, load_text};

const BACKEND: &str = "[backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\n";
const TLS: &str = "[webhook.tls]\ncert = \"tls.crt\"\nkey = \"tls.key\"\n";

/// A folder with a certificate and its key.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), |_| {});
    folder
}

fn certify(folder: &Path, change: impl Fn(&mut CertificateParams)) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["zonemux.example.org".to_owned()]).unwrap();
    change(&mut params);
    fs::write(folder.join("tls.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
}

fn load(folder: &TempDir, webhook: &str) -> Result<Loaded, ConfigErrors> {
    load_text(&folder.path().join("config.toml"), &format!("version = 1\n{webhook}{BACKEND}"))
}

/// The faults of a folder's configuration, without its name.
fn faults(folder: &TempDir, webhook: &str) -> String {
    let errors = load(folder, webhook).unwrap_err().to_string();
    assert!(!errors.contains("PRIVATE KEY----\n"), "{errors}");
    errors.replace(&*folder.path().to_string_lossy(), "[FOLDER]")
}

#[test]
fn certificates_are_equal_when_their_files_are() {
    let folder = folder();
    let certificates = || load(&folder, TLS).unwrap().config.webhook.tls.unwrap().certificates.unwrap();
    let first = certificates();
    assert_eq!(first, certificates());
    certify(folder.path(), |_| {});
    let second = certificates();
    assert_ne!(first, second);
    assert_eq!(format!("{first:?}"), "Certificates", "nothing of a key is shown");
}

#[test]
fn files_that_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(faults(&folder, &format!("{TLS}client_ca = \"clients.pem\"\n")));
}

#[test]
fn files_that_hold_something_else() {
    let folder = folder();
    for name in ["tls.crt", "tls.key", "clients.pem"] {
        fs::write(folder.path().join(name), b"\x30\x82\x01\x0a not PEM").unwrap();
    }
    insta::assert_snapshot!(faults(&folder, &format!("{TLS}client_ca = \"clients.pem\"\n")));
}

#[test]
fn certificate_and_key_in_each_others_place() {
    let folder = folder();
    let swapped = "[webhook.tls]\ncert = \"tls.key\"\nkey = \"tls.crt\"\n";
    insta::assert_snapshot!(faults(&folder, swapped));
}

#[test]
fn a_key_that_does_not_belong_to_its_certificate() {
    let folder = folder();
    let other = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    fs::write(folder.path().join("tls.key"), other.serialize_pem()).unwrap();
    insta::assert_snapshot!(faults(&folder, TLS));
}

#[test]
fn a_damaged_certificate_and_a_damaged_key_do_not_show_their_text() {
    let folder = folder();
    let key = fs::read_to_string(folder.path().join("tls.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    fs::write(folder.path().join("tls.key"), key.replacen(secret, &format!("%{secret}"), 1)).unwrap();
    let shown = faults(&folder, TLS);
    assert!(shown.contains("`webhook.tls.key`") && !shown.contains(&secret[..20]), "{shown}");
    certify(folder.path(), |_| {});
    fs::write(
        folder.path().join("tls.crt"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    insta::assert_snapshot!(faults(&folder, TLS));
}

#[test]
fn what_is_no_authority_is_refused() {
    let folder = folder();
    fs::write(
        folder.path().join("clients.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    insta::assert_snapshot!(faults(&folder, &format!("{TLS}client_ca = \"clients.pem\"\n")));
}

#[test]
fn a_key_is_missing_and_another_is_unknown() {
    let folder = folder();
    let text = "[webhook.tls]\ncert = \"tls.crt\"\nclient_cert = \"clients.pem\"\n";
    insta::assert_snapshot!(faults(&folder, text));
}

#[test]
fn dates_are_warnings() {
    let folder = tempfile::tempdir().unwrap();
    let warnings = || {
        let warnings = load(&folder, TLS).unwrap().warnings;
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    certify(folder.path(), |params| params.not_after = date_time_ymd(2020, 1, 1));
    let expired = warnings();
    certify(folder.path(), |params| params.not_before = date_time_ymd(3020, 1, 1));
    insta::assert_snapshot!(expired + "\n" + &warnings());
    certify(folder.path(), |_| {});
    assert_eq!(warnings(), "");
}

#[test]
fn a_socket_mode_is_octal_digits_in_quotes() {
    let folder = folder();
    let mode = |value: &str| load(&folder, &format!("[webhook]\nsocket_mode = {value}\n"));
    assert_eq!(mode("\"0600\"").unwrap().config.webhook.socket_mode.bits(), 0o600);
    assert_eq!(load(&folder, "").unwrap().config.webhook.socket_mode.bits(), 0o660);
    let mut shown = String::new();
    for value in ["\"rw-rw----\"", "\"0689\"", "0o660", "660", "true"] {
        shown.push_str(&faults(&folder, &format!("[webhook]\nsocket_mode = {value}\n")));
        shown.push('\n');
    }
    insta::assert_snapshot!(shown);
}
