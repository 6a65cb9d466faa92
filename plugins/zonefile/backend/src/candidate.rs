//! The next version of a zone's files: written beside the present ones, checked there, and put in their
//! place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use zonemux_master_file::identity::Identity;
use zonemux_master_file::soa::Soa;

use crate::check::{Checker, Verdict};
use crate::managed;
use crate::records::{Draft, Key, RrSet, settle};
use crate::settings::Mode;
use crate::swap::{self, Staged, SwapError, Swapped, beside};
use crate::zone::Zone;

/// Why a version can't be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CandidateError {
    #[error(transparent)]
    Swap(#[from] SwapError),
    #[error("{0}")]
    Other(String),
}

/// The next version, beside the present one.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// The file with our records.
    records: Staged,
    /// How many lines of it are no records.
    pub(crate) header_lines: usize,
    /// The file with the SOA, where that is another one; not written before the first is checked.
    soa: Option<(usize, Vec<u8>)>,
    pub(crate) serial: Option<u32>,
}

/// A version in its place, with the one before kept.
#[derive(Debug)]
pub(crate) struct Published {
    records: Swapped,
    soa: Option<(usize, Vec<u8>, Swapped)>,
    pub(crate) serial: Option<u32>,
}

/// Writes the next version beside the present one. Without a serial the SOA stays as it is.
pub(crate) fn stage(
    zone: &Zone,
    draft: &Draft<'_>,
    serial: Option<u32>,
) -> Result<Candidate, CandidateError> {
    let known = &zone.known;
    let (text, header_lines) = match zone.mode {
        Mode::Include => included(zone, draft, serial),
        Mode::Whole => whole(zone, draft, serial),
    }
    .map_err(CandidateError::Other)?;
    let expected = match zone.mode {
        Mode::Include => known.written.first().map(|(_, identity)| identity.clone()),
        Mode::Whole => known.sources.first().map(|source| source.identity.clone()),
    };
    let records = swap::stage(&zone.managed, text.as_bytes(), expected, neighbour(zone))?;
    let soa = match (zone.mode, serial, &known.soa) {
        (Mode::Include, Some(serial), Some(soa)) => {
            let bytes = soa.with_serial(&known.sources[soa.source].bytes, serial);
            Some((soa.source, bytes))
        }
        _ => None,
    };
    Ok(Candidate { records, header_lines, soa, serial })
}

/// Whose owner and mode a new file takes: the server can read the zone file.
pub(crate) fn neighbour(zone: &Zone) -> Option<&Path> {
    (zone.mode == Mode::Include).then_some(&*zone.file)
}

fn included(zone: &Zone, draft: &Draft<'_>, serial: Option<u32>) -> Result<(String, usize), String> {
    let mut text = managed::include_header(&zone.name, &zone.file, serial);
    let header_lines = text.lines().count();
    draft.iter().try_for_each(|set| managed::write(set, &mut text))?;
    text.push_str(managed::END);
    Ok((text, header_lines))
}

fn whole(zone: &Zone, draft: &Draft<'_>, serial: Option<u32>) -> Result<(String, usize), String> {
    let soa = soa_of(zone)?;
    let mut text = managed::whole_header(&zone.name, serial);
    soa.write(&zone.name, serial.unwrap_or(soa.serial), &mut text);
    for foreign in zone.known.foreigns.values() {
        managed::write(&foreign.set, &mut text)?;
    }
    let header_lines = text.lines().count();
    draft.iter().try_for_each(|set| managed::write(set, &mut text))?;
    text.push_str(managed::END);
    Ok((text, header_lines))
}

