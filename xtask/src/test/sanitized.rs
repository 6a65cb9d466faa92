//! What only nightly builds: the boundary's tests under `AddressSanitizer` and `ThreadSanitizer`, and short runs of
//! the fuzz targets.
//!
//! `memory` and `fuzz` are built with the same instruments, so that they share what lies below. Where nightly is missing they say so
//! and pass: the checks are the same on every machine, and one that has nightly is enough.

use std::fs;

use crate::failure::{At, Failure, Outcome};
use crate::process::Program;
use crate::terminal;

use super::{Session, toolchains};

/// Those that `fuzz/Cargo.toml` names.
const TARGETS: [&str; 5] = ["frames", "names", "queries", "wire", "zones"];
/// Seconds for each.
const SECONDS: u32 = 10;

/// As cargo-fuzz builds: `AddressSanitizer`, and the counters by which `libFuzzer` sees what is new.
const FLAGS: &str = "--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Leaks are looked for by tests of their own; here it needs a right that containers often lack.
const OPTIONS: (&str, &str) = ("ASAN_OPTIONS", "detect_leaks=0");

/// The standard library is built along (`-Zbuild-std`): without its atomics and locks, whatever they order would
/// look like a race.
const THREADS: &str = "-Zsanitizer=thread";

/// A nightly toolchain and the machine that it builds for.
struct Nightly {
    toolchain: String,
    host: String,
}

impl Nightly {
    /// Nothing where there is none, which is said.
    fn find(what: &str) -> Option<Self> {
        let found = toolchains::nightly()
            .and_then(|toolchain| toolchains::host(&toolchain).map(|host| Self { toolchain, host }));
        if found.is_none() {
            terminal::line(&format!("left out: {what} needs nightly; {}", toolchains::NIGHTLY_HINT));
        }
        found
    }

    /// With `--target`, what runs while others are compiled has no instruments.
    fn cargo(&self, session: &Session, command: &str) -> Program {
        toolchains::cargo(&self.toolchain)
            .args([command, "--target", &self.host])
            .env("RUSTFLAGS", FLAGS)
            .env("CARGO_TARGET_DIR", session.repository.target().join("sanitized"))
            .env("CARGO_INCREMENTAL", "0")
            .env(OPTIONS.0, OPTIONS.1)
    }
}

/// What calls plugins through the very types that cross.
const BOUNDARY: [&str; 7] =
    ["--package", "zonemux-plugin", "--package", "zonemux-memory-backend", "--lib", "--test", "behaviour"];

/// The SDK's tests call plugins through the very types that cross, and free on one side what the other made.
pub(super) fn memory(session: &Session) -> Outcome {
    let Some(nightly) = Nightly::find("AddressSanitizer") else { return Ok(()) };
    nightly.cargo(session, "test").args(BOUNDARY).directory(session.repository.root()).run()
}

/// The same tests, of which many make calls from several threads at once. Nothing is suppressed.
pub(super) fn threads(session: &Session) -> Outcome {
    let Some(nightly) = Nightly::find("ThreadSanitizer") else { return Ok(()) };
    nightly
        .cargo(session, "test")
        .args(["-Zbuild-std"])
        .args(BOUNDARY)
        .env("RUSTFLAGS", THREADS)
        // Nothing of it can be shared with what the other instruments are in.
        .env("CARGO_TARGET_DIR", session.repository.target().join("threads"))
        .directory(session.repository.root())
        .run()
        .map_err(|failure| {
            failure.hint("the standard library's source is needed: `rustup component add rust-src --toolchain nightly`")
        })
}

/// Short runs; CONTRIBUTING.md describes long ones.
pub(super) fn fuzz(session: &Session) -> Outcome {
    let Some(nightly) = Nightly::find("fuzzing") else { return Ok(()) };
    let folder = session.repository.root().join("fuzz");
    // The versions that the daemon is built with; what only fuzzing needs is added to them.
    let lock = folder.join("Cargo.lock");
    fs::copy(session.repository.root().join("Cargo.lock"), &lock).at("copy to", &lock)?;
    nightly.cargo(session, "build").args(["--bins"]).directory(&folder).run()?;
    let built = session.repository.target().join("sanitized").join(&nightly.host).join("debug");
    let findings = session.repository.target().join("fuzz");
    for target in TARGETS {
        let corpus = findings.join("corpus").join(target);
        fs::create_dir_all(&corpus).at("create", &corpus)?;
        let log = findings.join(format!("{target}.log"));
        Program::new(built.join(target))
            .args([&corpus, &folder.join("seeds").join(target)])
            .args([format!("-max_total_time={SECONDS}")])
            .args([format!("-artifact_prefix={}/{target}-", findings.display())])
            // A frame has 8 MiB at most; what is interesting of it is at its start.
            .args(["-max_len=65536", "-timeout=5", "-rss_limit_mb=2048", "-print_final_stats=1"])
            .env(OPTIONS.0, OPTIONS.1)
            .run_into(&log)?;
        let stats = fs::read_to_string(&log).at("read", &log)?;
        let runs = stats.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        let runs = runs.ok_or_else(|| Failure::new(format!("{} tells no number of runs", log.display())))?;
        terminal::line(&format!("{target}: {} inputs, no fault", runs.trim()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::TARGETS;

    #[test]
    fn every_target_is_run() {
        let manifest = include_str!("../../../fuzz/Cargo.toml");
        for target in TARGETS {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
        }
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    }
}
