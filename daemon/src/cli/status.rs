//! `zonemux status`: how a running daemon is.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Builder;

use super::{Exit, Output, safety_text, write_findings};
use crate::backend::{BackendState, ProcessStatus};
use crate::config::{ConfigErrors, Finding, Loaded};
use crate::control::{self, SafeStatus, Status};
use crate::reload::Outcome;
use crate::safety::SnapshotStatus;

/// Lines of what a process printed last.
const LINES: usize = 5;

/// A daemon that is well answers in a millisecond.
const LIMIT: Duration = Duration::from_secs(10);

/// Asks the daemon behind the control socket and prints what it says; 0 when all of it is up. A daemon
/// serves on when its configuration has been broken meanwhile: it is asked as long as its socket is known.
pub fn status(
    outcome: &Result<Loaded, ConfigErrors>,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let socket = match outcome {
        Ok(loaded) => &loaded.config.control.socket,
        Err(ConfigErrors { control: Some(socket), .. }) => socket,
        Err(errors) => {
            write_findings(&errors.faults, &errors.warnings, err)?;
            return Ok(Exit::Config);
        }
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(control::get(socket, "/status", LIMIT));
    let status: Status = match asked {
        Ok(status) => status,
        Err(error) => {
            if let Err(errors) = outcome {
                write_findings(&errors.faults, &errors.warnings, err)?;
                return Ok(Exit::Config);
            }
            writeln!(err, "error: {error}")?;
            if let Some(hint) = error.hint() {
                writeln!(err, "  hint: {hint}")?;
            }
            return Ok(Exit::Failure);
        }
    };
    match output {
        Output::Text => write_text(&status, SystemTime::now(), out)?,
        Output::Json => writeln!(out, "{}", serde_json::to_string_pretty(&status)?)?,
    }
    let all_up = status.backends.iter().all(|backend| backend.status.state == BackendState::Up);
    Ok(if all_up { Exit::Ok } else { Exit::Failure })
}

/// The text form, with ages as of `now`.
pub fn write_text(status: &Status, now: SystemTime, out: &mut impl Write) -> io::Result<()> {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let age = |at: u64| span(now.saturating_sub(at));
    writeln!(out, "zonemux {}, process {}, up {}", status.version, status.pid, age(status.started_at))?;
    writeln!(out, "webhook {}", status.webhook.join(", "))?;
    writeln!(out, "admin   {}", status.admin.join(", "))?;
    write_generation(status, &age, out)?;
    for view in &status.views {
        let ready = if view.ready { "" } else { ", not ready" };
        writeln!(out, "view {} at {}: {}{ready}", view.name, view.path, view.backends.join(", "))?;
    }
    for SafeStatus { status: backend, safety } in &status.backends {
        write!(out, "backend {}: {}", backend.name, backend.state.as_str())?;
        if let (Some(records), Some(at)) = (backend.records, backend.listed_at) {
            write!(out, ", {records} records {} ago", age(at))?;
        } else if let Some(SnapshotStatus { records, age: Some(old) }) = safety.snapshot {
            write!(out, ", snapshot of {records} records, {} old", span(old))?;
        }
        writeln!(out, ", zones {}", backend.zones.join(" "))?;
        if let (Some(error), Some(at)) = (&backend.last_error, backend.last_error_at) {
            writeln!(out, "  last error {} ago: {error}", age(at))?;
        }
        if let Some(process) = backend.process.as_ref().filter(|process| process.restarts > 0) {
            write_process(process, &age, out)?;
        }
        safety_text::write(&backend.name, safety, now, out)?;
    }
    Ok(())
}

/// The process of a plugin that ended by itself before.
fn write_process(
    process: &ProcessStatus,
    age: &dyn Fn(u64) -> String,
    out: &mut impl Write,
) -> io::Result<()> {
    let times = if process.restarts == 1 { "once".to_owned() } else { format!("{} times", process.restarts) };
    write!(out, "  its plugin's process has ended by itself {times}")?;
    if let (Some(end), Some(at)) = (&process.last_end, process.last_end_at) {
        write!(out, ", last {} ago ({end})", age(at))?;
    }
    writeln!(out)?;
    for line in process.last_lines.iter().rev().take(LINES).rev() {
        writeln!(out, "    | {line}")?;
    }
    Ok(())
}

fn write_generation(status: &Status, age: &dyn Fn(u64) -> String, out: &mut impl Write) -> io::Result<()> {
    let Outcome { at, successful, faults, .. } = &status.reload;
    write!(out, "generation {}", status.generation)?;
    if *successful && status.generation > 1 {
        write!(out, ", loaded {} ago", age(*at))?;
    }
    if !successful {
        write!(out, ", another was refused {} ago:", age(*at))?;
    }
    writeln!(out)?;
    for fault in faults {
        writeln!(out, "  {}", Finding::from(fault))?;
    }
    Ok(())
}

/// A time span in its two largest units.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn ages_have_their_two_largest_units() {
        let ages = [5, 60, 3_725, 90_061].map(span);
        assert_eq!(ages, ["5s", "1m0s", "1h2m", "1d1h"]);
    }
}
