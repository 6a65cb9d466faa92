//! `zonemux release`: lets through what the deletion guard holds.

use std::io::{self, Write};

use bytes::Bytes;
use jiff::Timestamp;

use super::columns::plain;
use super::place::Place;
use super::{Exit, Output};
use crate::control::{Work, WorkRoute};
use crate::safety::Release;

/// Prints what is held of a backend, and grants it unless this is a dry run.
pub fn release(
    place: &Place<'_>,
    backend: &str,
    dry_run: bool,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let route = if dry_run { WorkRoute::ReleasePreview } else { WorkRoute::Release };
    let work = Work::new(route, [("backend", Some(backend))], Bytes::new());
    match place.ask::<Release, _>(work, err)? {
        Ok(release) => {
            match output {
                Output::Text => write_text(&release, out)?,
                Output::Json => writeln!(out, "{}", serde_json::to_string_pretty(&release)?)?,
            }
            Ok(Exit::Ok)
        }
        Err(exit) => Ok(exit),
    }
}

fn write_text(release: &Release, out: &mut impl Write) -> io::Result<()> {
    let backend = &release.backend;
    if release.keys.is_empty() {
        return writeln!(out, "nothing is held of backend {backend}");
    }
    let records = if release.keys.len() == 1 { "record" } else { "records" };
    let count = release.keys.len();
    let granted = match release.granted_until.and_then(moment) {
        Some(until) => format!("until {until} these {count} {records} may be deleted"),
        None => format!("a release would let these {count} {records} be deleted"),
    };
    writeln!(out, "backend {backend}: {granted}:")?;
    for key in &release.keys {
        writeln!(out, "  {}", plain(&key.to_string()))?;
    }
    match release.granted_until {
        Some(_) => writeln!(
            out,
            "nothing is deleted yet: that happens when ExternalDNS asks for it again, if it still does"
        ),
        None => writeln!(out, "`zonemux release {backend}` grants that for 24 hours"),
    }
}

fn moment(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}
