//! One behaviour's view of the backend under test.

use std::time::Duration;

use crate::dns::{canonical, is_at_or_below};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::testing::{ChangesBuilder, TestBackend};

/// The backend, and names that belong to one behaviour alone.
pub(super) struct Trial<'a> {
    backend: &'a TestBackend,
    zone: &'a str,
    base: String,
}

impl<'a> Trial<'a> {
    pub(super) fn new(backend: &'a TestBackend, zone: &'a str, behaviour: &str) -> Self {
        Self { backend, zone, base: format!("{}.battery.{zone}", behaviour.replace(' ', "-")) }
    }

    pub(super) fn zone(&self) -> &str {
        self.zone
    }

    /// A name of this behaviour's.
    pub(super) fn name(&self, label: &str) -> String {
        format!("{label}.{}", self.base)
    }

    /// A record at a name of this behaviour's, with a TTL that every server can store.
    pub(super) fn record(&self, label: &str, record_type: &str, targets: &[&str]) -> Endpoint {
        Endpoint::new(self.name(label), record_type, targets.iter().copied()).with_ttl(300)
    }

    /// The ownership TXT of a record, as the registry sends it.
    pub(super) fn ownership(of: &Endpoint) -> Endpoint {
        let name = format!("x-{}.{}", of.record_type.to_ascii_lowercase(), of.dns_name);
        let mut ownership =
            Endpoint::new(name, "TXT", ["\"heritage=external-dns,external-dns/owner=battery\""]);
        ownership.labels.insert("ownedRecord".into(), of.dns_name.clone());
        ownership.set_identifier.clone_from(&of.set_identifier);
        ownership
    }

    /// The types that the backend takes; none: all.
    pub(super) fn record_types(&self) -> Vec<String> {
        self.backend.capabilities().record_types
    }

    pub(super) fn adjusted(&self, endpoint: &Endpoint) -> Result<Endpoint, String> {
        let adjusted = self.backend.adjust([endpoint.clone()]).map_err(failed("adjust"))?;
        <[Endpoint; 1]>::try_from(adjusted)
            .map(|[adjusted]| adjusted)
            .map_err(|adjusted| format!("adjust made {} endpoints of one", adjusted.len()))
    }

    pub(super) fn try_apply(&self, batch: &ChangesBuilder) -> Result<Outcome, String> {
        self.backend.apply(batch).map_err(failed("apply"))
    }

    pub(super) fn dry_run(&self, batch: &ChangesBuilder) -> Result<Outcome, String> {
        self.backend.dry_run(batch).map_err(failed("a dry run"))
    }

    /// Asks for a list and waits no longer than that, whatever comes of it.
    pub(super) fn give_up_list(&self, limit: Duration) {
        drop(self.backend.records_within(Some(limit)));
    }

    /// Applies a batch and waits no longer than that, whatever comes of it.
    pub(super) fn give_up_apply(&self, batch: &ChangesBuilder, limit: Duration) {
        drop(self.backend.apply_within(batch, false, Some(limit)));
    }

    /// Applies a batch of which nothing may be refused.
    pub(super) fn apply(&self, batch: &ChangesBuilder) -> Result<(), String> {
        match self.try_apply(batch)?.failures() {
            [] => Ok(()),
            [first, ..] => Err(format!("{:?} was refused: {}", first.change, first.reason)),
        }
    }

    /// Creates endpoints as `ExternalDNS` would, after adjusting them.
    pub(super) fn create(&self, endpoints: &[Endpoint]) -> Result<(), String> {
        let mut batch = ChangesBuilder::new();
        for endpoint in endpoints {
            batch = batch.create(self.adjusted(endpoint)?);
        }
        self.apply(&batch)
    }

    /// What is listed at this behaviour's names, and at the apex.
    pub(super) fn listed(&self) -> Result<Vec<Endpoint>, String> {
        let mut listed = self.backend.records().map_err(failed("records"))?;
        listed.retain(|endpoint| {
            let name = canonical(&endpoint.dns_name).unwrap_or_default();
            is_at_or_below(&name, &self.base)
        });
        Ok(listed)
    }

    pub(super) fn at_apex(&self, record_type: &str) -> Result<Vec<Endpoint>, String> {
        let mut listed = self.backend.records().map_err(failed("records"))?;
        listed.retain(|endpoint| endpoint.dns_name == self.zone && endpoint.record_type == record_type);
        Ok(listed)
    }

    /// Expects exactly these endpoints, adjusted, to be listed: with nothing for the planner to do.
    pub(super) fn expect(&self, expected: &[Endpoint]) -> Result<(), String> {
        let expected: Vec<Endpoint> =
            expected.iter().map(|endpoint| self.adjusted(endpoint)).collect::<Result<_, _>>()?;
        settled(&self.listed()?, &expected)
    }

    /// Removes what this behaviour wrote.
    pub(super) fn clean(&self) -> Result<(), String> {
        let batch = self.listed()?.into_iter().fold(ChangesBuilder::new(), ChangesBuilder::delete);
        self.apply(&batch)?;
        let left = self.listed()?.len();
        if left == 0 { Ok(()) } else { Err(format!("{left} records are left after all were deleted")) }
    }
}

fn failed(call: &'static str) -> impl Fn(Error) -> String {
    move |error| format!("{call} failed: {error}")
}

/// Compares as the planner does (`plan/plan.go`): what differs here would be updated for ever.
pub(super) fn settled(listed: &[Endpoint], expected: &[Endpoint]) -> Result<(), String> {
    for wanted in expected {
        let key = |endpoint: &&Endpoint| {
            canonical(&endpoint.dns_name).ok() == canonical(&wanted.dns_name).ok()
                && endpoint.record_type == wanted.record_type
                && endpoint.set_identifier == wanted.set_identifier
        };
        let found: Vec<&Endpoint> = listed.iter().filter(key).collect();
        let what = format!("{} {}", wanted.record_type, wanted.dns_name);
        let [found] = found[..] else {
            return Err(format!("{what} is listed {} times, not once", found.len()));
        };
        if sorted(&found.targets) != sorted(&wanted.targets) {
            return Err(format!("{what} is listed with {:?} instead of {:?}", found.targets, wanted.targets));
        }
        if wanted.record_ttl != 0 && found.record_ttl != wanted.record_ttl {
            return Err(format!(
                "{what} is listed with TTL {} instead of {}",
                found.record_ttl, wanted.record_ttl
            ));
        }
        let properties = |endpoint: &Endpoint| {
            let mut list = endpoint.provider_specific.clone();
            list.sort_by(|left, right| left.name.cmp(&right.name));
            list
        };
        if properties(found) != properties(wanted) {
            return Err(format!("{what} is listed with properties {:?}", found.provider_specific));
        }
    }
    if listed.len() == expected.len() {
        return Ok(());
    }
    let names: Vec<_> = listed.iter().map(|endpoint| (&endpoint.record_type, &endpoint.dns_name)).collect();
    Err(format!("{} records are listed instead of {}: {names:?}", listed.len(), expected.len()))
}

/// The planner's order and comparison: addresses by value, other text without case.
fn sorted(targets: &[String]) -> Vec<String> {
    let address = |target: &String| target.parse::<std::net::IpAddr>().map(|address| address.to_string());
    let mut sorted: Vec<(String, &String)> =
        targets.iter().map(|target| (address(target).unwrap_or_else(|_| target.clone()), target)).collect();
    sorted.sort();
    sorted.into_iter().map(|(key, _)| key.to_ascii_lowercase()).collect()
}
