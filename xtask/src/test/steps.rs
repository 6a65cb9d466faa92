//! The steps, in the order in which they run: what fails soonest comes first.

use crate::failure::Outcome;
use crate::process::Program;
use crate::{packaging, tidy};

use super::{GO_HINT, Session, Step, evolution, prerequisites, sanitized, template};

pub(super) const PREREQUISITES: &str = "prerequisites";
pub(super) const DENY: &str = "deny";
pub(super) const CONFORMANCE: &str = "conformance";

pub(super) const ALL: &[Step] = &[
    Step { name: PREREQUISITES, title: "what the tests need is installed", run: prerequisites::run },
    Step {
        name: "tidy",
        title: "conventions of this repository",
        run: |session| tidy::run(&session.repository),
    },
    Step { name: "format", title: "cargo fmt", run: format },
    Step { name: "clippy", title: "clippy, warnings are errors", run: clippy },
    Step { name: "build", title: "daemon and plugins for the tests", run: build },
    Step { name: "rust", title: "Rust tests and doc tests", run: rust },
    Step { name: "documentation", title: "rustdoc, warnings are errors", run: documentation },
    Step {
        name: "template",
        title: "a plugin made outside the repository loads and serves",
        run: template::run,
    },
    Step {
        name: "evolution",
        title: "plugins of older and newer SDKs and compilers are served",
        run: evolution::run,
    },
    Step {
        name: "packaging",
        title: "units, image and manifests",
        run: |session| packaging::run(&session.repository),
    },
    Step { name: DENY, title: "licences, bans and sources of dependencies", run: deny },
    Step { name: CONFORMANCE, title: "ExternalDNS's own client against the daemon", run: conformance },
];

/// Steps that take nightly and many minutes to build, and so run only where they are named.
pub(super) const NAMED: &[Step] = &[
    Step {
        name: "memory",
        title: "AddressSanitizer over the SDK's side of the boundary",
        run: sanitized::memory,
    },
    Step {
        name: "threads",
        title: "ThreadSanitizer over the SDK's side of the boundary",
        run: sanitized::threads,
    },
    Step {
        name: "fuzz",
        title: "what arrives from elsewhere, made up for half a minute",
        run: sanitized::fuzz,
    },
];

fn cargo(session: &Session, arguments: &[&str]) -> Program {
    Program::cargo().args(arguments).directory(session.repository.root())
}

fn format(session: &Session) -> Outcome {
    cargo(session, &["fmt", "--all", "--check"]).run().map_err(|failure| failure.hint("`cargo fmt` mends it"))
}

fn clippy(session: &Session) -> Outcome {
    // What only the fuzz targets use is compiled here too: they run by name, and would break unseen.
    let targets = ["--all-targets", "--features", "zonemux/fuzzing"];
    cargo(session, &["clippy", "--workspace"]).args(targets).args(["--", "-D", "warnings"]).run()
}

fn build(session: &Session) -> Outcome {
    cargo(session, &["build", "--workspace"]).run()
}

fn rust(session: &Session) -> Outcome {
    cargo(session, &["test", "--workspace", "--no-fail-fast"]).run()
}

fn documentation(session: &Session) -> Outcome {
    cargo(session, &["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").run()
}

/// The advisory database is not asked here: it changes by the day, so its check is a job of the public
/// workflow and cannot break an unchanged checkout.
fn deny(session: &Session) -> Outcome {
    let program = session.tools.cargo_deny()?;
    Program::new(program)
        .args(["check", "bans", "licenses", "sources"])
        .directory(session.repository.root())
        .run()
}

fn conformance(session: &Session) -> Outcome {
    let external_dns = session.tools.external_dns()?;
    let debug = session.repository.debug();
    let folder = session.repository.root().join("conformance");
    Program::new("go").args(["vet", "./..."]).directory(&folder).hint(GO_HINT).run()?;
    // Never from the cache: it does not see that the daemon has changed.
    Program::new("go")
        .args(["test", "-count=1", "-timeout=20m", "./..."])
        .env("ZONEMUX_BIN", debug.join("zonemux"))
        .env("ZONEMUX_PLUGIN_PATH", &debug)
        .env("ZONEMUX_EXTERNAL_DNS", external_dns)
        .directory(&folder)
        .run()
}
