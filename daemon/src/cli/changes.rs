//! `zonemux plan` and `zonemux apply`: what a changes file would do, and doing it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;

use super::columns::{Columns, plain};
use super::failure::Failure;
use super::place::Place;
use super::{Exit, Output};
use crate::control::{Work, WorkRoute};
use crate::safety::{ChangeReport, RecordData, UnitOutcome, UnitReport};
use crate::view::Reported;

/// A changes file, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ChangesFile {
    /// The changes as ExternalDNS posts them; `-` reads them from standard input.
    file: PathBuf,
    /// The view whose backends they are for; where there is one view, it need not be named.
    #[arg(long)]
    view: Option<String>,
}

/// Prints what the changes would do: 0 nothing, 2 something, 3 where a guard is against some of it.
pub fn plan(
    place: &Place<'_>,
    changes: &ChangesFile,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    run(place, changes, WorkRoute::Plan, false, output, out, err)
}

/// Does what the changes say, and prints what became of them: 0 where all of it is so now, 3 where a guard
/// was against some of it, else 1.
pub fn apply(
    place: &Place<'_>,
    changes: &ChangesFile,
    allow_deletes: bool,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    run(place, changes, WorkRoute::Apply, allow_deletes, output, out, err)
}

fn run(
    place: &Place<'_>,
    changes: &ChangesFile,
    route: WorkRoute,
    allow_deletes: bool,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let body = match read(&changes.file) {
        Ok(body) => body,
        Err(error) => {
            let message = format!("can't read {}: {error}", changes.file.display());
            return Failure::new(message, None).write(err);
        }
    };
    let view = changes.view.as_ref().map(|view| format!(" --view {view}")).unwrap_or_default();
    let release = Some(format!("zonemux apply {}{view} --allow-deletes", changes.file.display()));
    let view = changes.view.as_deref();
    submit(place, &Submission { body, view, route, allow_deletes, release }, output, out, err)
}

/// Changes on their way to the backends of a view.
pub(super) struct Submission<'a> {
    /// The changes, as ExternalDNS posts them.
    pub(super) body: Bytes,
    /// Where there is one view, it need not be named.
    pub(super) view: Option<&'a str>,
    /// `Plan` or `Apply`.
    pub(super) route: WorkRoute,
    /// Whether the deletion guard is put aside.
    pub(super) allow_deletes: bool,
    /// The command that lets through what the deletion guard holds; `None` where nothing is deleted.
    pub(super) release: Option<String>,
}

/// Sends changes, and prints what becomes of them.
pub(super) fn submit(
    place: &Place<'_>,
    changes: &Submission<'_>,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let allow_deletes = changes.allow_deletes.then_some("true");
    let arguments = [("view", changes.view), ("allow_deletes", allow_deletes)];
    let work = Work::new(changes.route, arguments, changes.body.clone());
    let reported: Reported = match place.ask(work, err)? {
        Ok(reported) => reported,
        Err(exit) => return Ok(exit),
    };
    match output {
        Output::Text => write_text(&reported, changes.release.as_deref(), out)?,
        Output::Json => writeln!(out, "{}", serde_json::to_string_pretty(&reported)?)?,
    }
    for failed in &reported.failed {
        writeln!(err, "error: backend `{}`: {}", failed.backend, plain(&failed.error))?;
    }
    Ok(exit(&reported, changes.route == WorkRoute::Plan))
}

fn read(file: &Path) -> io::Result<Bytes> {
    if file == Path::new("-") {
        let mut text = Vec::new();
        return io::stdin().read_to_end(&mut text).map(|_| Bytes::from(text));
    }
    std::fs::read(file).map(Bytes::from)
}

fn exit(reported: &Reported, plan: bool) -> Exit {
    let any = |outcome| reported.units.iter().any(|unit| unit.outcome == outcome);
    if !reported.failed.is_empty() || any(UnitOutcome::Failed) {
        Exit::Failure
    } else if any(UnitOutcome::Held) || any(UnitOutcome::Refused) {
        Exit::Guarded
    } else if plan && reported.units.iter().any(|unit| unit.outcome != UnitOutcome::Unchanged) {
        Exit::Changes
    } else if !plan && any(UnitOutcome::Quarantined) {
        // ExternalDNS is told that this is done, so that it does not ask again at once. A person is not.
        Exit::Failure
    } else {
        Exit::Ok
    }
}

/// A line for each change that is not so already, then how many units there are of each kind.
fn write_text(reported: &Reported, release: Option<&str>, out: &mut impl Write) -> io::Result<()> {
    let mut columns = Columns::<5>::new();
    let mut counts: BTreeMap<UnitOutcome, usize> = BTreeMap::new();
    for unit in &reported.units {
        *counts.entry(unit.outcome).or_default() += 1;
        if unit.outcome != UnitOutcome::Unchanged {
            unit.changes.iter().for_each(|change| columns.push(row(unit, change)));
        }
    }
    columns.write("", out)?;
    let counted: Vec<String> = counts.iter().map(|(outcome, count)| counted(*outcome, *count)).collect();
    let counted = if counted.is_empty() { "nothing to do".to_owned() } else { counted.join(", ") };
    writeln!(out, "view {}: {counted}", reported.view)?;
    if let (Some(release), true) = (release, counts.contains_key(&UnitOutcome::Held)) {
        writeln!(out, "hint: `{release}` lets through what is held")?;
    }
    if counts.contains_key(&UnitOutcome::DryRun) {
        writeln!(out, "hint: `guards.dry_run` is set; nothing is written while it is")?;
    }
    Ok(())
}

