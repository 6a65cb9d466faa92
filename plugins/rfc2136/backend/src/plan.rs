//! A batch as what shall become of RRsets, unit by unit and zone by zone.

use zonemux_plugin::dns::check_target;
use zonemux_plugin::{Change, ChangeId, Changes, EndpointRef, Error, Outcome, is_ownership_txt};
use zonemux_rdata::{Rtype, encode, name_to_text, record_type, write_name};

use crate::opening::Site;
use crate::transfer::is_kept;

/// Records as they shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Seconds.
    pub(crate) ttl: u32,
    /// Sorted, each once.
    pub(crate) rdatas: Vec<Vec<u8>>,
}

/// What shall become of one RRset.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) name: Vec<u8>,
    pub(crate) rtype: Rtype,
    pub(crate) changes: Vec<ChangeId>,
    /// What the client believes is there, where it said so; sorted.
    pub(crate) old: Option<Vec<Vec<u8>>>,
    /// What was listed last, where that is known.
    pub(crate) listed: Option<Vec<Vec<u8>>>,
    /// What shall be there; nothing where it is deleted.
    pub(crate) wanted: Option<Wanted>,
    /// Whether the client believes that nothing is there.
    pub(crate) is_create: bool,
    /// It is an ownership TXT of `ExternalDNS`'s.
    pub(crate) owns: bool,
    /// What has to be there so that it is done; nothing for no records.
    pub(crate) expected: Vec<Vec<u8>>,
    /// The TTL of that, as far as it is known; in seconds.
    pub(crate) expected_ttl: u32,
    /// It was seen to be as wanted.
    pub(crate) is_done: bool,
}

impl Step {
    pub(crate) fn what(&self) -> String {
        format!("{} {}", self.rtype, name_to_text(&self.name))
    }
}

/// The steps of a unit in one zone, which are done together or not at all.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// The position of the unit.
    pub(crate) unit: usize,
    pub(crate) zone: usize,
    pub(crate) steps: Vec<Step>,
}

/// What became of a unit.
#[derive(Debug)]
pub(crate) enum Fate {
    Open,
    /// A change that can't be done, where it is one alone, and why.
    Failed(Option<ChangeId>, Error),
}

/// A unit, and its parts that are still to be done.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) changes: Vec<ChangeId>,
    pub(crate) parts: Vec<Part>,
    pub(crate) fate: Fate,
}

impl Planned {
    pub(crate) fn fail(&mut self, change: Option<ChangeId>, error: Error) {
        self.fate = Fate::Failed(change, error);
        self.parts.clear();
    }
}

/// Reads a batch.
pub(crate) fn plan(site: &Site, changes: &Changes) -> Vec<Planned> {
    let units = changes.units().into_iter().enumerate();
    units
        .map(|(index, unit)| {
            let mut planned = Planned { changes: unit.changes, parts: Vec::new(), fate: Fate::Open };
            for at in 0..planned.changes.len() {
                let id = planned.changes[at];
                let Some(change) = changes.get(id) else { continue };
                match read(site, id, &change) {
                    Ok((zone, step)) => add(&mut planned.parts, index, zone, step),
                    Err(reason) => {
                        planned.fail(Some(id), Error::permanent(reason));
                        break;
                    }
                }
            }
            planned
        })
        .collect()
}

fn add(parts: &mut Vec<Part>, unit: usize, zone: usize, step: Step) {
    let at = parts.iter().position(|part| part.zone == zone).unwrap_or_else(|| {
        parts.push(Part { unit, zone, steps: Vec::with_capacity(2) });
        parts.len() - 1
    });
    let steps = &mut parts[at].steps;
    let same = steps.iter_mut().find(|other| other.rtype == step.rtype && other.name == step.name);
    let Some(same) = same else {
        steps.push(step);
        return;
    };
    // A delete and a create of one RRset are an update.
    same.changes.extend(step.changes);
    same.wanted = step.wanted;
    same.owns |= step.owns;
}

