//! What the tests need from the system: installed through apt where we may, named exactly where not.

use crate::failure::{Failure, Outcome};
use crate::process::{Program, find, user_id};
use crate::run::trust;
use crate::terminal;

use super::Session;

/// Where Go comes from, for every step that needs it.
pub(crate) const GO_HINT: &str = "install Go 1.21 or newer from https://go.dev/dl/ and put its `bin` into PATH; it fetches the exact version itself";

/// A program that the tests start, with the Debian package that has it.
const SYSTEM: [(&str, &str); 17] = [
    ("curl", "curl"),
    ("dig", "bind9-dnsutils"),
    ("faketime", "faketime"),
    ("git", "git"),
    ("kdig", "knot-dnsutils"),
    ("knotd", "knot"),
    ("kzonecheck", "knot-dnssecutils"),
    ("minisign", "minisign"),
    ("mount", "mount"),
    ("named", "bind9"),
    ("named-checkzone", "bind9-utils"),
    ("named-compilezone", "bind9-utils"),
    ("nsd", "nsd"),
    ("nsupdate", "bind9-dnsutils"),
    ("pdns_server", "pdns-backend-sqlite3"),
    ("sqlite3", "sqlite3"),
    ("systemd-analyze", "systemd"),
];

pub(super) fn run(session: &Session) -> Outcome {
    let mut missing = Vec::new();
    missing.extend(system().err());
    missing.extend(rust_components().err());
    missing.extend(go().err());
    missing.extend(build_folder(session).err());
    match missing.len() {
        0 => Ok(()),
        1 => Err(missing.remove(0)),
        _ => {
            for failure in &missing {
                terminal::error(failure);
            }
            Err(Failure::new(format!("{} things are missing, see above", missing.len())))
        }
    }
}

fn absent() -> Vec<(&'static str, &'static str)> {
    SYSTEM.into_iter().filter(|(program, _)| find(program).is_none()).collect()
}

fn system() -> Outcome {
    let packages: Vec<&str> = absent().into_iter().map(|(_, package)| package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install {}", packages.join(" "));
    if user_id() != Some(0) || find("apt-get").is_none() {
        let programs: Vec<&str> = absent().into_iter().map(|(program, _)| program).collect();
        return Err(Failure::new(format!("not found in PATH: {}", programs.join(", ")))
            .hint(format!("on Debian and Ubuntu `sudo {by_hand}` installs them")));
    }
    let apt = || Program::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    apt().args(["update", "--quiet"]).run()?;
    apt().args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(&packages).run()?;
    match absent().first() {
        None => Ok(()),
        Some((program, package)) => {
            Err(Failure::new(format!("`{program}` is missing although `{package}` is installed")))
        }
    }
}

fn rust_components() -> Outcome {
    for (component, command) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        Program::cargo().args([command, "--version"]).output().map_err(|_| {
            Failure::new(format!("the Rust component `{component}` is missing"))
                .hint(format!("`rustup component add {component}`"))
        })?;
    }
    Ok(())
}

fn go() -> Outcome {
    let version = Program::new("go").args(["version"]).hint(GO_HINT).output()?;
    terminal::line(version.trim());
    Ok(())
}

/// The daemon refuses plugins that others could change, and with them most tests would fail obscurely.
fn build_folder(session: &Session) -> Outcome {
    match user_id() {
        Some(user) => trust::trusted(session.repository.target(), user),
        None => Ok(()),
    }
}
