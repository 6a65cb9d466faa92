//! Secrets: where they come from, when they are missed, and that nobody sees them.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zonemux::config::{ConfigErrors, Environment, Loaded, Purpose, Request, load};

/// A configuration whose settings are `settings`, in a file of its own that only its owner can read.
struct Fixture {
    folder: TempDir,
    environment: Environment,
}

impl Fixture {
    fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "version = 1\n[backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\n[backends.lan.settings]\n{settings}\n"
        );
        let fixture = Self { environment: Environment::empty(folder.path()), folder };
        fixture.write("config.toml", &text);
        fixture.chmod(0o600);
        fixture
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn chmod(&self, mode: u32) {
        fs::set_permissions(self.path("config.toml"), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn with(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.environment = self.environment.with(name, value.as_ref());
        self
    }

    fn load(&self, purpose: Purpose) -> Result<Loaded, ConfigErrors> {
        let file = Some(self.path("config.toml"));
        load(&Request { file, environment: self.environment.clone(), purpose })
    }

    fn settings(&self) -> String {
        let loaded = self.load(Purpose::Serve).unwrap_or_else(|errors| panic!("{errors}"));
        loaded.config.backends["lan"].settings.to_json().to_string()
    }

    fn shown(&self, text: &impl ToString) -> String {
        text.to_string().replace(&*self.folder.path().to_string_lossy(), "[FOLDER]")
    }

    fn faults(&self, purpose: Purpose) -> String {
        self.shown(&self.load(purpose).unwrap_err())
    }
}

#[test]
fn a_secret_comes_from_a_file_a_variable_or_a_credential() {
    let fixture = Fixture::new(
        "plain = \"in place\"\na = { file = \"secrets/a\" }\nb = { env = \"B\" }\nc = { credential = \"c\" }\n\
         list = [{ file = \"secrets/a\" }]\nzone.\"example.org\".tsig.secret = { env = \"B\" }",
    );
    fixture.write("secrets/a", "from a file\n");
    fixture.write("credentials/c", "from a credential\r\n");
    let fixture = fixture.with("B", "from a variable");
    let directory = fixture.path("credentials");
    let fixture = fixture.with("CREDENTIALS_DIRECTORY", directory);
    assert_eq!(
        fixture.settings(),
        r#"{"a":"from a file","b":"from a variable","c":"from a credential","list":["from a file"],"plain":"in place","zone":{"example.org":{"tsig":{"secret":"from a variable"}}}}"#
    );
    let loaded = fixture.load(Purpose::Serve).unwrap();
    let settings = &loaded.config.backends["lan"].settings;
    let paths: Vec<String> = settings.secret_paths().map(ToString::to_string).collect();
    assert_eq!(paths, ["a", "b", "c", "list[0]", "zone.\"example.org\".tsig.secret"]);
    assert!(settings.is_complete());
    let debug = format!("{loaded:?} {:?}", fixture.environment);
    for secret in ["from a", "in place"] {
        assert!(!debug.contains(secret), "{debug}");
    }
}

#[test]
fn the_table_of_settings_is_no_reference() {
    assert_eq!(Fixture::new("file = \"./var/records.json\"").settings(), r#"{"file":"./var/records.json"}"#);
    // Nor is a table with more keys, or with another kind of value.
    assert_eq!(
        Fixture::new("a = { file = \"x\", server = \"y\" }\nb = { file = 5 }").settings(),
        r#"{"a":{"file":"x","server":"y"},"b":{"file":5}}"#
    );
}

#[test]
fn a_later_layer_replaces_one_form_by_another() {
    let fixture = Fixture::new("tsig.secret = { file = \"missing\" }").with("KEY", "from a variable");
    fixture.write("conf.d/1.toml", "[backends.lan.settings.tsig]\nsecret = { env = \"KEY\" }\n");
    assert_eq!(fixture.settings(), r#"{"tsig":{"secret":"from a variable"}}"#);
    fixture.write("key", "from a file");
    let path = fixture.path("key");
    let fixture = fixture.with("ZONEMUX__BACKENDS__LAN__SETTINGS__TSIG__SECRET__FILE", path);
    assert_eq!(fixture.settings(), r#"{"tsig":{"secret":"from a file"}}"#);
}

#[test]
fn what_is_missing_or_empty_is_a_fault() {
    let fixture = Fixture::new(
        "a = { file = \"missing\" }\nb = { file = \"empty\" }\nc = { env = \"UNSET\" }\nd = { env = \"NEWLINE\" }\n\
         e = { credential = \"e\" }\nf = { credential = \"../e\" }\ng = { file = \"binary\" }\nh = { file = \".\" }\ni = inf",
    )
    .with("NEWLINE", "\n");
    fixture.write("empty", "\n");
    fs::write(fixture.path("binary"), b"\xff\xfe").unwrap();
    insta::assert_snapshot!(fixture.faults(Purpose::Serve));
}

#[test]
fn a_credential_that_the_unit_lacks_is_a_fault_even_in_a_check() {
    let fixture = Fixture::new("e = { credential = \"lan-tsig\" }");
    let directory = fixture.path("");
    let fixture = fixture.with("CREDENTIALS_DIRECTORY", directory);
    insta::assert_snapshot!(fixture.faults(Purpose::Check), @r"
    `backends.lan.settings.e`: the unit has no credential `lan-tsig`
      in [FOLDER]/config.toml
      hint: add `LoadCredential=lan-tsig:/path/to/file` to the unit
    ");
}

#[test]
fn outside_the_unit_a_check_only_warns_of_credentials() {
    let fixture = Fixture::new("e = { credential = \"lan-tsig\" }");
    let loaded = fixture.load(Purpose::Check).unwrap();
    assert!(!loaded.config.backends["lan"].settings.is_complete());
    assert_eq!(
        loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "`backends.lan.settings.e`: credential `lan-tsig` was not checked: it is there only inside the systemd unit"
        ]
    );
}

#[test]
fn asking_a_daemon_needs_no_secrets() {
    let fixture = Fixture::new("a = { file = \"missing\" }\nb = { credential = \"b\" }");
    let loaded = fixture.load(Purpose::Inspect).unwrap();
    assert_eq!(loaded.warnings, []);
    assert!(!loaded.config.backends["lan"].settings.is_complete());
}

#[test]
fn a_secret_in_a_readable_file_is_warned_of() {
    let fixture =
        Fixture::new("tsig = { secret = \"hunter2\", name = \"key\" }\napi_key = { env = \"HOME\" }")
            .with("HOME", "x");
    assert_eq!(fixture.load(Purpose::Serve).unwrap().warnings, []);
    fixture.chmod(0o640);
    let warnings = fixture.load(Purpose::Serve).unwrap().warnings;
    let shown: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["`backends.lan.settings.tsig.secret`: a secret stands in a file that others can read (mode 0640)"]
    );
    assert!(
        fixture.shown(warnings[0].hint.as_ref().unwrap()).starts_with("`chmod 600 [FOLDER]/config.toml`")
    );
}

#[test]
fn faults_show_no_settings_and_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let text = "version = 1\npassword = \"hunter2\"\n\
                [views.default]\nbackends = [\"lan\"]\nauth = { user = \"a:b\", password = [\"hunter2\", 1234567, \"hunter3\"] }\n\
                [views.other]\npath = \"/o\"\nbackends = [\"lan\"]\nauth = { user = \"u\", password = 1234567 }\n\
                [backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\nsettings = \"hunter2\"\n\
                [backends.lan2]\nplugin = \"memory\"\nzones = [\"b.example\"]\nsettings = [\"hunter2\"]\n";
    fs::write(&path, text).unwrap();
    let environment = Environment::empty(folder.path());
    let request = Request { file: Some(path), environment, purpose: Purpose::Serve };
    let errors = load(&request).unwrap_err();
    let shown = format!("{errors} {errors:?}");
    assert!(!shown.contains("hunter") && !shown.contains("1234567"), "{shown}");
    insta::assert_snapshot!(errors.to_string().replace(&*folder.path().to_string_lossy(), "[FOLDER]"));
}
