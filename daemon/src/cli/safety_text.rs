//! What protects a backend, in the lines below its own in `zonemux status`.

use std::io::{self, Write};

use super::columns::plain;
use super::status::span;
use crate::safety::guard::LATELY;
use crate::safety::mirror::{MirrorState, MirrorStatus};
use crate::safety::{Bounded, RunningStatus, SafetyStatus};

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
        let RunningStatus { units: all, done, since: begun } = running;
        writeln!(out, "  applying {} for {}, {done} done", units(*all), since(*begun))?;
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
    status.mirrors.iter().try_for_each(|mirror| write_mirror(mirror, now, out))
}

/// A line on a mirror, and what is worth a look below it.
fn write_mirror(mirror: &MirrorStatus, now: u64, out: &mut impl Write) -> io::Result<()> {
    let since = |at: u64| span(now.saturating_sub(at));
    let state = match mirror.state {
        MirrorState::Unknown => "not compared yet",
        MirrorState::Equal => "equal",
        MirrorState::Behind => "behind",
        MirrorState::DryRun => "not written to, since its primary is in dry_run",
    };
    write!(out, "  mirror {}: {state}", mirror.mirror)?;
    if let Some(at) = mirror.since {
        write!(out, " for {}", since(at))?;
    }
    let counts = [
        (mirror.differing.unwrap_or_default(), "to be written"),
        (mirror.conflicts, "not zonemux's own"),
        (mirror.refused, "kept from it by its guards"),
        (mirror.held, "held by its deletion guard"),
        (mirror.quarantined, "in quarantine"),
    ];
    for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
        write!(out, ", {count} {what}")?;
    }
    if let Some(wait) = mirror.retry_in {
        write!(out, ", compared again in {}", span(wait))?;
    }
    writeln!(out)?;
    if let (Some(error), Some(at)) = (&mirror.last_error, mirror.last_error_at) {
        writeln!(out, "    last error {} ago: {}", since(at), plain(error))?;
    }
    for conflict in mirror.conflicting.iter().take(SHOWN) {
        writeln!(out, "    left alone, though the primary has another: {}", plain(conflict))?;
    }
    if mirror.held > 0 {
        writeln!(out, "    hint: `zonemux release {}` lets them through for 24 hours", mirror.mirror)?;
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
