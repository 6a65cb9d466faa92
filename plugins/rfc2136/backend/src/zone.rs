//! A zone: its servers, and what is known of its records.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::Mutex;
use zonemux_plugin::{Error, Host, Result};
use zonemux_rdata::{Rtype, name_to_wire};

use crate::connection::{Answer, Purpose, Remote};
use crate::failure::{Asked, Failure};
use crate::message::{Class, Rcode, Writer, records};
use crate::store::{Set, Store};
use crate::transfer::{Copy, Kind, serial, transfer};

/// A zone.
#[derive(Debug)]
pub(crate) struct Zone {
    /// Canonical.
    pub(crate) name: String,
    /// The name in messages.
    pub(crate) apex: Vec<u8>,
    pub(crate) remote: Arc<Remote>,
    /// Zones of the backend's below this one, as names in messages: what lies there is theirs.
    pub(crate) below: Vec<Vec<u8>>,
    /// How long a copy is brought up to date before it is transferred whole again.
    pub(crate) full_transfer: Duration,
    pub(crate) host: Host,
    pub(crate) known: Mutex<Known>,
}

/// What is known of a zone's records.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// What was transferred last.
    copy: Option<Copy>,
    /// What we wrote since; RRsets without records are gone.
    written: Store,
    /// What is known is what was listed last, and what we wrote since.
    is_listed: bool,
    /// The server takes no IXFR.
    only_whole: bool,
    /// What this process wrote last of each RRset that it has not deleted, as hashes: of name and type, and of the
    /// records.
    ours: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Known {
    /// The records of the last transfer.
    pub(crate) fn copy(&self) -> Option<&Copy> {
        self.copy.as_ref()
    }

    /// Notes that all of it was listed.
    pub(crate) fn set_listed(&mut self) {
        self.is_listed = true;
        self.forget_others();
    }

    /// What is not there any more as this process wrote it is somebody else's, also if it looks the same one day.
    fn forget_others(&mut self) {
        let Some(copy) = self.copy.as_ref().filter(|_| !self.ours.is_empty()) else { return };
        let mut kept = HashMap::with_capacity(self.ours.len());
        for set in copy.store.iter() {
            let key = self.hasher.hash_one((set.name, set.rtype));
            if let Some(&written) = self.ours.get(&key)
                && written == self.hasher.hash_one(&*set.to_rdatas())
            {
                kept.insert(key, written);
            }
        }
        self.ours = kept;
    }

    /// Whether what is known is what the client was told, but for what it had written since.
    pub(crate) fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// An RRset that is known to be there.
    pub(crate) fn get(&self, name: &[u8], rtype: Rtype) -> Option<Set<'_>> {
        match self.written.get(name, rtype) {
            Some(written) => Some(written).filter(|set| set.len() > 0),
            None => self.copy.as_ref()?.store.get(name, rtype),
        }
    }

    /// The types that are known to be at a name.
    pub(crate) fn types<'s>(&'s self, name: &'s [u8]) -> impl Iterator<Item = Rtype> + 's {
        let written = self.written.at(name).filter(|set| set.len() > 0).map(|set| set.rtype);
        let copied = self.copy.iter().flat_map(move |copy| copy.store.at(name)).map(|set| set.rtype);
        copied.filter(move |rtype| self.written.get(name, *rtype).is_none()).chain(written)
    }

    /// Whether all records of the zone are known, as they were at one time.
    pub(crate) fn is_whole(&self) -> bool {
        self.copy.is_some()
    }

    /// Notes what was written; no records for what was deleted.
    pub(crate) fn write(&mut self, name: &[u8], rtype: Rtype, ttl: u32, rdatas: &[Vec<u8>]) {
        self.written.put(name, rtype, ttl, rdatas);
        self.note(name, rtype, (!rdatas.is_empty()).then_some(rdatas));
    }

    /// Notes what is in the zone because this process wrote it.
    pub(crate) fn note(&mut self, name: &[u8], rtype: Rtype, rdatas: Option<&[Vec<u8>]>) {
        let key = self.hasher.hash_one((name, rtype));
        match rdatas {
            Some(rdatas) => self.ours.insert(key, self.hasher.hash_one(rdatas)),
            None => self.ours.remove(&key),
        };
    }

    /// Whether these records are what this process wrote last of an RRset.
    pub(crate) fn is_ours(&self, name: &[u8], rtype: Rtype, rdatas: &[Vec<u8>]) -> bool {
        let written = self.ours.get(&self.hasher.hash_one((name, rtype)));
        written.is_some_and(|written| *written == self.hasher.hash_one(rdatas))
    }
}

