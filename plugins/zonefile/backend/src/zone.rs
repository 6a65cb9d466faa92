//! One zone: its files as they were last read.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zonemux_master_file::dialect::Dialect;
use zonemux_master_file::identity::{self, Identity};
use zonemux_master_file::reader::{self, How, Include, IncludeBase, Read, ReadError, Source};
use zonemux_master_file::soa::Soa;
use zonemux_plugin::{Error, Result};

use crate::foreign::{Foreign, Foreigns, Origin};
use crate::lock::Lock;
use crate::managed::{begins_as_ours, collect, has_end, header_serial, is_whole};
use crate::records::{Key, Records, RrSet};
use crate::settings::{Mode, NameServer, Server, Settings, mailbox, name_server};
use crate::swap;

/// A zone that this backend writes.
#[derive(Debug)]
pub(crate) struct Zone {
    /// Canonical.
    pub(crate) name: String,
    pub(crate) mode: Mode,
    /// The zone file, which the server reads.
    pub(crate) file: PathBuf,
    /// The file that zonemux writes: the one that is included, or the zone file.
    pub(crate) managed: PathBuf,
    pub(crate) include_base: IncludeBase,
    /// How the server reads the files.
    pub(crate) dialect: Dialect,
    /// What the settings say of a zone that zonemux owns.
    pub(crate) owned: Owned,
    /// What was read last.
    pub(crate) known: Known,
    /// The operator's own names are not all host names: the server must have been told to take them.
    pub(crate) any_names: bool,
    /// A serial that was written and taken back: somebody may have seen it.
    pub(crate) burnt: Option<u32>,
    pub(crate) lock: Lock,
}

/// What the settings say of a zone that zonemux owns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owned {
    pub(crate) servers: Vec<NameServer>,
    pub(crate) mailbox: Option<String>,
    /// Refresh, retry, expire and minimum of a new zone, in seconds.
    pub(crate) times: [u32; 4],
    pub(crate) default_ttl: u32,
}

/// A zone's files as they were read.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The operator's files; in mode `whole` the zone file.
    pub(crate) sources: Vec<Source>,
    pub(crate) includes: Vec<Include>,
    pub(crate) soa: Option<Soa>,
    /// What is not a client's.
    pub(crate) foreigns: Foreigns,
    /// In mode `whole`: what the settings name is not in the file as they name it.
    pub(crate) foreigns_differ: bool,
    /// In mode `whole`: the file is somebody else's work so far.
    pub(crate) adopted: bool,
    /// What zonemux wrote.
    pub(crate) records: Records,
    /// The managed file and what it includes; none where it is not there.
    pub(crate) written: Vec<(PathBuf, Identity)>,
    /// The managed file is one that zonemux has never written: it has no end yet.
    pub(crate) unfinished: bool,
    /// The serial with which the records were written.
    pub(crate) written_serial: Option<u32>,
}

impl Known {
    /// Whether all files are as they were read.
    fn is_current(&mut self, managed: &Path) -> bool {
        if self.written.is_empty() && managed.exists() {
            return false;
        }
        let sources = self.sources.iter_mut().map(|source| (&source.path, &mut source.identity));
        let written = self.written.iter_mut().map(|(path, identity)| (&*path, identity));
        sources.chain(written).all(|(path, identity)| identity::is_unchanged(path, identity))
    }
}

impl Zone {
    /// Takes a zone's lock, and puts aside what a crash left. Its files are to be [read](Self::refresh).
    pub(crate) fn open(
        name: &str,
        file: &Path,
        settings: &Settings,
        include_base: Option<&Path>,
    ) -> Result<Self> {
        // A link stays one: what it leads to is replaced.
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let managed = match settings.mode {
            Mode::Whole => file.clone(),
            Mode::Include => {
                let mut managed = file.clone().into_os_string();
                managed.push(".zonemux");
                let managed = PathBuf::from(managed);
                managed.canonicalize().unwrap_or(managed)
            }
        };
        let include_base = match (settings.server, include_base) {
            (_, Some(folder)) => IncludeBase::Folder(folder.to_owned()),
            (Server::Knot, None) => IncludeBase::Includer,
            (_, None) => IncludeBase::Folder(file.parent().unwrap_or(Path::new(".")).to_owned()),
        };
        let servers = settings.nameservers.iter().filter_map(|server| name_server(server).ok()).collect();
        let owned = Owned {
            servers,
            mailbox: settings.hostmaster.as_deref().and_then(mailbox),
            times: settings.soa_times(),
            default_ttl: settings.default_ttl(),
        };
        let lock = Lock::take(&managed)?;
        swap::tidy(&managed);
        swap::tidy(&file);
        let (name, mode, known) = (name.to_owned(), settings.mode, Known::default());
        Ok(Self {
            name,
            mode,
            file,
            managed,
            include_base,
            dialect: settings.server.dialect(),
            owned,
            known,
            any_names: false,
            burnt: None,
            lock,
        })
    }

