//! `cargo xtask bench`: the whole daemon under load, then the benchmarks of the crates, some of which assert bounds
//! beside other servers on this machine.

use crate::failure::{Failure, Outcome};
use crate::process::{Program, find};
use crate::repository::Repository;
use crate::run::PACKAGES;
use crate::terminal;
use crate::test::GO_HINT;

/// Programs that plugins are measured beside, with the Debian package that has each.
const SERVERS: [(&str, &str); 4] =
    [("named", "bind9"), ("named-checkzone", "bind9-utils"), ("dig", "bind9-dnsutils"), ("nsd", "nsd")];

/// `arguments` after `--` go to the Go program that drives the daemon.
pub(crate) fn run(repository: &Repository, arguments: &[String]) -> Outcome {
    let arguments = match arguments.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => arguments,
    };
    let release = repository.release();
    servers()?;

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
    Program::cargo().args(["bench", "--workspace", "--benches"]).directory(repository.root()).run()
}

/// Says what is missing before anything is measured.
fn servers() -> Outcome {
    let missing: Vec<_> = SERVERS.iter().filter(|(program, _)| find(program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = |of: fn(&&(&'static str, &'static str)) -> &'static str, between: &str| {
        missing.iter().map(of).collect::<Vec<_>>().join(between)
    };
    let message = format!("not found in PATH: {}", names(|(program, _)| program, ", "));
    Err(Failure::new(message).hint(format!("apt-get install {}", names(|(_, package)| package, " "))))
}
