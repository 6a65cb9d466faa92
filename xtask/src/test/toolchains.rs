//! The compilers that rustup has.

use crate::process::{self, Program};

/// What to do where nightly is missing.
pub(super) const NIGHTLY_HINT: &str = "`rustup toolchain install nightly --profile minimal`";

/// The names of rustup's toolchains; none where there is no rustup.
pub(super) fn all() -> Vec<String> {
    if process::find("rustup").is_none() {
        return Vec::new();
    }
    let listed = Program::new("rustup").args(["toolchain", "list"]).output().unwrap_or_default();
    listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// A nightly one.
pub(super) fn nightly() -> Option<String> {
    all().into_iter().find(|name| name.starts_with("nightly"))
}

/// Cargo of a toolchain, other than the cargo that runs us.
pub(super) fn cargo(toolchain: &str) -> Program {
    Program::new("rustup").args(["run", toolchain, "cargo"])
}

/// The machine that a toolchain builds for.
pub(super) fn host(toolchain: &str) -> Option<String> {
    let printed = Program::new("rustup").args(["run", toolchain, "rustc", "--version", "--verbose"]).output();
    host_of(&printed.ok()?)
}

fn host_of(printed: &str) -> Option<String> {
    printed.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn the_host_is_a_line_of_its_own() {
        let printed = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\n";
        assert_eq!(host_of(printed).as_deref(), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(host_of("rustc 1.95.0"), None);
    }
}
