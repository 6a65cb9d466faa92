//! `config.example.toml` as a tested artefact: it is valid as shipped and with every comment taken off,
//! it names every key of this version, and the defaults it shows are the built-in ones.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::collections::BTreeMap;
use std::path::Path;

use zonemux::config::{DescribedSettings, Listen, Loaded, Origin, load_text};

const EXAMPLE: &str = include_str!("../../config.example.toml");
const DEFAULT: &str = "#default: ";
const ILLUSTRATION: &str = "#example: ";

fn loaded(text: &str) -> Loaded {
    load_text(Path::new("/srv/zonemux/config.toml"), text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Loads a text whose illustrations name files, which are there.
fn loaded_with_files(text: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["zonemux.example.org".to_owned()]).unwrap();
    for (name, content) in [
        ("tls.crt", cert.pem()),
        ("clients.pem", cert.pem()),
        ("tls.key", signing_key.serialize_pem()),
        ("internal-password", "hunter2\n".to_owned()),
        ("minisign.pub", "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n".to_owned()),
    ] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    load_text(&folder.path().join("config.toml"), text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A comment that is a key: `#key = value`, without a space after the sign.
fn is_commented_key(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()))
        && !line.starts_with(DEFAULT)
        && !line.starts_with(ILLUSTRATION)
}

/// Takes the comment sign off every key, and off every illustration if `with_illustrations`.
fn uncommented(with_illustrations: bool) -> String {
    let line = |line: &str| match line.strip_prefix(ILLUSTRATION) {
        Some(rest) if with_illustrations => rest.to_owned(),
        _ if is_commented_key(line) => line[1..].to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(|text| line(text) + "\n").collect()
}

/// What is in force, by key.
fn effective(loaded: &Loaded) -> BTreeMap<String, (serde_json::Value, Vec<Origin>)> {
    let described = |_: &_| DescribedSettings::new(Vec::new(), r#"{ "additionalProperties": {} }"#);
    let values = loaded.effective(described);
    values.into_iter().map(|value| (value.key.to_string(), (value.value, value.origins))).collect()
}

#[test]
fn it_is_valid_as_shipped() {
    let loaded = loaded(EXAMPLE);
    assert_eq!(loaded.warnings, []);
    let config = loaded.config;
    let backend = &config.backends["lab"];
    assert_eq!(
        backend.zones.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["example.test", "2.0.192.in-addr.arpa"]
    );
    assert_eq!(
        *backend.settings.to_json(),
        r#"{"listen":["127.0.0.1:5300"],"nameservers":[{"addresses":["127.0.0.1"],"name":"ns1.example.test"}]}"#
    );
    assert_eq!(backend.settings.base_directory(), Path::new("/srv/zonemux"));
    assert_eq!(config.webhook.listen.addresses, [Listen::Tcp("127.0.0.1:8888".parse().unwrap())]);
    assert!(config.admin.listen.is_default && !config.webhook.listen.is_default);
    assert_eq!(config.control.socket, Path::new("/srv/zonemux/var/control.sock"));
    assert_eq!(config.state.directory, Path::new("/srv/zonemux/var"));
    assert_eq!(config.plugins.path, [Path::new("/srv/zonemux/target/release")]);
    assert_eq!(config.views["default"].backends, ["lab".parse().unwrap()]);
}

#[test]
fn every_commented_key_is_valid() {
    for with_illustrations in [false, true] {
        let loaded = loaded_with_files(&uncommented(with_illustrations));
        assert_eq!(loaded.warnings, []);
        let tls = loaded.config.webhook.tls.as_ref();
        assert_eq!(tls.is_some_and(|tls| tls.client_ca.is_some()), with_illustrations);
        let has_view = loaded.config.views.contains_key("internal");
        assert_eq!(has_view, with_illustrations);
    }
}

#[test]
fn commented_keys_show_the_defaults() {
    let shipped = effective(&loaded(EXAMPLE));
    let full = effective(&loaded(&uncommented(false)));
    assert_eq!(shipped.keys().collect::<Vec<_>>(), full.keys().collect::<Vec<_>>());
    let mut compared = 0;
    for (key, (value, origins)) in &shipped {
        if origins == &[Origin::Default] {
            assert_eq!((key, value), (key, &full[key].0));
            compared += 1;
        }
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn named_defaults_are_the_built_in_ones() {
    let bare =
        effective(&loaded("version = 1\n[backends.lab]\nplugin = \"memory\"\nzones = [\"example.test\"]\n"));
    let mut section = String::new();
    let mut compared = 0;
    for line in EXAMPLE.lines() {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').to_owned();
        }
        if let Some((key, value)) = line.strip_prefix(DEFAULT).and_then(|line| line.split_once(" = ")) {
            let (built_in, origins) = &bare[&format!("{section}.{key}")];
            assert_eq!(origins, &[Origin::Default]);
            // These values are the same in TOML and in JSON.
            assert_eq!(
                &serde_json::from_str::<serde_json::Value>(value).unwrap(),
                built_in,
                "{section}.{key}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 4);
}

#[test]
fn it_names_every_key_of_this_version() {
    // Hidden from `config show` are the keys that this version lacks.
    let full = effective(&loaded_with_files(&uncommented(true)));
    for (key, (_, origins)) in &full {
        assert_ne!(origins, &[Origin::Default], "{key} is not in the example");
    }
}
