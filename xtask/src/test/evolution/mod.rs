//! Plugins of other times: written for the first interface, or for one after the present; built by older and newer
//! compilers than the daemon. Each is served by the present daemon.

mod compilers;
mod next;

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{At, Failure, Outcome};
use crate::process::Program;
use crate::terminal;

use super::Session;
use compilers::Compiler;

/// The SDK that is never edited, and a plugin that was written for it.
const FROZEN: &str = "fixtures/sdk-1.0";
const PACKAGE: &str = "zonemux-evolution";
const FILE: &str = "libzonemux_evolution.so";

pub(super) fn run(session: &Session) -> Outcome {
    let repository = &session.repository;
    let folder = repository.target().join("evolution");
    let plugins = folder.join("plugins");
    empty(&plugins)?;
    let frozen = repository.root().join(FROZEN);
    let next = next::create(repository, &frozen, &folder.join("next"))?;
    let found = compilers::find(repository)?;
    for compiler in &found.compilers {
        // The present compiler's third-party crates are built already, for the template.
        let target =
            if compiler.present { repository.target().to_owned() } else { folder.join(&compiler.version) };
        for (sdk, source) in [("1.0", &frozen), ("next", &next)] {
            build(compiler, source, &target, sdk == "1.0")?;
            let copy = plugins.join(format!("{sdk}-rustc-{}.so", compiler.version));
            fs::copy(target.join("debug").join(FILE), &copy).at("copy to", &copy)?;
        }
    }
    // Everything is taken from the workspace, so that it is built as for the other tests.
    Program::cargo()
        .args(["test", "--workspace", "--test", "evolution", "--", "--ignored"])
        .env("ZONEMUX_EVOLUTION", &plugins)
        .directory(repository.root())
        .run()?;
    for compiler in &found.compilers {
        terminal::line(&format!(
            "rustc {}: plugins for interface 1.0 and for a later one work",
            compiler.version
        ));
    }
    for line in &found.left_out {
        terminal::line(line);
    }
    Ok(())
}

/// `locked`: what is frozen is built with the dependencies that it had.
fn build(compiler: &Compiler, source: &Path, target: &Path, locked: bool) -> Outcome {
    let lock = if locked { &["--locked"][..] } else { &[] };
    compiler
        .cargo()
        .args(["build", "--package", PACKAGE])
        .args(lock)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_INCREMENTAL", "0")
        .directory(source)
        .run()
}

fn empty(folder: &Path) -> Outcome<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder).at("empty", folder)?;
    }
    fs::create_dir_all(folder).at("create", folder)?;
    Ok(folder.to_owned())
}

/// Copies a folder and what is below it, but for what was built there.
fn copy(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to).at("create", to)?;
    for entry in fs::read_dir(from).at("read", from)? {
        let entry = entry.at("read", from)?;
        let (source, destination) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            if entry.file_name() != "target" {
                copy(&source, &destination)?;
            }
        } else {
            fs::copy(&source, &destination).at("copy to", &destination)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).at("read", path)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner)
}

fn lost(path: &Path, what: &str) -> Failure {
    Failure::new(format!("{} does not hold `{what}` exactly once", path.display()))
        .hint("the list of changes is in xtask/src/test/evolution/next.rs; let it follow the SDK")
}
