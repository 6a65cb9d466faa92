//! Which layer wins, and what each value remembers of where it came from.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zonemux::config::{ConfigErrors, DescribedSettings, Environment, Loaded, Origin, Purpose, Request, load};

const MAIN: &str =
    "version = 1\n[backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\ntimeout = \"1s\"\n";

/// A folder with configuration files, read under a name as short as possible.
struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn environment(&self) -> Environment {
        Environment::empty(self.0.path())
    }

    fn load(&self, environment: Environment) -> Result<Loaded, ConfigErrors> {
        let file = Some(self.path("config.toml"));
        load(&Request { file, environment, purpose: Purpose::Serve })
    }

    /// The one fault with this folder's name taken out.
    fn fault(&self, environment: Environment) -> String {
        let errors = self.load(environment).unwrap_err();
        errors.to_string().replace(&*self.0.path().to_string_lossy(), "[FOLDER]")
    }
}

fn origins(loaded: &Loaded, key: &str) -> Vec<Origin> {
    let values =
        loaded.effective(|_| DescribedSettings::new(Vec::new(), r#"{ "additionalProperties": {} }"#));
    values
        .into_iter()
        .find(|value| value.key.to_string() == key)
        .map(|value| value.origins)
        .unwrap_or_default()
}

fn environment_of(variable: &str) -> Vec<Origin> {
    vec![Origin::Environment(variable.to_owned())]
}

#[test]
fn later_layers_win() {
    let folder = Folder::new(&[
        (
            "config.toml",
            &format!("{MAIN}list_timeout = \"1s\"\napply_timeout = \"1s\"\n[shutdown]\ngrace = \"1s\""),
        ),
        ("conf.d/20.toml", "[backends.lan]\ntimeout = \"3s\"\n"),
        ("conf.d/10.toml", "[backends.lan]\ntimeout = \"2s\"\nlist_timeout = \"2s\"\n"),
        ("conf.d/.hidden.toml", "nonsense"),
        ("conf.d/readme.txt", "nonsense"),
    ]);
    let environment =
        folder.environment().with("ZONEMUX__SHUTDOWN__GRACE", "4s").with("ZONEMUX__WEBHOOK__DEADLINE", "4s");
    let loaded = folder.load(environment).unwrap();
    let lan = &loaded.config.backends["lan"];
    assert_eq!(lan.timeout.to_string(), "3s");
    assert_eq!(origins(&loaded, "backends.lan.timeout"), [Origin::File(folder.path("conf.d/20.toml"))]);
    assert_eq!(lan.list_timeout.to_string(), "2s");
    assert_eq!(origins(&loaded, "backends.lan.list_timeout"), [Origin::File(folder.path("conf.d/10.toml"))]);
    assert_eq!(lan.apply_timeout.to_string(), "1s");
    assert_eq!(origins(&loaded, "backends.lan.apply_timeout"), [Origin::File(folder.path("config.toml"))]);
    assert_eq!(loaded.config.shutdown.grace.to_string(), "4s");
    assert_eq!(origins(&loaded, "shutdown.grace"), environment_of("ZONEMUX__SHUTDOWN__GRACE"));
    assert_eq!(loaded.config.webhook.deadline.to_string(), "4s");
    assert_eq!(origins(&loaded, "log.level"), [Origin::Default]);
    let names: Vec<_> = loaded.files.iter().map(|path| path.strip_prefix(folder.0.path()).unwrap()).collect();
    assert_eq!(names, [Path::new("config.toml"), Path::new("conf.d/10.toml"), Path::new("conf.d/20.toml")]);
}

#[test]
fn the_file_is_found_by_flag_then_variable() {
    let folder = Folder::new(&[("a/config.toml", MAIN), ("b/other.toml", &MAIN.replace("lan", "edge"))]);
    let load = |file: Option<&str>| {
        let environment = folder.environment().with("ZONEMUX_CONFIG", "b/other.toml");
        load(&Request { file: file.map(PathBuf::from), environment, purpose: Purpose::Serve }).unwrap().config
    };
    assert!(load(Some("a/config.toml")).backends.contains_key("lan"));
    assert!(load(None).backends.contains_key("edge"));
}

#[test]
fn a_relative_file_is_looked_for_in_the_current_directory() {
    let folder = Folder::new(&[("config.toml", MAIN)]);
    let file = Some(PathBuf::from("./config.toml"));
    let loaded = load(&Request { file, environment: folder.environment(), purpose: Purpose::Serve }).unwrap();
    assert_eq!(loaded.files, [folder.path("config.toml")]);
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let folder = Folder::new(&[]);
    insta::assert_snapshot!(folder.fault(folder.environment()), @"can't read `[FOLDER]/config.toml`: No such file or directory (os error 2)");
}

#[test]
fn every_unreadable_file_is_reported() {
    let folder = Folder::new(&[
        ("config.toml", "a = [\n"),
        ("conf.d/1.toml", "b = ]\n"),
        ("conf.d/2.toml", "version = 1"),
    ]);
    fs::write(folder.path("conf.d/3.toml"), b"\xff").unwrap();
    insta::assert_snapshot!(folder.fault(folder.environment()));
}

#[test]
fn the_environment_alone_can_be_enough() {
    let environment = Environment::empty("/nonexistent")
        .with("ZONEMUX_CONFIG", "/dev/null")
        .with("ZONEMUX__VERSION", "1")
        .with("ZONEMUX__BACKENDS__LAN-2__PLUGIN", "memory")
        .with("ZONEMUX__BACKENDS__LAN-2__ZONES", "[\"example.org\", 'b.example']")
        .with("ZONEMUX__BACKENDS__LAN-2__MIRROR_REQUIRED", "false")
        .with("ZONEMUX__BACKENDS__LAN-2__SETTINGS__FILE", "5")
        .with("ZONEMUX_LOG", "not ours");
    let loaded = load(&Request { file: None, environment, purpose: Purpose::Serve }).unwrap();
    let lan = &loaded.config.backends["lan-2"];
    assert_eq!(lan.zones.len(), 2);
    // Nothing is guessed: what reaches the plugin is the text.
    assert_eq!(*lan.settings.to_json(), r#"{"file":"5"}"#);
    assert_eq!(lan.settings.base_directory(), Path::new("/nonexistent"));
}

#[test]
fn variables_are_read_as_their_keys_want() {
    let folder = Folder::new(&[("config.toml", MAIN)]);
    let environment = folder
        .environment()
        .with("ZONEMUX__BACKENDS__LAN__ZONES", "example.org")
        .with("ZONEMUX__BACKENDS__LAN__TIMEOUT", "10")
        .with("ZONEMUX__BACKENDS__LAN__BREAKER__FAILURES", "many")
        .with("ZONEMUX__RELOAD__WATCH", "1")
        .with("ZONEMUX__LOG__LEVLE", "info")
        .with("ZONEMUX__PLUGINS__PATH", "[]\nx = 1")
        .with("ZONEMUX__", "x")
        .with("ZONEMUX__LOG____LEVEL", "x")
        .with("ZONEMUX__STATE", "x")
        .with("ZONEMUX_PLUGIN_PATH", std::ffi::OsString::from_vec(vec![0xff]))
        .with("ZONEMUX__STATE__DIRECTORY", "/x")
        .with("ZONEMUX__SHUTDOWN__GRACE", std::ffi::OsString::from_vec(vec![0xff]));
    insta::assert_snapshot!(folder.fault(environment));
}

#[test]
fn lists_are_replaced_and_tables_merged() {
    let folder = Folder::new(&[
        ("config.toml", &format!("{MAIN}[backends.lan.settings]\na = [1, 2]\nb = {{ x = 1, y = 2 }}\n")),
        (
            "conf.d/1.toml",
            "[backends.lan]\nzones = [\"b.example\"]\n[backends.lan.settings]\na = [3]\nb = { y = 3 }\n",
        ),
    ]);
    let loaded = folder.load(folder.environment()).unwrap();
    let lan = &loaded.config.backends["lan"];
    assert_eq!(lan.zones.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b.example"]);
    assert_eq!(*lan.settings.to_json(), r#"{"a":[3],"b":{"x":1,"y":3}}"#);
    assert_eq!(origins(&loaded, "backends.lan.settings.b.x"), [Origin::File(folder.path("config.toml"))]);
    assert_eq!(origins(&loaded, "backends.lan.settings.b.y"), [Origin::File(folder.path("conf.d/1.toml"))]);
}

#[test]
fn keys_with_dots_survive() {
    let zone = "[backends.lan.settings.zone.\"example.org\"]\n";
    let folder = Folder::new(&[
        ("config.toml", &format!("{MAIN}{zone}server = \"a\"\nport = 1\n")),
        ("conf.d/1.toml", &format!("{zone}server = \"b\"\n")),
    ]);
    let loaded = folder.load(folder.environment()).unwrap();
    let json = loaded.config.backends["lan"].settings.to_json();
    assert_eq!(*json, r#"{"zone":{"example.org":{"port":1,"server":"b"}}}"#);
    let key = "backends.lan.settings.zone.\"example.org\".server";
    assert_eq!(origins(&loaded, key), [Origin::File(folder.path("conf.d/1.toml"))]);
}

#[test]
fn paths_are_relative_to_the_layer_that_holds_them() {
    let folder = Folder::new(&[
        (
            "config.toml",
            &format!("{MAIN}[state]\ndirectory = \"var\"\n[control]\nlisten = \"unix:var/c.sock\"\n"),
        ),
        ("conf.d/1.toml", "[backends.lan]\nplugin = \"./memory.so\"\n"),
    ]);
    let environment = Environment::empty("/somewhere/dir")
        .with("ZONEMUX_CONFIG", folder.path("config.toml"))
        .with("ZONEMUX__PLUGINS__PATH", "[\"plugins\"]");
    let config = load(&Request { file: None, environment, purpose: Purpose::Serve }).unwrap().config;
    assert_eq!(config.state.directory, folder.path("var"));
    assert_eq!(config.control.socket, folder.path("var/c.sock"));
    assert_eq!(
        config.backends["lan"].plugin.to_string(),
        folder.path("conf.d/memory.so").display().to_string()
    );
    assert_eq!(config.plugins.path, [Path::new("/somewhere/dir/plugins")]);
}

#[test]
fn the_service_manager_and_the_plugin_path_have_their_say() {
    let folder = Folder::new(&[("config.toml", &format!("{MAIN}[state]\ndirectory = \"/file\"\n"))]);
    let environment = folder
        .environment()
        .with("STATE_DIRECTORY", "/var/lib/zonemux:/var/lib/other")
        .with("ZONEMUX__STATE__DIRECTORY", "/variable")
        .with("ZONEMUX_PLUGIN_PATH", "/first:relative::");
    let loaded = folder.load(environment).unwrap();
    assert_eq!(loaded.config.state.directory, Path::new("/var/lib/zonemux"));
    assert_eq!(origins(&loaded, "state.directory"), environment_of("STATE_DIRECTORY"));
    let path = &loaded.config.plugins.path;
    assert_eq!(
        path[..],
        [PathBuf::from("/first"), folder.path("relative"), PathBuf::from("/usr/lib/zonemux/plugins")]
    );
    let mut expected = environment_of("ZONEMUX_PLUGIN_PATH");
    expected.push(Origin::Default);
    assert_eq!(origins(&loaded, "plugins.path"), expected);
}

#[test]
fn an_unchosen_listener_is_known_as_such() {
    let folder = Folder::new(&[("config.toml", MAIN)]);
    assert!(folder.load(folder.environment()).unwrap().config.webhook.listen.is_default);
    // The same addresses, but chosen.
    let environment =
        folder.environment().with("ZONEMUX__WEBHOOK__LISTEN", "[\"127.0.0.1:8888\", \"[::1]:8888\"]");
    assert!(!folder.load(environment).unwrap().config.webhook.listen.is_default);
}