impl Zone {
    pub(crate) fn new(name: &str, remote: Arc<Remote>, full_transfer: Duration, host: Host) -> Self {
        let (apex, below) = (name_to_wire(name), Vec::new());
        Self { name: name.to_owned(), apex, remote, below, full_transfer, host, known: Mutex::default() }
    }

    pub(crate) fn error(&self, failure: &Failure) -> Error {
        failure.to_error(&self.remote.context(&self.name))
    }

    /// The serial of the zone, and which server said so.
    pub(crate) async fn serial(&self) -> Result<(u32, usize), Failure> {
        let question = Writer::query(&self.apex, Rtype::SOA, Class::In).finish();
        let answer = self.remote.ask(&question, Purpose::Question).await?;
        if answer.rcode != Rcode::NOERROR {
            return Err(self.remote.refusal(&answer, Asked::Serial));
        }
        let all = records(&answer.message);
        let answers = all.as_ref().map_or(0, |all| all.answers);
        let mut found = all.into_iter().flatten().take(answers).flatten();
        let serial = found.find(|record| record.rtype == Rtype::SOA).and_then(|soa| {
            let (mut owner, mut rdata) = (Vec::new(), Vec::new());
            soa.write_owner(&mut owner)?;
            soa.write_rdata(&mut rdata)?;
            serial(&rdata).filter(|_| owner == self.apex)
        });
        match serial {
            Some(serial) => Ok((serial, answer.server)),
            // A server of the zone above answers with a referral.
            None => Err(self.remote.refusal(&Answer { rcode: Rcode::NOTAUTH, ..answer }, Asked::Serial)),
        }
    }

    /// Brings what is known up to what the server has, and says how that came.
    pub(crate) async fn refresh(&self, known: &mut Known) -> Result<Kind, Failure> {
        let mut earlier = None;
        if let Some(copy) = &known.copy {
            let (serial, server) = self.serial().await?;
            let is_fresh = copy.server == server && copy.whole.elapsed() < self.full_transfer;
            // Where we wrote and the serial stayed, it does not tell of changes.
            if is_fresh && copy.serial == serial && known.written.is_empty() {
                self.count(Kind::Nothing);
                return Ok(Kind::Nothing);
            }
            if is_fresh && copy.serial != serial && !known.only_whole {
                earlier = known.copy.take();
            }
        }
        if let Some(earlier) = earlier {
            match transfer(&self.remote, &self.apex, Some(earlier)).await {
                Ok((copy, kind)) => return Ok(self.learn(known, copy, kind)),
                Err(failure) => {
                    known.only_whole |= matches!(
                        &failure,
                        Failure::Refused { rcode: Rcode::NOTIMP | Rcode::FORMERR | Rcode::REFUSED, .. }
                    );
                    let reason = self.error(&failure);
                    tracing::debug!(zone = self.name, %reason, "no transfer of what changed; asking for the whole zone");
                }
            }
        }
        self.refresh_whole(known).await
    }

    /// Transfers the whole zone (AXFR, RFC 5936), whatever its serial says: for when the server has shown that what
    /// is known is not what it has, since not all that changes a zone moves its serial. Where it fails, what was
    /// known stays.
    pub(crate) async fn refresh_whole(&self, known: &mut Known) -> Result<Kind, Failure> {
        let (copy, kind) = transfer(&self.remote, &self.apex, None).await?;
        Ok(self.learn(known, copy, kind))
    }

    /// Takes a copy for what is known.
    fn learn(&self, known: &mut Known, copy: Copy, kind: Kind) -> Kind {
        tracing::debug!(
            zone = self.name,
            serial = copy.serial,
            ?kind,
            rrsets = copy.store.len(),
            "zone transferred"
        );
        self.count(kind);
        known.copy = Some(copy);
        known.is_listed = false;
        known.written = Store::default();
        kind
    }

    fn count(&self, kind: Kind) {
        let kind = match kind {
            Kind::Whole => "whole",
            Kind::Steps => "steps",
            Kind::Nothing => "unchanged",
        };
        self.host.count("rfc2136_transfers_total", &[("kind", kind)], 1);
    }
}
