//! `zonemux check`: what is wrong, and what is doubtful.

use std::io::{self, Write};

use serde_json::json;

use super::findings::finding_json;
use super::{Exit, Output, write_findings};
use crate::config::{ConfigErrors, Finding, Loaded};

/// Reports what reading the configuration gave.
pub fn report_config(
    outcome: &Result<Loaded, ConfigErrors>,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    match outcome {
        Ok(loaded) => report(&[], &loaded.warnings, output, out, err),
        Err(errors) => report(&errors.faults, &errors.warnings, output, out, err),
    }
}

/// Reports faults and warnings, from the configuration and from plugins alike. As text they go to `err`,
/// and `out` gets one line when there is no fault; as JSON all goes to `out`.
pub fn report(
    faults: &[Finding],
    warnings: &[Finding],
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    match output {
        Output::Text => {
            write_findings(faults, warnings, err)?;
            if faults.is_empty() {
                writeln!(out, "the configuration is valid")?;
            }
        }
        Output::Json => {
            let list = |findings: &[Finding]| findings.iter().map(finding_json).collect::<Vec<_>>();
            let report = json!({
                "valid": faults.is_empty(),
                "faults": list(faults),
                "warnings": list(warnings),
            });
            writeln!(out, "{report:#}")?;
        }
    }
    Ok(if faults.is_empty() { Exit::Ok } else { Exit::Config })
}
