//! What protects a backend, in the lines below its own in `zonemux status`.

use std::io::{self, Write};

use super::columns::plain;
use super::status::span;
use crate::safety::guard::LATELY;
use crate::safety::{Bounded, SafetyStatus};

/// The most entries of a list that are printed.
const SHOWN: usize = 10;

/// Prints what is worth a look; nothing where all is as it should be.
pub(super) fn write(backend: &str, status: &SafetyStatus, now: u64, out: &mut impl Write) -> io::Result<()> {
    let since = |at: u64| span(now.saturating_sub(at));
    let breaker = match (&*status.breaker.state, status.breaker.retry_in) {
        ("closed", _) => None,
        ("open", Some(wait)) => Some(format!("left alone after repeated failures, for {} more", span(wait))),
        ("half_open", _) => Some("asked once more after repeated failures".to_owned()),
        (state, _) => Some(format!("breaker {state}")),
    };
    if let Some(breaker) = breaker {
        writeln!(out, "  {breaker}")?;
    }
    if let Some(running) = &status.running {
        writeln!(out, "  applying {} for {}", units(running.units), since(running.since))?;
    }
    if status.unconfirmed && status.running.is_none() {
        writeln!(out, "  the outcome of an apply is not known until the next list")?;
    }
    if status.virtual_ownership > 0 {
        writeln!(out, "  {} ownership TXT kept by zonemux", status.virtual_ownership)?;
    }
    let held = &status.held;
    if held.total > 0 {
        writeln!(out, "  held by the deletion guard: {}", units(held.total))?;
        write_list(held, out, |entry| {
            let waits = match (entry.granted, now.saturating_sub(entry.asked)) {
                (true, _) => ", let through: waits for ExternalDNS to ask again".to_owned(),
                (false, quiet) if quiet >= LATELY => format!(", not asked for since {}", span(quiet)),
                (false, _) => String::new(),
            };
            let (first, since) = (entry.keys.first(), since(entry.since));
            let first = first.map(ToString::to_string).unwrap_or_default();
            format!("{first}, for {since}, view {}{waits}", entry.view)
        })?;
        if held.first.iter().any(|entry| !entry.granted) {
            writeln!(out, "    hint: `zonemux release {backend}` lets them through for 24 hours")?;
        }
    }
    let quarantine = &status.quarantine;
    if quarantine.total > 0 {
        writeln!(out, "  in quarantine, since the backend refuses them: {}", units(quarantine.total))?;
        write_list(quarantine, out, |entry| {
            let first = entry.keys.first().map(ToString::to_string).unwrap_or_default();
            let times = if entry.count == 1 { "once".to_owned() } else { format!("{} times", entry.count) };
            let again = match entry.retry_at.saturating_sub(now) {
                0 => "when it is asked for".to_owned(),
                wait => format!("in {}", span(wait)),
            };
            format!("{first}: {} (refused {times}, tried again {again})", entry.reason)
        })?;
        writeln!(out, "    hint: mend them where they come from; a changed record is tried at once")?;
    }
    Ok(())
}

fn write_list<T>(list: &Bounded<T>, out: &mut impl Write, line: impl Fn(&T) -> String) -> io::Result<()> {
    for entry in list.first.iter().take(SHOWN) {
        writeln!(out, "    {}", plain(&line(entry)))?;
    }
    let more = list.total - list.first.len().min(SHOWN);
    if more > 0 {
        writeln!(out, "    and {more} more")?;
    }
    Ok(())
}

fn units(count: usize) -> String {
    if count == 1 { "1 unit".to_owned() } else { format!("{count} units") }
}
