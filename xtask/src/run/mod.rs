//! `cargo xtask run`: the daemon with its example configuration, on an account without privileges.
//!
//! After the build this process *becomes* the daemon (`exec`), so that Ctrl-C, SIGTERM and the exit code are
//! the daemon's own. A small process beside it waits for `/readyz` and prints what to try.

mod account;
pub(crate) mod example;
pub(crate) mod guide;
mod layout;
pub(crate) mod trust;

use std::os::unix::process::CommandExt;

use crate::failure::{Failure, Outcome};
use crate::process::{Program, user_id};
use crate::repository::Repository;
use crate::terminal;
use account::Account;
use layout::Layout;

/// What is built and served: the daemon and the plugins that users get.
pub(crate) const PACKAGES: [&str; 5] =
    ["zonemux", "zonemux-authority", "zonemux-memory", "zonemux-rfc2136", "zonemux-zonefile"];
/// The `.so` files of those packages, the example's first.
pub(crate) const PLUGINS: [&str; 4] =
    ["libzonemux_authority.so", "libzonemux_memory.so", "libzonemux_rfc2136.so", "libzonemux_zonefile.so"];

pub(crate) fn run(repository: &Repository) -> Outcome {
    terminal::heading("build daemon and plugins");
    let packages = PACKAGES.iter().flat_map(|package| ["--package", package]);
    Program::cargo().args(["build", "--release"]).args(packages).directory(repository.root()).run()?;

    terminal::heading("serve config.example.toml");
    let account = match user_id() {
        Some(0) => Some(Account::unprivileged()?),
        _ => None,
    };
    let layout = Layout::prepare(repository, account.as_ref())?;
    for note in layout.notes() {
        terminal::line(note);
    }
    guide::start_beside(&layout)?;

    let mut daemon = layout.daemon().into_command();
    daemon.env_remove("CARGO").env_remove("NOTIFY_SOCKET");
    if let Some(account) = &account {
        // The standard library also drops root's supplementary groups here.
        daemon.uid(account.user).gid(account.group).env("HOME", "/");
    }
    // `exec` only returns when it failed.
    let error = daemon.exec();
    Err(Failure::new(format!("cannot start {}: {error}", layout.binary().display())))
}