/// The SOA of a zone that zonemux owns: the file's own, with what the settings say.
pub(crate) fn soa_of(zone: &Zone) -> Result<Soa, String> {
    let primary = zone.owned.servers.first().map(|server| server.name.clone());
    if let Some(mut soa) = zone.known.soa.clone() {
        soa.primary = primary.unwrap_or(soa.primary);
        soa.mailbox = zone.owned.mailbox.clone().unwrap_or(soa.mailbox);
        return Ok(soa);
    }
    let Some((primary, mailbox)) = primary.zip(zone.owned.mailbox.clone()) else {
        return Err(format!(
            "`{}` is not there, and the settings don't say what its SOA and NS shall be\nhint: set \
             `nameservers` and `hostmaster`, or put a zone file there",
            zone.file.display()
        ));
    };
    let [refresh, retry, expire, minimum] = zone.owned.times;
    let ttl = zone.owned.default_ttl;
    let (source, serial_at) = (0, 0..0);
    Ok(Soa { primary, mailbox, serial: 0, refresh, retry, expire, minimum, ttl, source, serial_at })
}

impl Candidate {
    /// The file with our records.
    pub(crate) fn file(&self) -> &Path {
        self.records.file()
    }

    /// Has it checked as the server would read it.
    pub(crate) fn check(
        &self,
        zone: &Zone,
        checker: &Checker,
        deadline: Instant,
    ) -> Result<Verdict, CandidateError> {
        crate::steps::step("check");
        let copies = Copies::write(zone, self.file())?;
        let root = copies.root.as_deref().unwrap_or(self.file());
        checker
            .check(&zone.name, root, zone.any_names, deadline)
            .map_err(|error| CandidateError::Other(error.to_string()))
    }

    /// As [`check`](Self::check), while the disk takes what was written.
    pub(crate) fn check_and_sync(
        &self,
        zone: &Zone,
        checker: &Checker,
        deadline: Instant,
    ) -> Result<Verdict, CandidateError> {
        thread::scope(|scope| {
            // Where it fails, it fails again before anything is put in its place.
            scope.spawn(|| fs::File::open(self.file()).and_then(|file| file.sync_data()));
            self.check(zone, checker, deadline)
        })
    }

    /// Takes it away.
    pub(crate) fn discard(self) {
        self.records.discard();
    }

    /// Puts it in its place: the records first, then the SOA, whose serial says that they are there.
    pub(crate) fn publish(self, zone: &Zone) -> Result<Published, SwapError> {
        let soa = match self.soa {
            None => Ok(None),
            Some((source, bytes)) => {
                let present = &zone.known.sources[source];
                let staged = swap::stage(&present.path, &bytes, Some(present.identity.clone()), None);
                staged.map(|staged| Some((source, bytes, staged)))
            }
        };
        let soa = match soa {
            Ok(soa) => soa,
            Err(error) => {
                self.records.discard();
                return Err(error);
            }
        };
        let synced =
            self.records.sync().and_then(|()| soa.as_ref().map_or(Ok(()), |(.., staged)| staged.sync()));
        if let Err(error) = synced {
            self.records.discard();
            if let Some((.., staged)) = soa {
                staged.discard();
            }
            return Err(error);
        }
        let records = match self.records.swap() {
            Ok(records) => records,
            Err(error) => {
                if let Some((.., staged)) = soa {
                    staged.discard();
                }
                return Err(error);
            }
        };
        let Some((source, bytes, staged)) = soa else {
            return Ok(Published { records, soa: None, serial: self.serial });
        };
        match staged.swap() {
            Ok(swapped) => {
                Ok(Published { records, soa: Some((source, bytes, swapped)), serial: self.serial })
            }
            Err(error) => match records.put_back() {
                Ok(()) => Err(error),
                Err(io) => Err(SwapError::Lost(zone.managed.clone(), io)),
            },
        }
    }
}

impl Published {
    /// Puts the version before back.
    pub(crate) fn put_back(self) -> std::io::Result<()> {
        let soa = self.soa.map_or(Ok(()), |(.., swapped)| swapped.put_back());
        self.records.put_back().and(soa)
    }

