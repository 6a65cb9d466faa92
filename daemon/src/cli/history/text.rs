//! The text form of the journal: a line for each change, in columns.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Deserialize;

use crate::cli::columns::plain;

/// So many lines are looked at for the width of their columns. Widths only grow, so that a long journal
/// has one look after a while, and is printed while it is read.
const BLOCK: usize = 512;
/// The columns that are filled up with spaces: all but the last.
const COLUMNS: usize = 6;

/// Prints lines of the journal in columns.
pub(super) struct TextForm<'w, W: Write> {
    out: &'w mut W,
    rows: Vec<[String; COLUMNS + 1]>,
    widths: [usize; COLUMNS],
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow, default)]
    view: Cow<'a, str>,
    #[serde(borrow, default)]
    backend: Cow<'a, str>,
    #[serde(borrow, default)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default, rename = "type")]
    record_type: Cow<'a, str>,
    #[serde(borrow, default)]
    set_identifier: Cow<'a, str>,
    before: Option<Rdata>,
    after: Option<Rdata>,
    #[serde(borrow, default)]
    outcome: Cow<'a, str>,
    reason: Option<String>,
    repeats: Option<u64>,
    since: Option<String>,
}

#[derive(Deserialize)]
struct Rdata {
    targets: Vec<String>,
    #[serde(default)]
    ttl: u32,
}

impl<'w, W: Write> TextForm<'w, W> {
    pub(super) fn new(out: &'w mut W) -> Self {
        Self { out, rows: Vec::new(), widths: [0; COLUMNS] }
    }

    /// Prints a line of JSON; one that is no entry as it is.
    pub(super) fn push(&mut self, json: &str) -> io::Result<()> {
        let Ok(line) = serde_json::from_str::<Line<'_>>(json) else {
            self.flush()?;
            return writeln!(self.out, "{}", plain(json));
        };
        let row = [
            plain(&line.time),
            plain(&line.view),
            plain(&line.backend),
            plain(&line.action),
            plain(&line.outcome),
            plain(&line.record()),
            plain(&line.detail()),
        ];
        for (width, cell) in self.widths.iter_mut().zip(&row) {
            *width = cell.chars().count().max(*width);
        }
        self.rows.push(row);
        if self.rows.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    /// Prints what is held back.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        for row in self.rows.drain(..) {
            let mut text = String::new();
            for (cell, width) in row.iter().zip(self.widths.iter().chain([&0])) {
                // A string takes all.
                let _written = write!(text, "{cell:width$}  ");
            }
            writeln!(self.out, "{}", text.trim_end())?;
        }
        self.out.flush()
    }
}

impl Line<'_> {
    fn record(&self) -> String {
        match &*self.set_identifier {
            "" => format!("{} {}", self.name, self.record_type),
            set => format!("{} {} ({set})", self.name, self.record_type),
        }
    }

    /// What it said and says, why that is so, and how often.
    fn detail(&self) -> String {
        let mut text = match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!("{} -> {}", before.text(), after.text()),
            (None, Some(after)) if self.action == "update" => format!("-> {}", after.text()),
            (Some(one), None) | (None, Some(one)) => one.text(),
            (None, None) => String::new(),
        };
        if let Some(reason) = &self.reason {
            let _written = write!(text, " ({reason})");
        }
        if let (Some(repeats), Some(since)) = (self.repeats, &self.since) {
            let times = if repeats == 1 { "time" } else { "times" };
            let _written = write!(text, " [{repeats} more {times} since {since}]");
        }
        text.trim_start().to_owned()
    }
}

impl Rdata {
    fn text(&self) -> String {
        let mut text = self.targets.join(", ");
        if self.ttl > 0 {
            let _written = write!(text, " ttl {}", self.ttl);
        }
        text
    }
}
