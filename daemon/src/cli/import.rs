//! `zonemux import`: the records of a zone file, through the guards and into the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use serde::Serialize;
use zonemux_master_file::dialect::Dialect;
use zonemux_master_file::rdata;
use zonemux_master_file::reader::{self, How, IncludeBase, ReadError};
use zonemux_plugin::Endpoint;
use zonemux_plugin::dns::canonical;

use super::changes::{Submission, shown, submit};
use super::failure::Failure;
use super::place::Place;
use super::zone_text::{Key, Sets};
use super::{Exit, Output};
use crate::control::{Work, WorkRoute};

/// A zone file, and where its records go.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ZoneFile {
    /// The zone.
    zone: String,
    /// Its file.
    file: PathBuf,
    /// The view whose backends are written; where there is one view, it need not be named.
    #[arg(long)]
    view: Option<String>,
    /// Also write what is there with other data or another TTL.
    #[arg(long)]
    replace: bool,
    /// Only say what would be done; exit status as of `plan`.
    #[arg(long)]
    dry_run: bool,
    /// Where the paths of `$INCLUDE` begin [default: the folder of the file that includes].
    #[arg(long, value_name = "FOLDER")]
    includes: Option<PathBuf>,
}

/// Writes the RRsets of the file that are not there; says what became of them.
pub fn import(
    place: &Place<'_>,
    wanted: &ZoneFile,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let zone = match canonical(&wanted.zone) {
        Ok(zone) => zone,
        Err(error) => return Failure::new(format!("`{}`: {error}", wanted.zone), None).write(err),
    };
    let read = match read(&zone, &wanted.file, wanted.includes.as_deref()) {
        Ok(read) => read,
        Err(error) => return Failure::new(error.to_string(), None).write(err),
    };
    read.tell_left_out(err)?;
    let arguments = [("view", wanted.view.as_deref())];
    let work = Work::new(WorkRoute::Records, arguments, Bytes::new());
    let listed = match place.ask::<Vec<Endpoint>, _>(work, err)? {
        Ok(listed) => listed,
        Err(exit) => return Ok(exit),
    };
    let compared = Compared::of(read.sets, listed, wanted.replace);
    if !compared.others.is_empty() {
        for other in &compared.others {
            writeln!(err, "error: {other}")?;
        }
        let hint = "nothing was written; `--replace` writes the file's, but for names with set identifiers";
        writeln!(err, "  hint: {hint}")?;
        return Ok(Exit::Failure);
    }
    let body = Bytes::from(serde_json::to_vec(&compared.changes)?);
    let route = if wanted.dry_run { WorkRoute::Plan } else { WorkRoute::Apply };
    let view = wanted.view.as_deref();
    let submission = Submission { body, view, route, allow_deletes: false, release: None };
    let exit = submit(place, &submission, output, out, err)?;
    if output == Output::Text && compared.same > 0 {
        writeln!(out, "zone {zone}: {} there already", counted(compared.same))?;
    }
    Ok(exit)
}

fn counted(rrsets: usize) -> String {
    if rrsets == 1 { "1 RRset is".to_owned() } else { format!("{rrsets} RRsets are") }
}

/// An RRset of the file.
#[derive(Debug)]
struct Set {
    /// Seconds; the lowest of its records, which is what resolvers take (RFC 2181, section 5.2).
    ttl: u32,
    targets: BTreeSet<String>,
}

/// What a file has.
#[derive(Debug, Default)]
struct ReadZone {
    sets: Sets<Set>,
    /// By type, how many records are no client's to write.
    left_out: BTreeMap<String, usize>,
    /// How many lie outside of the zone.
    outside: usize,
    /// RRsets whose records have several TTLs, of which each server takes another one.
    several_ttls: BTreeSet<String>,
}

