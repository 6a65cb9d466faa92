//! `cargo xtask bench`: the whole daemon under load, then the benchmarks of the crates, some of which assert bounds
//! beside other servers on this machine.

use crate::failure::Outcome;
use crate::process::Program;
use crate::repository::Repository;
use crate::run::PACKAGES;
use crate::terminal;
use crate::test::GO_HINT;

/// `arguments` after `--` go to the Go program that drives the daemon.
pub(crate) fn run(repository: &Repository, arguments: &[String]) -> Outcome {
    let arguments = match arguments.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => arguments,
    };
    let release = repository.release();

    terminal::heading("release build");
    let packages = PACKAGES.iter().flat_map(|package| ["--package", package]);
    Program::cargo().args(["build", "--release"]).args(packages).directory(repository.root()).run()?;

    terminal::heading("the daemon under load");
    Program::new("go")
        .args(["run", "./cmd/bench"])
        .args(arguments)
        .env("ZONEMUX_BIN", release.join("zonemux"))
        .env("ZONEMUX_PLUGIN_PATH", &release)
        .directory(&repository.root().join("conformance"))
        .hint(GO_HINT)
        .run()?;

    terminal::heading("benchmarks of the crates");
    Program::cargo()
        .args(["bench", "--workspace", "--benches"])
        .directory(repository.root())
        .hint("where `named` or `nsd` is not found: plugins are measured beside them, so `apt-get install bind9 bind9-utils bind9-dnsutils nsd`")
        .run()
}
