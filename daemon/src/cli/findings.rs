//! Faults and warnings as people and programs read them.

use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};

use crate::config::Finding;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Writes warnings, then faults, then a line with their numbers. Nothing at all where there is none.
pub fn write_findings(faults: &[Finding], warnings: &[Finding], to: &mut impl Write) -> io::Result<()> {
    for warning in warnings {
        write_one("warning", WARNING, warning, to)?;
    }
    for fault in faults {
        write_one("error", ERROR, fault, to)?;
    }
    match counted(faults, warnings) {
        Some(counted) => writeln!(to, "{counted}"),
        None => Ok(()),
    }
}

fn write_one(label: &str, style: Style, finding: &Finding, to: &mut impl Write) -> io::Result<()> {
    writeln!(to, "{style}{label}{style:#}: {finding}")?;
    for (label, detail) in finding.details() {
        let style = if label == "in" { Style::new() } else { HINT };
        writeln!(to, "  {style}{label}{style:#} {detail}")?;
    }
    writeln!(to)
}

/// `3 faults, 1 warning`; nothing where there is neither.
fn counted(faults: &[Finding], warnings: &[Finding]) -> Option<String> {
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{number} {word}s")),
    };
    let parts: Vec<_> =
        [count(faults.len(), "fault"), count(warnings.len(), "warning")].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