impl ReadZone {
    fn tell_left_out(&self, err: &mut impl Write) -> io::Result<()> {
        if !self.left_out.is_empty() {
            let counts: Vec<String> =
                self.left_out.iter().map(|(record_type, count)| format!("{count} {record_type}")).collect();
            let counts = counts.join(", ");
            writeln!(err, "warning: left out, since a zone's server makes them itself: {counts}")?;
        }
        if self.outside > 0 {
            writeln!(err, "warning: left out, since they are outside of the zone: {} in all", self.outside)?;
        }
        if !self.several_ttls.is_empty() {
            let rrsets = self.several_ttls.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            writeln!(err, "warning: records have several TTLs, of which the lowest is taken: {rrsets}")?;
        }
        Ok(())
    }
}

fn read(zone: &str, file: &Path, includes: Option<&Path>) -> Result<ReadZone, ReadError> {
    let include_base = match includes {
        Some(folder) => IncludeBase::Folder(folder.to_owned()),
        None => IncludeBase::Includer,
    };
    let mut found = ReadZone::default();
    let how = How { zone, include_base: &include_base, managed: None, dialect: Dialect::Other };
    let read = reader::read(&how, file, &mut |record| {
        if is_servers_own(zone, record.name, record.rtype) {
            *found.left_out.entry(record.rtype.to_owned()).or_default() += 1;
            return;
        }
        let set = found.sets.entry(Key::new(record.name, record.rtype));
        let set = set.or_insert_with(|| Set { ttl: record.rrset_ttl(None), targets: BTreeSet::new() });
        if set.ttl != record.ttl {
            found.several_ttls.insert(format!("{} {}", record.name, record.rtype));
        }
        set.ttl = record.rrset_ttl(Some(set.ttl));
        set.targets.insert(record.target.clone());
    })?;
    if read.soa.is_some() {
        found.left_out.insert("SOA".to_owned(), 1);
    }
    found.outside = read.outside;
    Ok(found)
}

/// Whether a record is the business of whoever serves and signs the zone.
fn is_servers_own(zone: &str, name: &str, record_type: &str) -> bool {
    let of_apex = ["NS", "DNSKEY", "CDS", "CDNSKEY", "ZONEMD"];
    rdata::check_type(record_type).is_err() || (name == zone && of_apex.contains(&record_type))
}

/// Changes as ExternalDNS posts them.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Changes {
    create: Vec<Endpoint>,
    update_old: Vec<Endpoint>,
    update_new: Vec<Endpoint>,
}

/// A file beside a list.
#[derive(Debug, Default)]
struct Compared {
    changes: Changes,
    /// How many RRsets are there as the file has them.
    same: usize,
    /// What is there and is not as the file has it, for people.
    others: Vec<String>,
}

impl Compared {
    fn of(sets: Sets<Set>, listed: Vec<Endpoint>, replace: bool) -> Self {
        let mut there: Sets<Vec<Endpoint>> = Sets::new();
        for record in listed {
            there.entry(Key::of(&record)).or_default().push(record);
        }
        let mut compared = Self::default();
        for (key, set) in sets {
            let wanted = Endpoint::new(&*key.name, &*key.record_type, set.targets).with_ttl(set.ttl);
            match there.remove(&key).unwrap_or_default().as_slice() {
                [] => compared.changes.create.push(wanted),
                [old] if old.set_identifier.is_empty() && is_same(old, &wanted) => compared.same += 1,
                [old] if old.set_identifier.is_empty() && replace => {
                    compared.changes.update_old.push(old.clone());
                    compared.changes.update_new.push(wanted);
                }
                [old] if old.set_identifier.is_empty() => {
                    let is = shown(&old.targets, old.record_ttl);
                    let would = shown(&wanted.targets, wanted.record_ttl);
                    let (name, record_type) = (&key.name, &key.record_type);
                    compared.others.push(format!("{name} {record_type} is {is}, in the file {would}"));
                }
                several => {
                    let (name, record_type, count) = (&key.name, &key.record_type, several.len());
                    compared
                        .others
                        .push(format!("{name} {record_type} has set identifiers ({count} of them)"));
                }
            }
        }
        compared
    }
}

fn is_same(old: &Endpoint, wanted: &Endpoint) -> bool {
    let targets = old.targets.iter().map(|target| rdata::spelled(&old.record_type, target).into_owned());
    old.record_ttl == wanted.record_ttl && targets.collect::<BTreeSet<_>>().iter().eq(&wanted.targets)
}