    /// Reads the files again if somebody has written them. Names the RRsets of ours that are not as
    /// they were read before.
    pub(crate) fn refresh(&mut self) -> Result<HashSet<Key>> {
        let first = self.known.sources.is_empty() && self.known.written.is_empty();
        if !first && self.known.is_current(&self.managed) {
            return Ok(HashSet::new());
        }
        // A list without what was there would be taken for a list of deleted records.
        if !first && !self.managed.exists() {
            return Err(Error::retryable(format!(
                "zone {}: `{}` is gone\nhint: put a copy back; when the backend is opened without it, it is made anew",
                self.name,
                self.managed.display()
            )));
        }
        let known = self.read()?;
        let mut edited = HashSet::new();
        if !first {
            let differs = |one: &Records, other: &Records, edited: &mut HashSet<Key>| {
                let keys = one.iter().filter(|(key, set)| other.get(*key) != Some(set));
                edited.extend(keys.map(|(key, _)| key.clone()));
            };
            differs(&self.known.records, &known.records, &mut edited);
            differs(&known.records, &self.known.records, &mut edited);
            if !edited.is_empty() {
                tracing::info!(
                    zone = self.name,
                    rrsets = edited.len(),
                    "the managed records were edited by somebody else"
                );
            }
        }
        self.known = known;
        Ok(edited)
    }

    fn read(&self) -> Result<Known> {
        let known = match self.mode {
            Mode::Include => self.read_included(),
            Mode::Whole => self.read_whole(),
        }?;
        tracing::debug!(
            zone = self.name,
            records = known.records.len(),
            others = known.foreigns.len(),
            "zone files read"
        );
        Ok(known)
    }

    fn read_included(&self) -> Result<Known> {
        let mut foreigns = Foreigns::new();
        let (read, mut collected) = self.read_file(&self.file, Some(&self.managed))?;
        for (key, (set, source, line)) in std::mem::take(&mut collected) {
            let path = Arc::from(read.sources[source].path.as_path());
            foreigns.insert(key, Foreign { set, origin: Origin::Line(path, line) });
        }
        if read.soa.is_none() {
            return Err(config(format!(
                "`{}` has no SOA of {}\nhint: name the zone's own file, or say `mode = \"whole\"` for one that \
                 zonemux shall write",
                self.file.display(),
                self.name
            )));
        }
        match read.includes.iter().filter(|include| include.target.is_none()).count() {
            1 => {}
            0 => {
                return Err(config(format!(
                    "`{}` does not include the file that zonemux writes\nhint: add this as its last line: \
                     $INCLUDE {}",
                    self.file.display(),
                    self.managed.display()
                )));
            }
            _ => {
                let (file, managed) = (self.file.display(), self.managed.display());
                return Err(config(format!("`{file}` includes `{managed}` more than once")));
            }
        }
        let mut known = Known {
            sources: read.sources,
            includes: read.includes,
            soa: read.soa,
            foreigns,
            ..Known::default()
        };
        if self.managed.exists() {
            let (read, collected) = self.read_file(&self.managed, None)?;
            if read.soa.is_some() {
                return Err(config(format!(
                    "`{}` has an SOA, which is the zone file's",
                    self.managed.display()
                )));
            }
            known.unfinished = !read.sources.first().is_some_and(|source| has_end(&source.bytes));
            known.records = collected.into_iter().map(|(key, (set, ..))| (key, set)).collect();
            known.written_serial = read.sources.first().and_then(|source| header_serial(&source.bytes));
            known.written = read.sources.into_iter().map(|source| (source.path, source.identity)).collect();
        }
        Ok(known)
    }

    fn read_whole(&self) -> Result<Known> {
        let mut known = Known::default();
        if self.file.exists() {
            let (read, collected) = self.read_file(&self.file, None)?;
            if read.soa.is_none() {
                return Err(config(format!("`{}` has no SOA of {}", self.file.display(), self.name)));
            }
            known.written_serial = read.sources.first().and_then(|source| header_serial(&source.bytes));
            known.adopted = read.sources.first().is_some_and(|source| !is_whole(&self.name, &source.bytes));
            // It is made anew with each change: what it was is of no use.
            let emptied = read.sources.into_iter().map(|source| Source { bytes: Vec::new(), ..source });
            known.sources = emptied.collect();
            known.includes = read.includes;
            known.soa = read.soa;
            known.records = collected.into_iter().map(|(key, (set, ..))| (key, set)).collect();
        }
        self.set_apart(&mut known);
        Ok(known)
    }

