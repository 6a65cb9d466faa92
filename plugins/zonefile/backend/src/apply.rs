//! A batch, all the way to the served zones.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use zonemux_master_file::rdata;
use zonemux_plugin::dns::{ZoneMap, suffixes};
use zonemux_plugin::{Changes, Error, Host, Outcome, Result};

use crate::batch::{self, Planned};
use crate::candidate::{self, Candidate, Published};
use crate::check::{Checker, Verdict};
use crate::records::{Draft, Key, RrSet, key};
use crate::serial::{self, Policy};
use crate::service::{self, Proof, Service, Told};
use crate::swap::SwapError;
use crate::zone::Zone;

use crate::git;

/// How often a batch is begun anew because an editor was faster.
const ATTEMPTS: u32 = 5;

/// What is left of a call's time for going back when the server does not serve a change.
const RESERVE: Duration = Duration::from_secs(2);

/// How long a call may take that has no limit.
const NO_LIMIT: Duration = Duration::from_secs(600);

/// How many changed RRsets are looked up where no serial shows a change.
const SAMPLES: usize = 4;

/// Everything of one backend.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) zones: Vec<Zone>,
    /// Positions of zones.
    pub(crate) map: ZoneMap<usize>,
    pub(crate) service: Service,
    pub(crate) checker: Option<Checker>,
    pub(crate) policy: Policy,
    pub(crate) default_ttl: u32,
    pub(crate) git: Option<PathBuf>,
    pub(crate) host: Host,
    /// When records that are in the file of another zone than theirs are tried again to be moved.
    pub(crate) move_again: Option<Instant>,
}

/// The next version of a zone, checked.
pub(crate) struct Ready {
    zone: usize,
    candidate: Candidate,
    changes: BTreeMap<Key, Option<RrSet>>,
    proof: Proof,
}

/// What did not come about, and is to be begun anew.
pub(crate) struct Setback {
    /// Zones that an editor has written meanwhile.
    pub(crate) beaten: Vec<usize>,
    /// RRsets for which a server may not have loaded their zone, and why.
    pub(crate) crowded: Vec<(usize, Key, String)>,
}

/// What stands against a zone's next version.
pub(crate) enum Problem {
    /// Nothing of it can be written.
    Zone(Error),
    /// Single units are refused, in the checker's words.
    Units(Vec<(usize, Option<Key>, String)>),
}

