//! Programs that tests need and no distribution has: built once into `target/tools`, in the background.
//!
//! One after the other and beside the Rust build: together they would only take each other's processor.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::failure::{At, Failure, Outcome};
use crate::process::{Program, find};
use crate::repository::Repository;
use crate::terminal;

use super::{GO_HINT, steps};

/// The ExternalDNS whose whole controller is run against the daemon.
const EXTERNAL_DNS: &str = "v0.21.0";
/// The version that is installed; one of the same series or newer in `PATH` is used instead.
const CARGO_DENY: &str = "0.20.2";
const CARGO_DENY_OLDEST: (u32, u32) = (0, 18);

/// The background builds. A tool that was not started beforehand is built when it is asked for.
pub(crate) struct Tools {
    folder: PathBuf,
    background: Mutex<Option<JoinHandle<Built>>>,
    finished: Mutex<Built>,
}

#[derive(Clone, Debug, Default)]
struct Built {
    external_dns: Option<Outcome<PathBuf>>,
    cargo_deny: Option<Outcome<PathBuf>>,
}

impl Tools {
    pub(super) fn new(repository: &Repository) -> Outcome<Self> {
        let folder = repository.tools();
        std::fs::create_dir_all(&folder).at("create", &folder)?;
        Ok(Self { folder, background: Mutex::default(), finished: Mutex::default() })
    }

    /// Starts in the background what the named steps will ask for.
    pub(super) fn start<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let names: Vec<&str> = names.collect();
        let deny = names.contains(&steps::DENY);
        let external_dns = names.contains(&steps::CONFORMANCE);
        if !deny && !external_dns {
            return;
        }
        let folder = self.folder.clone();
        let thread = std::thread::spawn(move || Built {
            cargo_deny: deny.then(|| cargo_deny(&folder)),
            external_dns: external_dns.then(|| install_external_dns(&folder)),
        });
        *self.background.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    /// The ExternalDNS controller's program.
    pub(super) fn external_dns(&self) -> Outcome<PathBuf> {
        self.collect()?.external_dns.unwrap_or_else(|| install_external_dns(&self.folder))
    }

    /// A `cargo-deny` that is new enough.
    pub(super) fn cargo_deny(&self) -> Outcome<PathBuf> {
        self.collect()?.cargo_deny.unwrap_or_else(|| cargo_deny(&self.folder))
    }

    /// Waits for the background, once.
    fn collect(&self) -> Outcome<Built> {
        let thread = self.background.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread {
            if !thread.is_finished() {
                terminal::line(&format!("waiting for tools, see the logs in {}", self.folder.display()));
            }
            *finished =
                thread.join().map_err(|_| Failure::new("the thread that installs tools has panicked"))?;
        }
        Ok(finished.clone())
    }
}

fn install_external_dns(folder: &Path) -> Outcome<PathBuf> {
    let program = folder.join("external-dns");
    let wanted = format!("sigs.k8s.io/external-dns\t{EXTERNAL_DNS}\t");
    if program.is_file() {
        // Go writes the module and its version into every program it builds.
        let built = Program::new("go").args(["version", "-m"]).args([&program]).hint(GO_HINT).output()?;
        if built.contains(&wanted) {
            return Ok(program);
        }
    }
    Program::new("go")
        .args(["install", &format!("sigs.k8s.io/external-dns@{EXTERNAL_DNS}")])
        .env("GOBIN", folder)
        .hint(GO_HINT)
        .run_into(&folder.join("external-dns.log"))?;
    Ok(program)
}

fn cargo_deny(folder: &Path) -> Outcome<PathBuf> {
    let own = folder.join("bin/cargo-deny");
    let candidates = [Some(own.clone()), find("cargo-deny")];
    if let Some(good) = candidates.into_iter().flatten().find(|program| new_enough(program)) {
        return Ok(good);
    }
    Program::cargo()
        .args(["install", "cargo-deny", "--locked", "--version", CARGO_DENY, "--root"])
        .args([folder])
        .env("CARGO_TARGET_DIR", folder.join("build"))
        .run_into(&folder.join("cargo-deny.log"))?;
    Ok(own)
}

fn new_enough(program: &Path) -> bool {
    program.is_file()
        && Program::new(program)
            .args(["--version"])
            .output()
            .is_ok_and(|printed| version(&printed).is_some_and(|version| version >= CARGO_DENY_OLDEST))
}

/// Major and minor number of `cargo-deny 0.20.2`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let mut numbers = printed.split_whitespace().nth(1)?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::{CARGO_DENY_OLDEST, version};

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(version("cargo-deny 0.20.2\n"), Some((0, 20)));
        assert!(version("cargo-deny 0.9.1") < Some(CARGO_DENY_OLDEST));
        assert!(version("cargo-deny 1.0.0") > Some(CARGO_DENY_OLDEST));
        assert_eq!(version("error"), None);
    }
}