    /// Keeps it: `zone` knows it from now on.
    pub(crate) fn keep(self, zone: &mut Zone, changes: BTreeMap<Key, Option<RrSet>>) {
        let known = &mut zone.known;
        let identity: Identity = self.records.identity().clone();
        settle(&mut known.records, changes);
        known.written_serial = self.serial.or(known.written_serial);
        match zone.mode {
            Mode::Include => known.written = vec![(zone.managed.clone(), identity)],
            // What it included stands in it now. The next look reads where its SOA stands.
            Mode::Whole => {
                known.includes.clear();
                let source = zonemux_master_file::reader::Source {
                    path: zone.file.clone(),
                    bytes: Vec::new(),
                    identity,
                };
                known.sources = vec![source];
            }
        }
        if let Some((source, bytes, swapped)) = self.soa {
            known.sources[source].identity = swapped.identity().clone();
            let old = std::mem::replace(&mut known.sources[source].bytes, bytes);
            move_behind(known, source, old.len());
            swapped.finish();
        }
        if let (Some(serial), Some(soa)) = (self.serial, &mut known.soa) {
            soa.serial = serial;
        }
        self.records.finish();
    }
}

/// Moves what stands behind the serial in its file, which may have become longer or shorter.
fn move_behind(known: &mut crate::zone::Known, source: usize, old_length: usize) {
    let new_length = known.sources[source].bytes.len();
    let Some(soa) = &mut known.soa else { return };
    let moved = |at: usize| at + new_length - old_length;
    let behind = soa.serial_at.end;
    soa.serial_at.end = moved(behind);
    for include in known.includes.iter_mut().filter(|include| include.source == source) {
        if include.range.start >= behind {
            include.range = moved(include.range.start)..moved(include.range.end);
        }
    }
}

/// The operator's files that lead to ours, written once more so that they lead to its next version.
#[derive(Debug, Default)]
struct Copies {
    /// The copy of the zone file; none where that is our own.
    root: Option<PathBuf>,
    all: Vec<PathBuf>,
}

impl Copies {
    fn write(zone: &Zone, next: &Path) -> Result<Self, SwapError> {
        let mut copies = Self::default();
        if zone.mode == Mode::Include {
            copies.root = copies.copy(zone, 0, next)?;
        }
        Ok(copies)
    }

    /// Where the copy of a file is; `None` where ours is not below it.
    fn copy(&mut self, zone: &Zone, source: usize, next: &Path) -> Result<Option<PathBuf>, SwapError> {
        let known = &zone.known;
        let file = &known.sources[source];
        let mut edited = Vec::new();
        let mut at = 0;
        let mut leads = false;
        for include in known.includes.iter().filter(|include| include.source == source) {
            let path = match include.target {
                None => Some(next.to_owned()),
                Some(target) => self.copy(zone, target, next)?,
            };
            let Some(path) = path else { continue };
            leads = true;
            edited.extend(&file.bytes[at..include.range.start]);
            edited.extend(quoted(&path));
            at = include.range.end;
        }
        if !leads {
            return Ok(None);
        }
        edited.extend(&file.bytes[at..]);
        let copy = beside(&file.path, "check");
        swap::write_like(&copy, &edited, None, 0o600)?;
        self.all.push(copy.clone());
        Ok(Some(copy))
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        for copy in &self.all {
            if let Err(error) = fs::remove_file(copy) {
                tracing::warn!(file = %copy.display(), %error, "can't remove a copy for the checker");
            }
        }
    }
}

/// A path as `$INCLUDE` takes it: without quotes where it needs none, since NSD reads them as a part
/// of it.
fn quoted(path: &Path) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,:%=~".contains(byte);
    if path.as_os_str().as_encoded_bytes().iter().all(plain) {
        return path.as_os_str().as_encoded_bytes().to_vec();
    }
    let mut quoted = vec![b'"'];
    for &byte in path.as_os_str().as_encoded_bytes() {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    quoted
}