    /// Takes out of what was read what is not a client's: the apex NS, and what the settings name.
    fn set_apart(&self, known: &mut Known) {
        let apex_ns = crate::records::key(&self.name, "NS");
        let mut kept = known.records.remove(&apex_ns).map(|set| (set, Origin::Kept));
        if !self.owned.servers.is_empty() {
            let mut targets: Vec<Box<str>> =
                self.owned.servers.iter().map(|it| it.name.as_str().into()).collect();
            targets.sort_unstable();
            targets.dedup();
            let set = self.settings_set(&self.name, "NS", targets);
            known.foreigns_differ |= kept.as_ref().is_none_or(|(present, _)| *present != set);
            kept = Some((set, Origin::Settings));
        }
        for server in &self.owned.servers {
            for (record_type, wanted) in [("A", true), ("AAAA", false)] {
                let addresses = server.addresses.iter().filter(|address| address.is_ipv4() == wanted);
                let mut targets: Vec<Box<str>> =
                    addresses.map(|address| address.to_string().into()).collect();
                if targets.is_empty() || !zonemux_plugin::dns::is_at_or_below(&server.name, &self.name) {
                    continue;
                }
                targets.sort_unstable();
                targets.dedup();
                let set = self.settings_set(&server.name, record_type, targets);
                known.foreigns_differ |= known.records.remove(&set.key()).as_ref() != Some(&set);
                known.foreigns.insert(set.key(), Foreign { set, origin: Origin::Settings });
            }
        }
        if let Some((set, origin)) = kept {
            known.foreigns.insert(set.key(), Foreign { set, origin });
        }
    }

    fn settings_set(&self, name: &str, record_type: &str, targets: Vec<Box<str>>) -> RrSet {
        let ttl = self.owned.default_ttl;
        RrSet { name: name.into(), shown: None, record_type: record_type.into(), ttl, targets }
    }

    fn read_file(&self, file: &Path, managed: Option<&Path>) -> Result<(Read, Collected)> {
        let (zone, include_base, dialect) = (&*self.name, &self.include_base, self.dialect);
        let how = How { zone, include_base, managed, dialect };
        let mut records = Records::new();
        let mut places = std::collections::HashMap::new();
        let read = reader::read(&how, file, &mut |record| {
            let key = collect(&mut records, record);
            // Where a file has only ours, nobody asks for the place.
            if managed.is_some() {
                places.entry(key).or_insert((record.source, record.line));
            }
        })
        .map_err(|error| match error {
            ReadError::Io { ref error, .. } if error.kind() != io::ErrorKind::NotFound => {
                Error::retryable(format!("zone {}: {}", self.name, ReadFailed(file, error)))
            }
            other => config(format!("zone {}: {other}", self.name)),
        })?;
        let bytes = read.sources.first().map_or(&b""[..], |source| &source.bytes);
        // The operator may make the managed file, with nothing in it or with records. Once zonemux has had
        // it whole, it has an end, and one that has none or is empty has lost what was in it.
        let is_managed = self.mode == Mode::Include && managed.is_none();
        if !has_end(bytes) && (begins_as_ours(&self.name, bytes) || (is_managed && self.lock.is_marked()?)) {
            return Err(Error::retryable(format!(
                "zone {}: the end of `{}` is missing\nhint: somebody is writing it, it was cut off or emptied, or a line `; end` was removed from it; put a \
                 copy back, or remove the file and open the backend anew for one without records",
                self.name,
                file.display()
            )));
        }
        if read.outside > 0 {
            tracing::warn!(
                zone = self.name, file = %file.display(), records = read.outside, "records that are not in the zone are ignored"
            );
        }
        let collected = records.into_iter().map(|(key, set)| {
            let (source, line) = places.get(&key).copied().unwrap_or_default();
            (key, (set, source, line))
        });
        Ok((read, collected.collect()))
    }
}

/// RRsets with the position of their source and their line.
type Collected = Vec<(Key, (RrSet, usize, u32))>;

struct ReadFailed<'a>(&'a Path, &'a io::Error);

impl std::fmt::Display for ReadFailed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "can't read `{}`: {}", self.0.display(), self.1)
    }
}

fn config(message: String) -> Error {
    Error::config(message)
}
