//! A plugin as its author makes one: from the template, outside the repository, with `cargo build`; then
//! inspected, loaded and driven by the daemon.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{At, Failure, Outcome};
use crate::new_plugin;
use crate::process::Program;
use crate::terminal;

use super::{Session, mistakes};

/// With a hyphen, which file names and Rust do not keep.
const NAME: &str = "sample-dns";
const MEDIA_TYPE: &str = "application/external.dns.webhook+json;version=1";
const PATIENCE: Duration = Duration::from_secs(20);
const RECORD: &str =
    r#"{"dnsName":"www.example.test","targets":["192.0.2.10"],"recordType":"A","recordTTL":300}"#;

pub(super) fn run(session: &Session) -> Outcome {
    let folder = Scratch::new()?;
    let repository = &session.repository;
    let plugin = new_plugin::create(repository, NAME, &folder.0)?;
    // The dependencies' tested versions, and so what is compiled already serves here too.
    let lock = plugin.join("Cargo.lock");
    fs::copy(repository.root().join("Cargo.lock"), &lock).at("copy to", &lock)?;
    Program::cargo().args(["build"]).env("CARGO_TARGET_DIR", repository.target()).directory(&plugin).run()?;

    let file = repository.debug().join(format!("lib{}.so", new_plugin::crate_name(NAME)));
    let binary = repository.debug().join("zonemux");
    let inspected = Program::new(&binary).args(["plugin", "inspect"]).args([&file]).output()?;
    terminal::line(inspected.trim_end());
    if !inspected.contains(NAME) && !inspected.contains(&new_plugin::crate_name(NAME)) {
        return Err(Failure::new(format!("`zonemux plugin inspect` does not name the plugin `{NAME}`")));
    }

    let config = folder.0.join("zonemux.toml");
    fs::write(&config, configuration(&file)).at("write", &config)?;
    let log = folder.0.join("daemon.log");
    let mut daemon = Daemon::start(&binary, &config, &log)?;
    let outcome = round_trip(&folder.0.join("webhook.sock"), &mut daemon);
    daemon.stop();
    if outcome.is_err() {
        terminal::line(&fs::read_to_string(&log).unwrap_or_default());
    }
    outcome?;
    mistakes::run(&plugin, repository.target())
}

/// Sockets in the file system: no port that something else might take.
fn configuration(plugin: &Path) -> String {
    format!(
        r#"version = 1
[webhook]
listen = ["unix:./webhook.sock"]
[admin]
listen = ["127.0.0.1:0"]
[control]
listen = "unix:./control.sock"
[state]
directory = "./state"
[backends.sample]
plugin = {:?}
zones = ["example.test"]
"#,
        plugin.display().to_string()
    )
}

/// What ExternalDNS does in its first loop: list, create, list again.
fn round_trip(socket: &Path, daemon: &mut Daemon) -> Outcome {
    let end = Instant::now() + PATIENCE;
    loop {
        match request(socket, "GET", "/records", "") {
            Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => break,
            answer => {
                daemon.still_runs()?;
                if Instant::now() > end {
                    return Err(Failure::new(format!("no list of records within 20 s, but {answer:?}")));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
    let ask = |method, path, body: &str, status: &str| {
        let answer = request(socket, method, path, body)
            .map_err(|error| Failure::new(format!("{method} {path}: no answer: {error}")))?;
        if answer.starts_with(&format!("HTTP/1.1 {status} ")) {
            Ok(answer)
        } else {
            Err(Failure::new(format!("{method} {path}: expected status {status}, got\n{answer}")))
        }
    };
    ask("GET", "/", "", "200")?;
    ask("POST", "/records", &format!("{{\"create\":[{RECORD}]}}"), "204")?;
    let list = ask("GET", "/records", "", "200")?;
    if !list.contains("www.example.test") || !list.contains("192.0.2.10") {
        return Err(Failure::new(format!("the created record is not listed:\n{list}")));
    }
    terminal::line("the plugin was loaded, took a record and listed it");
    Ok(())
}

fn request(socket: &Path, method: &str, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {MEDIA_TYPE}\r\nContent-Type: {MEDIA_TYPE}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The daemon under test; killed when it is dropped.
struct Daemon(Child);

impl Daemon {
    fn start(binary: &Path, config: &Path, log: &Path) -> Outcome<Self> {
        let output = fs::File::create(log).at("create", log)?;
        let errors = output.try_clone().at("open", log)?;
        let child = Program::new(binary)
            .args([Path::new("--config"), config, Path::new("serve")])
            .into_command()
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(errors))
            .spawn()
            .at("start", binary)?;
        Ok(Self(child))
    }

    fn still_runs(&mut self) -> Outcome {
        match self.0.try_wait() {
            Ok(Some(status)) => Err(Failure::new(format!("the daemon has ended early with {status}"))),
            _ => Ok(()),
        }
    }

    fn stop(&mut self) {
        // Both fail only when it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A folder that goes when the step ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("zonemux-template-{}", std::process::id()));
        fs::create_dir(&folder).at("create", &folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