impl Site {
    /// Does a batch. An error means that it is not known what is in the files.
    pub(crate) fn apply(
        &mut self,
        changes: &Changes,
        dry_run: bool,
        deadline: Option<Instant>,
    ) -> Result<Outcome> {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + NO_LIMIT);
        if !dry_run && self.move_again.is_some_and(|at| at <= Instant::now()) {
            self.move_misplaced(deadline)?;
        }
        let mut units = batch::plan(&self.zones, &self.map, changes, self.default_ttl);
        let mut failed: Vec<Option<Error>> = self.zones.iter().map(|_| None).collect();
        let mut edited: Vec<HashSet<Key>> = self.zones.iter().map(|_| HashSet::new()).collect();
        for zone in batch::touched(&units) {
            self.look(zone, dry_run, &mut failed[zone], &mut edited[zone]);
        }
        let mut attempts = 0;
        loop {
            let drafts = batch::draft(&self.zones, &mut units, &edited);
            if dry_run {
                break;
            }
            let mut ready = Vec::new();
            let mut refused = Vec::new();
            for (zone, draft) in drafts.into_iter().enumerate() {
                if draft.changes().is_empty() || failed[zone].is_some() {
                    continue;
                }
                match self.ready(zone, draft, &units, deadline) {
                    Ok(one) => ready.push(one),
                    Err(Problem::Zone(error)) => failed[zone] = Some(error),
                    Err(Problem::Units(culprits)) => refused.extend(culprits),
                }
            }
            if !refused.is_empty() {
                for one in ready {
                    one.candidate.discard();
                }
                for (unit, key, reason) in refused {
                    units[unit].refuse(key.as_ref(), reason);
                }
                continue;
            }
            let Setback { beaten, crowded } = self.publish(ready, deadline, &mut failed)?;
            if beaten.is_empty() && crowded.is_empty() {
                break;
            }
            for (zone, key, reason) in crowded {
                batch::refuse(&mut units, zone, &key, &reason);
                self.look(zone, dry_run, &mut failed[zone], &mut edited[zone]);
            }
            attempts += u32::from(!beaten.is_empty());
            for zone in beaten {
                if attempts == ATTEMPTS {
                    let managed = self.zones[zone].managed.display();
                    failed[zone] = Some(Error::retryable(format!(
                        "`{managed}` or its zone file is edited again and again"
                    )));
                } else {
                    self.look(zone, dry_run, &mut failed[zone], &mut edited[zone]);
                }
            }
        }
        Ok(batch::outcome(changes, &units, &failed))
    }

    /// Reads a zone's files again where somebody has written them, and whether they may be written.
    fn look(&mut self, zone: usize, dry_run: bool, failed: &mut Option<Error>, edited: &mut HashSet<Key>) {
        match self.zones[zone].refresh() {
            Ok(keys) => edited.extend(keys),
            Err(error) => *failed = Some(error),
        }
        if !dry_run && let Err(error) = self.refuse_dynamic(&self.zones[zone]) {
            *failed = Some(error);
        }
    }

    /// A zone that BIND changes by itself is not to be written: its journal would no longer fit.
    pub(crate) fn refuse_dynamic(&self, zone: &Zone) -> Result<()> {
        let mut journal = zone.file.clone().into_os_string();
        journal.push(".jnl");
        let journal = PathBuf::from(journal);
        // Asking costs a process: it is done where there is a sign.
        if !self.service.may_be_dynamic() || !journal.exists() {
            return Ok(());
        }
        let name = &zone.name;
        match self.service.is_dynamic(name) {
            Some(false) => Ok(()),
            Some(true) => Err(dynamic(name)),
            None => Err(Error::retryable(format!(
                "zone {name} has a journal, `{}`, and BIND can't be asked whether it takes dynamic updates\nhint: \
                 let `rndc zonestatus {name}` work; a zone with `allow-update` or `update-policy` is for the plugin \
                 `rfc2136`",
                journal.display()
            ))),
        }
    }

    /// Writes a zone's next version beside the present one and has it checked.
    pub(crate) fn ready(
        &self,
        index: usize,
        draft: Draft<'_>,
        units: &[Planned],
        deadline: Instant,
    ) -> Result<Ready, Problem> {
        let zone = &self.zones[index];
        let failed =
            |reason: String| Problem::Zone(Error::retryable(format!("zone {}: {reason}", zone.name)));
        if deadline.saturating_duration_since(Instant::now()) < RESERVE {
            return Err(failed("the call's time was over before anything was written".to_owned()));
        }
        let served = self.service.served(&zone.name).map_err(&failed)?;
        let serial = self.next_serial(zone, served);
        let candidate = candidate::stage(zone, &draft, serial).map_err(|error| failed(error.to_string()))?;
        if let Some(checker) = &self.checker {
            match candidate.check_and_sync(zone, checker, deadline) {
                Ok(Verdict::Good) => {}
                Ok(Verdict::Bad(words)) => {
                    candidate.discard();
                    return Err(self
                        .culprits(index, units, &words, deadline)
                        .unwrap_or_else(|error| failed(error.to_string())));
                }
                Err(error) => {
                    candidate.discard();
                    return Err(failed(error.to_string()));
                }
            }
        }
        let proof = match serial {
            Some(serial) => Proof::Serial(serial),
            None => Proof::Records { before: served, samples: samples(zone, &draft) },
        };
        Ok(Ready { zone: index, candidate, changes: draft.into_changes(), proof })
    }

    /// The serial of a zone's next version; `None` where it is left alone.
    pub(crate) fn next_serial(&self, zone: &Zone, served: Option<u32>) -> Option<u32> {
        if self.policy == Policy::Keep {
            return None;
        }
        let known = [zone.known.written_serial, zone.burnt, served].into_iter().flatten();
        let last = zone.known.soa.as_ref().map_or(0, |soa| soa.serial);
        let last = known.fold(last, serial::newer);
        Some(serial::next(self.policy, last, now()))
    }

    /// Puts next versions in their places, has them loaded, and goes back where they are not served.
    pub(crate) fn publish(
        &mut self,
        ready: Vec<Ready>,
        deadline: Instant,
        failed: &mut [Option<Error>],
    ) -> Result<Setback> {
        let mut crowded = Vec::new();
        let (mut changed, mut placed, mut lost) = (Vec::new(), Vec::new(), None);
        for one in ready {
            let zone = &self.zones[one.zone];
            match one.candidate.publish(zone) {
                Ok(published) => placed.push((one.zone, published, one.changes, one.proof)),
                Err(SwapError::Changed(path)) => {
                    tracing::info!(zone = zone.name, file = %path.display(), "edited by somebody else while it was to be written");
                    changed.push(one.zone);
                }
                Err(error @ SwapError::Lost(..)) => lost = Some(format!("zone {}: {error}", zone.name)),
                Err(error) => {
                    failed[one.zone] = Some(Error::retryable(format!("zone {}: {error}", zone.name)));
                }
            }
        }
        let told: Vec<Told<'_>> = placed.iter().map(|(zone, ..)| self.told(*zone)).collect();
        let reloaded = self.service.reload(&told, deadline);
        let verify_by = deadline.checked_sub(RESERVE).unwrap_or(deadline);
        for ((zone, published, changes, proof), reloaded) in placed.into_iter().zip(reloaded) {
            // Where the command failed, the server may have been told by another: what it serves counts.
            let name = self.zones[zone].name.clone();
            let by = if reloaded.is_ok() { verify_by } else { Instant::now() };
            let was_told = reloaded.is_ok();
            let verified = match reloaded {
                Err(reason) if !self.service.verifies() => Err(reason),
                result => self.service.verify(&name, &proof, by).map_err(|reason| match result {
                    Ok(()) => reason,
                    Err(said) => format!("{said}; {reason}"),
                }),
            };
            match verified {
                Ok(()) => self.keep(zone, published, changes),
                Err(reason) => match self.go_back(zone, published, deadline) {
                    Ok(()) => {
                        let sets = changes.into_iter().filter_map(|(key, set)| Some((key, set?)));
                        let suspects: Vec<_> = sets
                            .filter(|(_, set)| was_told && self.service.may_be_crowded(set))
                            .map(|(key, set)| (zone, key, service::crowded(&set, &reason)))
                            .collect();
                        if suspects.is_empty() {
                            failed[zone] = Some(Error::retryable(format!(
                                "zone {name}: {reason}; the previous files were put back"
                            )));
                        }
                        crowded.extend(suspects);
                    }
                    Err(error) => {
                        lost = Some(format!(
                            "zone {name}: {reason}; and the previous files can't be put back: {error}"
                        ));
                    }
                },
            }
        }
        match lost {
            Some(reason) => Err(Error::retryable(reason)),
            None => Ok(Setback { beaten: changed, crowded }),
        }
    }

    pub(crate) fn told(&self, zone: usize) -> Told<'_> {
        Told { zone: &self.zones[zone].name, file: &self.zones[zone].file }
    }

    fn keep(&mut self, index: usize, published: Published, changes: BTreeMap<Key, Option<RrSet>>) {
        let zone = &mut self.zones[index];
        let serial = published.serial;
        let message =
            self.git.as_ref().map(|_| git::message(&zone.name, serial, &zone.known.records, &changes));
        let count = changes.len();
        published.keep(zone, changes);
        zone.burnt = None;
        tracing::info!(zone = zone.name, rrsets = count, serial, "zone written and served");
        self.host.count("zonefile_writes_total", &[("outcome", "served")], 1);
        if let (Some(repository), Some(message)) = (&self.git, message) {
            let files = zone.known.sources.iter().map(|source| source.path.clone());
            let files: Vec<PathBuf> = files.chain([zone.managed.clone()]).collect();
            if let Err(reason) = git::commit(repository, &files, &message) {
                tracing::warn!(
                    zone = zone.name,
                    reason,
                    "the change is served, and was not committed to git"
                );
                self.host.count("zonefile_git_errors_total", &[], 1);
            }
        }
    }

    fn go_back(&mut self, index: usize, published: Published, deadline: Instant) -> std::io::Result<()> {
        let zone = &mut self.zones[index];
        zone.burnt = published.serial.or(zone.burnt);
        self.host.count("zonefile_writes_total", &[("outcome", "put_back")], 1);
        published.put_back()?;
        // It may have half of the new version, or load it later; where it is down it will read the file.
        let by = deadline.max(Instant::now() + Duration::from_millis(500));
        for reason in self.service.reload(&[self.told(index)], by).into_iter().filter_map(Result::err) {
            tracing::debug!(
                zone = self.zones[index].name,
                reason,
                "the server could not be told of the previous files"
            );
        }
        Ok(())
    }
}

