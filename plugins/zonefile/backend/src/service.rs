//! The server that reads the files: told to load them, and asked whether it did.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use zonemux_plugin::Host;
use zonemux_rdata::is_later;

use crate::command::{self, Ran};
use crate::query::{self, QueryError};
use crate::records::RrSet;
use crate::settings::{Control, Server, Settings, address, fill};
use crate::steps::step;

/// How long one question may take.
const ONE_QUERY: Duration = Duration::from_secs(1);

/// How long a control program may take to say what a zone is.
const STATUS_LIMIT: Duration = Duration::from_secs(10);

/// How many records of one name and type BIND loads unless its option `max-records-per-type` says more:
/// since 9.18.28 (CVE-2024-1737). `named-checkzone` knows nothing of it, and nothing else says what it is.
const BIND_RECORDS_PER_TYPE: usize = 100;

/// How to reach the server.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    server: Server,
    control: Control,
    reload: Option<Vec<String>>,
    verify: Option<SocketAddr>,
    limit: Duration,
}

/// A zone, as far as the server is told of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) zone: &'a str,
    pub(crate) file: &'a Path,
}

/// What shows that the server serves a change.
#[derive(Debug)]
pub(crate) enum Proof {
    /// A serial that is at least so new.
    Serial(u32),
    /// Another serial than before, or one of these RRsets as it shall be; `None` as its targets where it
    /// shall be gone.
    Records { before: Option<u32>, samples: Vec<(RrSet, bool)> },
}

impl Service {
    pub(crate) fn new(settings: &Settings, host: &Host) -> Self {
        let mut control = settings.control.clone();
        for path in [&mut control.key_file, &mut control.socket, &mut control.config].into_iter().flatten() {
            *path = host.resolve(&*path);
        }
        Self {
            server: settings.server,
            control,
            reload: settings.reload.clone(),
            verify: settings.verify_address(),
            limit: settings.verify_limit(),
        }
    }

    /// Whether there is a server to tell of changes.
    pub(crate) fn has_reload(&self) -> bool {
        self.reload.is_some() || self.server != Server::None
    }

