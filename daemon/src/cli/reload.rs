//! `zonemux reload`: has a running daemon read its configuration anew.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Builder;

use super::{Exit, Output, write_findings};
use crate::config::{ConfigErrors, Finding, Loaded, Report};
use crate::control;
use crate::reload::Outcome;

/// Above all that a reload waits for: plugins that are loaded, backends that are opened, batches of
/// backends that must be closed before, and a reload that was under way already.
const LIMIT: Duration = Duration::from_secs(300);

/// Asks the daemon behind the control socket, waits, and prints the outcome: 0 where the configuration
/// serves, 78 where it is refused.
///
/// A configuration that can't even be read here is still the daemon's to refuse, so that its status and
/// metrics say so too, as long as it can be told where the daemon is.
pub fn reload(
    outcome: &Result<Loaded, ConfigErrors>,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let (socket, errors) = match outcome {
        Ok(loaded) => (Some(&*loaded.config.control.socket), None),
        Err(errors) => (errors.control.as_deref(), Some(errors)),
    };
    let asked = match socket {
        Some(socket) => ask(socket)?,
        None => Asked::Nobody,
    };
    match (asked, errors) {
        // A daemon that finds nothing wrong where we do has another configuration.
        (Asked::Answered(outcome), None) => print(&outcome, output, out, err),
        (Asked::Answered(outcome), Some(_)) if !outcome.successful => print(&outcome, output, out, err),
        (_, Some(errors)) => {
            write_findings(&errors.faults, &errors.warnings, err)?;
            Ok(Exit::Config)
        }
        (Asked::Failed(message), None) => {
            write!(err, "{message}")?;
            Ok(Exit::Failure)
        }
        (Asked::Nobody, None) => Ok(Exit::Failure),
    }
}

enum Asked {
    Answered(Outcome),
    Failed(String),
    /// It is not known where the daemon is.
    Nobody,
}

fn ask(socket: &Path) -> io::Result<Asked> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(match runtime.block_on(control::post(socket, "/reload", LIMIT)) {
        Ok(outcome) => Asked::Answered(outcome),
        Err(error) => {
            let hint = error.hint().map(|hint| format!("  hint: {hint}\n")).unwrap_or_default();
            Asked::Failed(format!("error: {error}\n{hint}"))
        }
    })
}

fn print(outcome: &Outcome, output: Output, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    match output {
        Output::Json => writeln!(out, "{}", serde_json::to_string_pretty(outcome)?)?,
        Output::Text => {
            let findings = |reports: &[Report]| reports.iter().map(Finding::from).collect::<Vec<_>>();
            write_findings(&findings(&outcome.faults), &findings(&outcome.warnings), err)?;
            if outcome.successful {
                writeln!(out, "reloaded: generation {} serves", outcome.generation)?;
            } else {
                writeln!(err, "nothing has changed: generation {} still serves", outcome.generation)?;
            }
        }
    }
    Ok(if outcome.successful { Exit::Ok } else { Exit::Config })
}