pub(crate) fn dynamic(zone: &str) -> Error {
    Error::config(format!(
        "zone {zone} takes dynamic updates, so BIND writes its file by itself\nhint: use the plugin `rfc2136` for it, or \
         take `allow-update` and `update-policy` out of BIND's configuration of the zone"
    ))
}

/// Changed RRsets by which a server shows that it has the change: not those that a wildcard or a
/// delegation may answer for.
fn samples(zone: &Zone, draft: &Draft<'_>) -> Vec<(RrSet, bool)> {
    let is_delegated = |name: &str| {
        let above = suffixes(name).take_while(|above| *above != zone.name);
        above
            .map(|above| key(above, "NS"))
            .any(|ns| draft.get(&ns).is_some() || zone.known.foreigns.contains_key(&ns))
    };
    let fits = |set: &&RrSet| {
        rdata::is_known(&set.record_type) && !set.name.starts_with('*') && !is_delegated(&set.name)
    };
    let put = draft.changes().values().flatten().filter(&fits).map(|set| (set.clone(), true));
    let removed = draft.changes().iter().filter(|(_, change)| change.is_none());
    let removed = removed
        .filter_map(|(key, _)| zone.known.records.get(key))
        .filter(&fits)
        .map(|set| (set.clone(), false));
    put.chain(removed).take(SAMPLES).collect()
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
