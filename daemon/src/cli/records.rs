//! `zonemux records`: what a backend or a view has.

use std::io::{self, Write};

use bytes::Bytes;
use clap::Args;
use zonemux_plugin::Endpoint;

use super::columns::Columns;
use super::place::Place;
use super::{Exit, Output};
use crate::control::{Work, WorkRoute};

/// Whose records are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Wanted {
    /// Only this backend.
    #[arg(long)]
    backend: Option<String>,
    /// The backends of this view; where there is one view, it need not be named.
    #[arg(long)]
    view: Option<String>,
}

/// Prints the records, fresh from the backends.
pub fn records(
    place: &Place<'_>,
    wanted: &Wanted,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let arguments = [("backend", wanted.backend.as_deref()), ("view", wanted.view.as_deref())];
    let work = Work::new(WorkRoute::Records, arguments, Bytes::new());
    if output == Output::Json {
        return match place.run(work, err)? {
            Ok(list) => {
                out.write_all(&list)?;
                writeln!(out)?;
                Ok(Exit::Ok)
            }
            Err(exit) => Ok(exit),
        };
    }
    match place.ask::<Vec<Endpoint>, _>(work, err)? {
        Ok(list) => {
            write_text(list, out)?;
            Ok(Exit::Ok)
        }
        Err(exit) => Ok(exit),
    }
}

/// A line for each record, by name.
fn write_text(mut list: Vec<Endpoint>, out: &mut impl Write) -> io::Result<()> {
    // By labels from the right, so that what is below a name follows it.
    list.sort_by_cached_key(|record| {
        let labels: Vec<String> = record.dns_name.rsplit('.').map(str::to_ascii_lowercase).collect();
        (labels, record.record_type.clone(), record.set_identifier.clone())
    });
    let mut columns = Columns::<4>::new();
    for record in list {
        let ttl = if record.record_ttl == 0 { "-".to_owned() } else { record.record_ttl.to_string() };
        let record_type = match &*record.set_identifier {
            "" => record.record_type,
            set => format!("{} ({set})", record.record_type),
        };
        columns.push([record.dns_name, ttl, record_type, record.targets.join(", ")]);
    }
    columns.write("", out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_stand_in_columns_and_what_a_terminal_would_act_on_is_shown() {
        let north =
            Endpoint { set_identifier: "north".into(), ..Endpoint::new("b.example.org", "A", ["192.0.2.9"]) };
        let list = vec![
            Endpoint::new("www.b.example.org", "CNAME", ["b.example.org"]).with_ttl(60),
            north,
            Endpoint::new("example.org", "MX", ["10 mx1.example.org", "20 mx2.example.org"]).with_ttl(86_400),
            Endpoint::new("a.example.org", "TXT", ["red \u{1b}[31m"]),
        ];
        let mut out = Vec::new();
        write_text(list, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        example.org        86400  MX         10 mx1.example.org, 20 mx2.example.org
        a.example.org      -      TXT        red \u{1b}[31m
        b.example.org      -      A (north)  192.0.2.9
        www.b.example.org  60     CNAME      b.example.org
        ");
    }
}