fn row(unit: &UnitReport, change: &ChangeReport) -> [String; 5] {
    let record = match &*change.set_identifier {
        "" => format!("{} {}", change.name, change.record_type),
        set => format!("{} {} ({set})", change.name, change.record_type),
    };
    let shown = |record: &RecordData| shown(&record.targets, record.ttl);
    let detail = match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{} -> {}", shown(before), shown(after)),
        (Some(one), None) | (None, Some(one)) => shown(one),
        (None, None) => String::new(),
    };
    let detail = match &unit.reason {
        Some(reason) => format!("{detail} ({reason})"),
        None => detail,
    };
    let backend = if unit.backend.is_empty() { "-" } else { &unit.backend };
    [unit.outcome.as_str().to_owned(), backend.to_owned(), change.action.clone(), record, detail]
}

/// A record's data, in a line for people.
pub(super) fn shown(targets: &[String], ttl: u32) -> String {
    let targets = targets.join(", ");
    if ttl == 0 { targets } else { format!("{targets} ttl {ttl}") }
}

fn counted(outcome: UnitOutcome, count: usize) -> String {
    match outcome {
        UnitOutcome::Apply => format!("{count} to apply"),
        UnitOutcome::DryRun => format!("{count} to apply but for `dry_run`"),
        _ => format!("{count} {}", outcome.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(outcome: UnitOutcome) -> UnitReport {
        let backend = if outcome == UnitOutcome::Refused { String::new() } else { "lan".to_owned() };
        let (reason, old) = match outcome {
            UnitOutcome::Refused => (Some("the name is in no zone of this view".to_owned()), None),
            UnitOutcome::Held => (Some("why".to_owned()), Some(60)),
            _ => (None, Some(0)),
        };
        let change = ChangeReport {
            action: if old.is_some() { "update" } else { "create" }.to_owned(),
            name: format!("{}.example.org", outcome.as_str()),
            record_type: "A".to_owned(),
            set_identifier: if old == Some(60) { "north".to_owned() } else { String::new() },
            before: old.map(|ttl| RecordData { targets: vec!["192.0.2.1".to_owned()], ttl }),
            after: Some(RecordData {
                targets: vec!["192.0.2.2".to_owned(), "192.0.2.3".to_owned()],
                ttl: 300,
            }),
        };
        UnitReport { backend, outcome, reason, changes: vec![change] }
    }

    fn reported(outcomes: &[UnitOutcome]) -> Reported {
        let units = outcomes.iter().map(|outcome| unit(*outcome)).collect();
        Reported { view: "default".to_owned(), units, failed: Vec::new() }
    }

    #[test]
    fn each_change_has_a_line_and_what_is_so_already_is_counted() {
        use UnitOutcome::{Apply, Held, Refused, Unchanged};
        let mut out = Vec::new();
        let reported = reported(&[Apply, Held, Unchanged, Unchanged, Refused]);
        write_text(&reported, Some("zonemux apply changes.json --allow-deletes"), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        apply    lan  update  apply.example.org A         192.0.2.1 -> 192.0.2.2, 192.0.2.3 ttl 300
        held     lan  update  held.example.org A (north)  192.0.2.1 ttl 60 -> 192.0.2.2, 192.0.2.3 ttl 300 (why)
        refused  -    create  refused.example.org A       192.0.2.2, 192.0.2.3 ttl 300 (the name is in no zone of this view)
        view default: 1 to apply, 2 unchanged, 1 held, 1 refused
        hint: `zonemux apply changes.json --allow-deletes` lets through what is held
        ");
    }

    #[test]
    fn a_plan_says_by_its_code_whether_there_is_something_to_do() {
        use UnitOutcome::{Apply, DryRun, Failed, Held, Quarantined, Refused, Unchanged};
        for (outcomes, expected) in [
            (&[][..], Exit::Ok),
            (&[Unchanged], Exit::Ok),
            (&[Unchanged, Apply], Exit::Changes),
            (&[DryRun], Exit::Changes),
            (&[Quarantined], Exit::Changes),
            (&[Apply, Held], Exit::Guarded),
            (&[Apply, Refused], Exit::Guarded),
            (&[Held, Failed], Exit::Failure),
        ] {
            assert_eq!(exit(&reported(outcomes), true), expected, "{outcomes:?}");
        }
    }

    #[test]
    fn an_apply_is_0_only_where_all_of_it_is_so() {
        use UnitOutcome::{Applied, DryRun, Failed, Held, Quarantined, Refused, Unchanged};
        for (outcomes, expected) in [
            (&[Applied, Unchanged][..], Exit::Ok),
            (&[DryRun], Exit::Ok),
            (&[Applied, Quarantined], Exit::Failure),
            (&[Quarantined, Held], Exit::Guarded),
            (&[Applied, Refused], Exit::Guarded),
            (&[Held, Failed], Exit::Failure),
        ] {
            assert_eq!(exit(&reported(outcomes), false), expected, "{outcomes:?}");
        }
    }
}
