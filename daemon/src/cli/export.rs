//! `zonemux export`: what a backend or a view has, as a zone file.

use std::fmt::Write as _;
use std::io::{self, Write};

use bytes::Bytes;
use clap::Args;
use zonemux_master_file::{rdata, writer};
use zonemux_plugin::Endpoint;
use zonemux_plugin::dns::{canonical, is_at_or_below};

use super::Exit;
use super::failure::Failure;
use super::place::Place;
use super::zone_text::{Key, Sets};
use crate::control::{Work, WorkRoute};

/// What is to be exported.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Exported {
    /// Only what is in this zone.
    zone: Option<String>,
    /// Only this backend.
    #[arg(long)]
    backend: Option<String>,
    /// The backends of this view; where there is one view, it need not be named.
    #[arg(long)]
    view: Option<String>,
    /// Seconds, for records that have no TTL of their own.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    ttl: u32,
}

/// Writes the records, fresh from the backends. What can't stand in a zone file is there as a comment, and
/// makes the exit code 1.
pub fn export(
    place: &Place<'_>,
    wanted: &Exported,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let zone = match wanted.zone.as_deref().map(canonical).transpose() {
        Ok(zone) => zone,
        Err(error) => {
            let message = format!("`{}`: {error}", wanted.zone.as_deref().unwrap_or_default());
            return Failure::new(message, None).write(err);
        }
    };
    let arguments = [("backend", wanted.backend.as_deref()), ("view", wanted.view.as_deref())];
    let work = Work::new(WorkRoute::Records, arguments, Bytes::new());
    let list = match place.ask::<Vec<Endpoint>, _>(work, err)? {
        Ok(list) => list,
        Err(exit) => return Ok(exit),
    };
    let written = text(list, zone.as_deref(), wanted.ttl);
    out.write_all(written.text.as_bytes())?;
    if written.left_out == 0 {
        return Ok(Exit::Ok);
    }
    let message = format!("what can't stand in a zone file is a comment in it: {} in all", written.left_out);
    Failure::new(message, Some("`zonemux records --output json` has all of it")).write(err)
}

struct Written {
    text: String,
    left_out: usize,
}

/// The records as a zone file, in the order of a zone.
fn text(list: Vec<Endpoint>, zone: Option<&str>, default_ttl: u32) -> Written {
    let mut sets: Sets<Vec<Endpoint>> = Sets::new();
    let mut without_ttl = false;
    for record in list {
        let key = Key::of(&record);
        if zone.is_none_or(|zone| is_at_or_below(&key.name, zone)) {
            without_ttl |= record.record_ttl == 0;
            sets.entry(key).or_default().push(record);
        }
    }
    let mut text = String::new();
    if without_ttl {
        // Writing to a string can't fail.
        let _written = writeln!(text, "$TTL {default_ttl}");
    }
    let mut left_out = 0;
    for (key, records) in &sets {
        for record in records {
            if let Err(reason) = write(key, record, &mut text) {
                left_out += 1;
                comment(record, &reason, &mut text);
            }
        }
    }
    Written { text, left_out }
}

fn write(key: &Key, record: &Endpoint, to: &mut String) -> Result<(), String> {
    if !record.set_identifier.is_empty() {
        return Err("a zone file knows no set identifiers".to_owned());
    }
    rdata::check_type(&record.record_type)?;
    if record.targets.is_empty() {
        return Err("it has no targets".to_owned());
    }
    let ttl = (record.record_ttl != 0).then_some(record.record_ttl);
    let targets = record.targets.iter().map(String::as_str);
    writer::write(&key.name, ttl, &record.record_type, targets, None, to).map_err(|error| error.to_string())
}

/// A record on a line that no server reads.
fn comment(record: &Endpoint, reason: &str, to: &mut String) {
    let json = serde_json::to_string(record).unwrap_or_default();
    let reason = reason.replace(char::is_control, " ");
    let _written = writeln!(to, "; {json} ; {reason}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_written_in_its_order_and_what_it_can_not_hold_is_a_comment() {
        let north =
            Endpoint { set_identifier: "north".into(), ..Endpoint::new("b.example.org", "A", ["192.0.2.9"]) };
        let list = || {
            vec![
                Endpoint::new("www.b.example.org", "CNAME", ["b.example.org"]).with_ttl(60),
                north.clone(),
                Endpoint::new("Example.org", "MX", ["10 mx1.example.org", "20 mx2.example.org"])
                    .with_ttl(3600),
                Endpoint::new("a.example.org", "TXT", ["say \"hello\"; \u{1b}"]),
                Endpoint::new("alias.example.org", "ALIAS", ["lb.example.net"]),
                Endpoint::new("www.example.net", "A", ["192.0.2.1"]).with_ttl(1),
            ]
        };
        let written = text(list(), Some("example.org"), 300);
        assert_eq!(written.left_out, 2);
        insta::assert_snapshot!(written.text);
        let all = text(list(), None, 300);
        assert!(all.text.contains("www.example.net. 1 IN A 192.0.2.1\n"));
        assert!(!text(vec![list().swap_remove(0)], None, 300).text.contains("$TTL"));
    }
}