fn read(site: &Site, id: ChangeId, change: &Change<'_>) -> Result<(usize, Step), String> {
    let endpoint = change.endpoint();
    let (name, zone) = site.map.place(endpoint.dns_name()).map_err(|error| error.to_string())?;
    let Some(&zone) = zone else {
        return Err(format!("{name} is in none of the backend's zones"));
    };
    let at_apex = site.zones[zone].name == *name;
    let rtype = accept(endpoint, &name, at_apex)?;
    let mut wire = Vec::with_capacity(name.len() + 2);
    write_name(&name, &mut wire);
    let (old, wanted) = match *change {
        Change::Create(new) => (None, Some(wanted(site, rtype, new)?)),
        // What can't be read was never there; then it is as if the client had not said what was.
        Change::Update { old, new } => {
            (old.and_then(|old| rdatas(rtype, old).ok()), Some(wanted(site, rtype, new)?))
        }
        Change::Delete(old) => (rdatas(rtype, old).ok(), None),
    };
    let step = Step {
        name: wire,
        rtype,
        changes: vec![id],
        old: old.filter(|old| !old.is_empty()),
        listed: None,
        wanted,
        is_create: matches!(change, Change::Create(_)),
        owns: is_ownership_txt(&endpoint),
        expected: Vec::new(),
        expected_ttl: site.default_ttl,
        is_done: false,
    };
    Ok((zone, step))
}

/// The type of an endpoint that a zone can have.
fn accept(endpoint: EndpointRef<'_>, name: &str, at_apex: bool) -> Result<Rtype, String> {
    let text = endpoint.record_type();
    let rtype = record_type(text).ok_or_else(|| format!("{text:?} is not a record type"))?;
    if !endpoint.set_identifier().is_empty() {
        return Err(
            "a zone has one RRset of a name and type: set identifiers can't be told apart there".to_owned()
        );
    }
    if at_apex && rtype == Rtype::CNAME {
        return Err(format!(
            "{name} is the apex of its zone: a CNAME can't stand beside the SOA and NS there"
        ));
    }
    if at_apex && rtype == Rtype::NS {
        return Err(format!("the NS records of {name} are the zone's own"));
    }
    if !is_kept(rtype, at_apex) {
        return Err(format!("{rtype} records are the server's own"));
    }
    Ok(rtype)
}

fn wanted(site: &Site, rtype: Rtype, endpoint: EndpointRef<'_>) -> Result<Wanted, String> {
    let rdatas = rdatas(rtype, endpoint)?;
    match rdatas.len() {
        0 => return Err("it has no targets".to_owned()),
        1 => {}
        count if matches!(rtype, Rtype::CNAME | Rtype::DNAME) => {
            return Err(format!("a {rtype} has one target, not {count}"));
        }
        _ => {}
    }
    let ttl = if endpoint.record_ttl() == 0 { site.default_ttl } else { endpoint.record_ttl() };
    if ttl > i32::MAX.unsigned_abs() {
        return Err(format!("the TTL {ttl} is above {} seconds", i32::MAX));
    }
    Ok(Wanted { ttl, rdatas })
}

fn rdatas(rtype: Rtype, endpoint: EndpointRef<'_>) -> Result<Vec<Vec<u8>>, String> {
    let targets = endpoint.targets();
    let mut rdatas = Vec::with_capacity(targets.len());
    for target in targets {
        let read = check_target(endpoint.record_type(), target).and_then(|()| encode(rtype, target));
        rdatas.push(read.map_err(|reason| format!("target {target:?}: {reason}"))?);
    }
    rdatas.sort_unstable();
    rdatas.dedup();
    Ok(rdatas)
}

impl Part {
    /// Whether a step of this part makes room at a name.
    pub(crate) fn clears(&self, name: &[u8], rtype: Rtype) -> bool {
        self.steps.iter().any(|step| step.rtype == rtype && step.name == name && step.wanted.is_none())
    }
}

/// What became of the batch, for the daemon.
pub(crate) fn outcome(changes: &Changes, units: &[Planned]) -> Outcome {
    let mut outcome = Outcome::applied();
    for unit in units {
        let Fate::Failed(culprit, error) = &unit.fate else { continue };
        for &id in &unit.changes {
            match culprit.and_then(|culprit| Some((culprit, changes.get(culprit)?))) {
                Some((culprit, change)) if culprit != id => {
                    let endpoint = change.endpoint();
                    let (what, name) = (endpoint.record_type(), endpoint.dns_name());
                    let reason = format!("left undone together with {what} {name}: {}", error.message());
                    outcome.fail(id, &Error::new(error.kind(), reason));
                }
                _ => outcome.fail(id, error),
            }
        }
    }
    outcome
}
