//! Which compilers there are: the present one, and those that rustup has.

use crate::failure::{Failure, Outcome};
use crate::process::Program;
use crate::repository::Repository;

use super::super::toolchains;
use super::{between, read};

/// A compiler that builds plugins.
pub(super) struct Compiler {
    /// As it says itself, such as `1.95.0` or `1.97.0-nightly`.
    pub(super) version: String,
    /// Whether it is the one that builds the daemon.
    pub(super) present: bool,
    /// Its name for rustup.
    toolchain: Option<String>,
}

/// What there is, and a line for each that should be and is not.
pub(super) struct Found {
    pub(super) compilers: Vec<Compiler>,
    pub(super) left_out: Vec<String>,
}

impl Compiler {
    pub(super) fn cargo(&self) -> Program {
        match &self.toolchain {
            None => Program::cargo(),
            // Nobody debugs these.
            Some(toolchain) => toolchains::cargo(toolchain).env("CARGO_PROFILE_DEV_DEBUG", "0"),
        }
    }
}

pub(super) fn find(repository: &Repository) -> Outcome<Found> {
    let present = Program::new("rustc").args(["--version"]).output()?;
    let present = version(&present).ok_or_else(|| Failure::new("`rustc --version` names no version"))?;
    let mut compilers = vec![Compiler { version: present, present: true, toolchain: None }];
    for toolchain in toolchains::all() {
        let printed = Program::new("rustup").args(["run", &toolchain, "rustc", "--version"]).output();
        let Some(version) = printed.ok().as_deref().and_then(version) else { continue };
        if compilers.iter().all(|compiler| compiler.version != version) {
            compilers.push(Compiler { version, present: false, toolchain: Some(toolchain) });
        }
    }
    let left_out = left_out(&compilers, &minimum(repository)?);
    Ok(Found { compilers, left_out })
}

/// The oldest compiler that is supported, from the root `Cargo.toml`.
fn minimum(repository: &Repository) -> Outcome<String> {
    let path = repository.root().join("Cargo.toml");
    between(&read(&path)?, "\nrust-version = \"", "\"")
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("{} names no `rust-version`", path.display())))
}

fn left_out(compilers: &[Compiler], minimum: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let oldest = format!("{minimum}.");
    if !compilers.iter().any(|compiler| compiler.version.starts_with(&oldest)) {
        lines.push(format!(
            "left out: rustc {minimum}, the oldest supported; `rustup toolchain install {minimum} --profile minimal`"
        ));
    }
    if !compilers.iter().any(|compiler| compiler.version.contains("nightly")) {
        lines.push(format!("left out: a nightly rustc; {}", toolchains::NIGHTLY_HINT));
    }
    lines
}

/// Of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn version(printed: &str) -> Option<String> {
    printed.strip_prefix("rustc ")?.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Compiler, left_out, version};

    fn compiler(version: &str) -> Compiler {
        Compiler { version: version.to_owned(), present: false, toolchain: None }
    }

    #[test]
    fn a_compiler_is_known_by_its_version() {
        assert_eq!(version("rustc 1.95.0 (59807616e 2026-04-14)\n").as_deref(), Some("1.95.0"));
        assert_eq!(version("error: no such toolchain"), None);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let all = [compiler("1.90.0"), compiler("1.95.0"), compiler("1.97.0-nightly")];
        assert_eq!(left_out(&all, "1.90"), Vec::<String>::new());
        let missing = left_out(&[compiler("1.9.0"), compiler("1.95.0")], "1.90");
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(missing[0].contains("rustc 1.90, the oldest supported"), "{missing:?}");
    }
}