    /// Tells the server to load zones; one command for all where it can. Each zone's result, in order:
    /// an error is what the command said.
    pub(crate) fn reload(&self, zones: &[Told<'_>], deadline: Instant) -> Vec<Result<(), String>> {
        if zones.is_empty() || !self.has_reload() {
            return zones.iter().map(|_| Ok(())).collect();
        }
        step("reload");
        let for_each = |words: &dyn Fn(&Told<'_>) -> Vec<String>| {
            zones.iter().map(|told| run(&words(told), deadline).map(drop)).collect()
        };
        let for_all = |words: Vec<String>| {
            let result = run(&words, deadline).map(drop);
            zones.iter().map(|_| result.clone()).collect()
        };
        if let Some(words) = &self.reload {
            let each = words.iter().any(|word| word.contains("{zone}") || word.contains("{file}"));
            return if each {
                for_each(&|told| fill(words, told.zone, told.file))
            } else {
                for_all(words.clone())
            };
        }
        match self.server {
            Server::Bind => for_each(&|told| self.rndc("reload", told.zone)),
            Server::Nsd => {
                let mut words = self.nsd_control();
                words.push("reload".to_owned());
                // Without a zone it looks at all files; with one, at that one.
                if let [told] = zones {
                    words.push(told.zone.to_owned());
                }
                for_all(words)
            }
            Server::Knot => {
                let mut words = self.knotc();
                words.extend(["-b", "zone-reload"].map(str::to_owned));
                words.extend(zones.iter().map(|told| told.zone.to_owned()));
                for_all(words)
            }
            Server::None => zones.iter().map(|_| Ok(())).collect(),
        }
    }

    /// Whether BIND takes dynamic updates to a zone, and so rewrites its file by itself; `None` where it
    /// can't be asked.
    pub(crate) fn is_dynamic(&self, zone: &str) -> Option<bool> {
        if self.server != Server::Bind || self.reload.is_some() {
            return Some(false);
        }
        let said = run(&self.rndc("zonestatus", zone), Instant::now() + STATUS_LIMIT);
        match said {
            Ok(ran) => Some(ran.words.lines().any(|line| line.trim() == "dynamic: yes")),
            Err(reason) => {
                tracing::debug!(zone, reason, "can't ask BIND what the zone is");
                None
            }
        }
    }

    /// Whether the server is asked what it serves.
    pub(crate) fn verifies(&self) -> bool {
        self.verify.is_some()
    }

    /// Whether this server may take updates to a zone.
    pub(crate) fn may_be_dynamic(&self) -> bool {
        self.server == Server::Bind
    }

    /// Whether a server that does not load a zone may have its reason in this RRset's size.
    pub(crate) fn may_be_crowded(&self, set: &RrSet) -> bool {
        self.server == Server::Bind && set.targets.len() > BIND_RECORDS_PER_TYPE
    }

    /// The serial that the server answers now; `Ok(None)` where it answers that it does not serve the
    /// zone, or where nobody is to be asked.
    pub(crate) fn served(&self, zone: &str) -> Result<Option<u32>, String> {
        let Some(verify) = self.verify else {
            return Ok(None);
        };
        let mut attempts = 0;
        loop {
            attempts += 1;
            match query::serial(verify, zone, ONE_QUERY) {
                Ok(serial) => return Ok(Some(serial)),
                Err(QueryError::Refused(_) | QueryError::Malformed) => return Ok(None),
                // A packet may be lost.
                Err(QueryError::Io(_)) if attempts < 3 => {}
                Err(QueryError::Io(error)) => {
                    return Err(format!("the server at {verify} does not answer: {error}"));
                }
            }
        }
    }

    /// Waits until the server serves a change; else what it serves instead.
    pub(crate) fn verify(&self, zone: &str, proof: &Proof, deadline: Instant) -> Result<(), String> {
        let Some(verify) = self.verify else {
            return Ok(());
        };
        step("verify");
        let limit = (Instant::now() + self.limit).min(deadline);
        let mut pause = Duration::from_millis(1);
        loop {
            let reason = match look(verify, zone, proof) {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            };
            if Instant::now() >= limit {
                return Err(format!("the server at {verify} {reason}"));
            }
            thread::sleep(pause);
            pause = (pause * 3 / 2).min(Duration::from_millis(20));
        }
    }

    fn rndc(&self, what: &str, zone: &str) -> Vec<String> {
        let mut words = vec!["rndc".to_owned()];
        let control = &self.control;
        if let Some(address) = control.address.as_deref().and_then(|text| address(text, 953)) {
            words.extend([
                "-s".to_owned(),
                address.ip().to_string(),
                "-p".to_owned(),
                address.port().to_string(),
            ]);
        }
        push_path(&mut words, "-k", control.key_file.as_ref());
        push_path(&mut words, "-c", control.config.as_ref());
        words.extend([what, zone].map(str::to_owned));
        if let Some(view) = &control.view {
            words.extend(["IN", view].map(str::to_owned));
        }
        words
    }

    fn nsd_control(&self) -> Vec<String> {
        let mut words = vec!["nsd-control".to_owned()];
        push_path(&mut words, "-c", self.control.config.as_ref());
        push_path(&mut words, "-s", self.control.socket.as_ref());
        if let Some(address) = self.control.address.as_deref().and_then(|text| address(text, 8952)) {
            words.extend(["-s".to_owned(), format!("{}@{}", address.ip(), address.port())]);
        }
        words
    }

    fn knotc(&self) -> Vec<String> {
        let mut words = vec!["knotc".to_owned()];
        push_path(&mut words, "-c", self.control.config.as_ref());
        push_path(&mut words, "-s", self.control.socket.as_ref());
        words
    }
}

/// Why an RRset is refused that [may be](Service::may_be_crowded) what `reason` comes from.
pub(crate) fn crowded(set: &RrSet, reason: &str) -> String {
    format!(
        "{reason}; it has {} records, and BIND loads no zone with more than {BIND_RECORDS_PER_TYPE} of one name and \
         type, unless its option `max-records-per-type` says so",
        set.targets.len()
    )
}

fn push_path(words: &mut Vec<String>, option: &str, path: Option<&PathBuf>) {
    if let Some(path) = path {
        words.extend([option.to_owned(), path.to_string_lossy().into_owned()]);
    }
}

/// Runs a command that has to succeed.
fn run(words: &[String], deadline: Instant) -> Result<Ran, String> {
    let ran = command::run(words, None, deadline).map_err(|error| error.to_string())?;
    if ran.success { Ok(ran) } else { Err(format!("`{}` failed: {}", words.join(" "), ran.words)) }
}

/// Whether a proof is there; else what is there instead.
fn look(verify: SocketAddr, zone: &str, proof: &Proof) -> Result<(), String> {
    let answered = query::serial(verify, zone, ONE_QUERY);
    match (proof, answered) {
        (_, Err(error)) => Err(format!("does not answer for {zone}: {error}")),
        (Proof::Serial(wanted), Ok(served)) if is_later(*wanted, served) => {
            Err(format!("goes on serving serial {served} of {zone} instead of {wanted}"))
        }
        (Proof::Serial(_), Ok(_)) => Ok(()),
        (Proof::Records { before, samples }, Ok(served)) => {
            if before.is_some_and(|before| before != served) || samples.is_empty() {
                return Ok(());
            }
            for (set, present) in samples {
                let targets = query::targets(verify, &set.name, &set.record_type, ONE_QUERY)
                    .map_err(|error| format!("does not answer for {}: {error}", set.name))?;
                let same = targets.iter().map(String::as_str).eq(set.targets.iter().map(|target| &**target));
                if same != *present {
                    return Err(format!("goes on serving the old {} of {}", set.record_type, set.name));
                }
            }
            Ok(())
        }
    }
}
