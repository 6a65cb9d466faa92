//! `zonemux ownership`, with a daemon behind the control socket and without.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::UnixListener;
use zonemux::cli::{Exit, Output, ownership};
use zonemux::config::{Environment, Loaded, Purpose, Request, load};
use zonemux::control;
use zonemux::safety::ownership::{Ownership, OwnershipTables};
use zonemux::store::{Files, Lock, Store};

const CONFIG: &str = r#"
version = 1
[control]
listen = "unix:control.sock"
[state]
directory = "state"
[backends.lan]
plugin = "memory"
zones = ["example.org"]
[backends.edge]
plugin = "memory"
zones = ["example.net"]
"#;

/// A configuration with a state directory.
struct Site {
    folder: TempDir,
    loaded: Loaded,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        fs::write(&file, CONFIG).unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        let environment = Environment::empty(folder.path());
        let loaded = load(&Request { file: Some(file), environment, purpose: Purpose::Inspect }).unwrap();
        Self { folder, loaded }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn export(&self, backend: Option<&str>) -> (Exit, String, String) {
        run(|out, err| ownership::export(&self.loaded, backend, out, err))
    }

    fn import(&self, document: &str, force: bool, output: Output) -> (Exit, String, String) {
        let file = self.path("document.json");
        fs::write(&file, document).unwrap();
        run(|out, err| ownership::import(&self.loaded, &file, force, output, out, err))
    }

    /// Every way in which the commands are used, the same with a daemon and without.
    fn try_all(&self) {
        let (exit, empty, _) = self.export(None);
        assert_eq!(exit, Exit::Ok);
        assert_eq!(
            empty,
            "{\n  \"format\": \"zonemux ownership\",\n  \"version\": 1,\n  \"backends\": {}\n}\n"
        );

        let added = "backend lan: 1 added, 0 replaced, 0 unchanged\n".to_owned();
        let mine = document("lan", "mine");
        assert_eq!(self.import(&mine, false, Output::Text), (Exit::Ok, added, String::new()));
        let (_, exported, _) = self.export(Some("lan"));
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&exported), value(&mine));
        assert_eq!(value(&self.export(Some("edge")).1)["backends"]["edge"], serde_json::json!([]));

        let theirs = document("lan", "theirs");
        let conflict = "error: a-www.example.org TXT of backend lan belongs to mine here, and to theirs in the \
                        document\n  hint: nothing was stored; `--force` takes the owners of the document\n";
        assert_eq!(
            self.import(&theirs, false, Output::Text),
            (Exit::Failure, String::new(), conflict.to_owned())
        );
        assert_eq!(self.export(None).1, exported);
        let (exit, answer, _) = self.import(&theirs, true, Output::Json);
        assert_eq!(exit, Exit::Ok);
        assert_eq!(value(&answer)["backends"]["lan"]["replaced"], 1);

        let (exit, _, faults) = self.import(&document("gone", "mine"), false, Output::Text);
        assert_eq!(exit, Exit::Failure);
        assert!(
            faults.starts_with("error: `backends.gone`: there is no backend of this name here\n"),
            "{faults}"
        );
        let (exit, _, error) = self.export(Some("gone"));
        assert_eq!(exit, Exit::Failure);
        assert!(error.starts_with("error: there is no backend `gone`\n"), "{error}");
    }
}

fn run(command: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>) -> std::io::Result<Exit>) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = command(&mut out, &mut err).unwrap();
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn document(backend: &str, owner: &str) -> String {
    let heritage = format!("heritage=external-dns,external-dns/owner={owner}");
    let txt =
        serde_json::json!({ "dnsName": "a-www.example.org", "targets": [heritage], "recordType": "TXT" });
    let record = serde_json::json!({ "dnsName": "www.example.org", "recordType": "A" });
    let entries = serde_json::json!([{ "txt": txt, "record": record }]);
    serde_json::json!({ "format": "zonemux ownership", "version": 1, "backends": { backend: entries } })
        .to_string()
}

struct Tables(BTreeMap<String, Mutex<Ownership>>);

impl OwnershipTables for Tables {
    fn backends(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn with(&self, backend: &str, run: &mut dyn FnMut(&mut Ownership)) {
        if let Some(table) = self.0.get(backend) {
            run(&mut table.lock().unwrap());
        }
    }
}

#[test]
fn without_a_daemon_the_files_are_used() {
    Site::new().try_all();
}

#[test]
fn a_running_daemon_is_asked() {
    let site = Site::new();
    let listener = std::os::unix::net::UnixListener::bind(site.path("control.sock")).unwrap();
    listener.set_nonblocking(true).unwrap();
    let store: Arc<dyn Store> = Arc::new(Files::new(site.path("state")));
    let tables = ["lan", "edge"]
        .map(|name| (name.to_owned(), Mutex::new(Ownership::open(&store, name).unwrap())))
        .into();
    let tables = Arc::new(Tables(tables));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(async move {
        let listener = UnixListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let tables = Arc::clone(&tables);
            let service = service_fn(move |request| {
                let answer = control::ownership::answer(tables.clone(), request);
                async { Ok::<_, std::convert::Infallible>(answer.await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    // Whoever went around the daemon would find the lock taken.
    let _lock = Lock::acquire(&site.path("state")).unwrap();
    site.try_all();
}

#[test]
fn a_state_directory_in_use_is_left_alone() {
    let site = Site::new();
    let _lock = Lock::acquire(&site.path("state")).unwrap();
    let (exit, _, error) = site.import(&document("lan", "mine"), false, Output::Text);
    assert_eq!(exit, Exit::Failure);
    assert!(error.contains("is in use") && error.contains("hint: "), "{error}");
}

#[test]
fn a_document_that_is_not_there_is_named() {
    let site = Site::new();
    let missing = site.path("missing.json");
    let (exit, _, error) =
        run(|out, err| ownership::import(&site.loaded, &missing, false, Output::Text, out, err));
    assert_eq!(exit, Exit::Failure);
    assert!(error.starts_with("error: can't read ") && error.contains("missing.json"), "{error}");
}
