//! The packaging checks: units, image and manifests, as far as a machine without a cluster can.

mod image;
mod kubernetes;
mod systemd;

use crate::failure::{Failure, Outcome};
use crate::repository::Repository;
use crate::terminal;

type Check = fn(&Repository) -> Outcome;

/// Runs all three, and reports every one that fails.
pub(crate) fn run(repository: &Repository) -> Outcome {
    let checks: [(&str, Check); 3] =
        [("systemd", systemd::check), ("image", image::check), ("kubernetes", kubernetes::check)];
    let mut failed = Vec::new();
    for (name, check) in checks {
        match check(repository) {
            Ok(()) => terminal::line(&format!("packaging/{name}: {}", terminal::good("ok"))),
            Err(failure) => {
                terminal::error(&failure);
                failed.push(name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("packaging: {}", failed.join(", ")))) }
}
