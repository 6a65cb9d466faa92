//! A catalog zone (RFC 9432): the names of all zones as a zone, so that secondaries need no configuration for each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use zonemux_authority_zones::{Name, Origin, Rrset, SerialPolicy, Soa, TooLarge, Zone, unix_time};
use zonemux_rdata::Rtype;

use crate::shared::Shared;

/// Seconds: how often a secondary looks, how soon again, and after how long without us it gives up.
const REFRESH: u32 = 3600;
const RETRY: u32 = 600;
const EXPIRE: u32 = 2_147_483_646;
const TTL: u32 = 3600;
/// The shortest time between two steps.
const PAUSE: Duration = Duration::from_millis(1100);

/// Keeps the catalog equal to the zones that there are, for ever.
pub(crate) async fn keep(apex: Name, shared: Arc<Shared>) {
    let mut changes = shared.zones.subscribe();
    let mut known = None;
    // Zones that are opened together are told of together.
    tokio::time::sleep(PAUSE).await;
    loop {
        changes.mark_unchanged();
        let members = members(&shared, &apex);
        if known.as_ref() != Some(&members) {
            match catalog(&shared, &apex, &members) {
                Ok(Some(zone)) => shared.zones.publish([zone]),
                Ok(None) => {}
                // Names are short.
                Err(error) => tracing::error!(%error, "the catalog zone was not made"),
            }
            known = Some(members);
        }
        if changes.changed().await.is_err() {
            return;
        }
        // No more steps than seconds, or the serial would run ahead of the time, and the next process begin below it.
        tokio::time::sleep(PAUSE).await;
    }
}

fn members(shared: &Shared, apex: &Name) -> BTreeSet<Name> {
    shared.zones.table().iter().map(|zone| zone.apex().clone()).filter(|name| name != apex).collect()
}

/// The catalog with these members, a step after the one that there is; `None` where it is that.
fn catalog(shared: &Shared, apex: &Name, members: &BTreeSet<Name>) -> Result<Option<Arc<Zone>>, TooLarge> {
    let invalid = b"\x07invalid\0".to_vec();
    let soa = Soa {
        mname: invalid.clone(),
        rname: invalid.clone(),
        refresh: REFRESH,
        retry: RETRY,
        expire: EXPIRE,
        minimum: 0,
        ttl: TTL,
    };
    let there = shared.zones.table().get(apex).cloned();
    // Nothing of it is kept, so each process begins with the time, which is later than what was before.
    let base = there.clone().unwrap_or_else(|| Arc::new(Zone::new(apex.clone(), &soa, unix_time())));
    let mut draft = base.draft();
    let record = |rtype, rdata: Vec<u8>| Rrset::new(rtype, TTL, Origin::Fixed, [rdata], b"");
    draft.put(apex, &record(Rtype::NS, invalid)?);
    draft.put(&below(apex, &[b"version"]), &record(Rtype::TXT, b"\x012".to_vec())?);
    let wanted: BTreeSet<Name> = members.iter().map(|member| place(apex, member)).collect();
    for (owner, rrset) in base.iter().filter(|(_, rrset)| rrset.rtype() == Rtype::PTR) {
        if !wanted.contains(&owner) {
            draft.remove(&owner, rrset.rtype());
        }
    }
    for member in members {
        draft.put(&place(apex, member), &record(Rtype::PTR, member.to_wire())?);
    }
    let changed = draft.finish(&soa, base.next_serial(SerialPolicy::UnixTime));
    Ok(changed.map(|changed| changed.zone))
}

/// Where a member stands: below a label of its own, the same as long as it is a member (RFC 9432, section 4.1).
fn place(apex: &Name, member: &Name) -> Name {
    // FNV-1a, which is the same in every version of this program.
    let hash = member.to_wire().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    });
    below(apex, &[format!("{hash:016x}").as_bytes(), b"zones"])
}

fn below(apex: &Name, labels: &[&[u8]]) -> Name {
    let mut wire = Vec::new();
    for label in labels {
        wire.push(u8::try_from(label.len()).unwrap_or(63));
        wire.extend_from_slice(label);
    }
    wire.extend(apex.to_wire());
    // The settings allow no apex that is so long.
    Name::from_wire(&wire).unwrap_or_else(|| apex.clone())
}
