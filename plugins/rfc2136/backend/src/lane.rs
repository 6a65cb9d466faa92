//! The parts of a batch that are one zone's, all the way to the server.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use zonemux_plugin::{ChangeId, Error, ErrorKind, Result};
use zonemux_rdata::Rtype;

use crate::connection::{Answer, Purpose};
use crate::decide::{Decision, beside, decide, expect};
use crate::failure::{Asked, Failure};
use crate::message::Rcode;
use crate::plan::Part;
use crate::probe::may_update;
use crate::transfer::Kind;
use crate::update::{message, pack};
use crate::zone::{Known, Zone};

/// How often parts are decided anew because the zone changed meanwhile.
const ROUNDS: usize = 6;
/// After so many parts that a server refuses, and none that it takes, it is asked whether it takes any change at all.
const STREAK: usize = 3;
/// Where it says no, after how many the others are not tried: a key may have rights to single names.
const MOST_REFUSED: usize = 8;
/// How long to wait before each further look at what became of a message.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];
/// What is left of a call's time for its answer.
const RESERVE: Duration = Duration::from_millis(500);

/// A part that could not be done.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The position of its unit.
    pub(crate) unit: usize,
    /// The change to blame, where it is one alone.
    pub(crate) change: Option<ChangeId>,
    pub(crate) error: Error,
}

/// One zone's share of a batch.
#[derive(Debug)]
pub(crate) struct Lane<'z> {
    pub(crate) zone: &'z Zone,
    deadline: Option<Instant>,
    failed: Vec<Failed>,
    /// Parts of which it has to be looked whether they are done, or can be.
    contested: Vec<Part>,
    /// Parts that the server refused one by one.
    refused: Vec<(Part, Rcode, Failure)>,
    /// Parts that are to be found in the zone before they are believed to be done.
    pub(crate) unproven: Vec<Part>,
    /// A message was sent, and its answer did not come.
    uncertain: Option<Error>,
    is_any_done: bool,
    /// What the server said when it was asked whether it takes any change.
    has_rights: Option<bool>,
    /// Why nothing more is sent.
    stop: Option<Error>,
}

impl<'z> Lane<'z> {
    pub(crate) fn new(zone: &'z Zone, deadline: Option<Instant>) -> Self {
        Self {
            zone,
            deadline,
            failed: Vec::new(),
            contested: Vec::new(),
            refused: Vec::new(),
            unproven: Vec::new(),
            uncertain: None,
            is_any_done: false,
            has_rights: None,
            stop: None,
        }
    }

    /// Does all parts that can be done, and gives the others. An error means that it is not known what was done.
    pub(crate) async fn run(mut self, parts: Vec<Part>) -> Result<Vec<Failed>> {
        let mut pending = self.begin(parts, true).await;
        for round in 0..ROUNDS {
            self.send_all(pending, round == 0).await;
            pending = self.look_again().await?;
            if pending.is_empty() {
                break;
            }
        }
        let zone = &self.zone.name;
        let error =
            Error::retryable(format!("zone {zone}: it changes faster than zonemux can decide what to do"));
        self.fail_all(pending, &error);
        self.try_refused_again().await;
        let left = self.look_again().await?;
        self.fail_all(left, &error);
        self.blame_refused();
        self.prove().await?;
        Ok(self.failed)
    }

    /// What a dry run finds without asking the server.
    pub(crate) async fn dry_run(mut self, parts: Vec<Part>) -> Vec<Failed> {
        self.begin(parts, false).await;
        self.failed
    }

    /// Sets what is expected, and leaves out what can't be done as far as is known.
    async fn begin(&mut self, parts: Vec<Part>, sorts: bool) -> Vec<Part> {
        let known = self.zone.known.lock().await;
        let mut pending = Vec::with_capacity(parts.len());
        for mut part in parts {
            expect(&mut part, &known);
            match beside(&part, &known) {
                Some((change, error)) => self.fail(&part, Some(change), error),
                None => pending.push(part),
            }
        }
        if sorts {
            // All of one name come together.
            pending.sort_by(|left, right| left.steps[0].name.cmp(&right.steps[0].name));
        }
        pending
    }

    pub(crate) fn fail(&mut self, part: &Part, change: Option<ChangeId>, error: Error) {
        self.failed.push(Failed { unit: part.unit, change, error });
    }

    fn fail_all(&mut self, parts: Vec<Part>, error: &Error) {
        for part in parts {
            self.fail(&part, None, error.clone());
        }
    }

    /// Sends parts in as few messages as hold them. Where a message is refused and `looks_first` is not set, its
    /// halves are tried, until the bad one is found.
    async fn send_all(&mut self, parts: Vec<Part>, looks_first: bool) {
        let (mut groups, too_large) = pack(parts, &self.zone.apex, self.zone.remote.room());
        for part in too_large {
            let what = part.steps[0].what();
            let reason = format!(
                "the change of {what} does not fit into one message of 65535 bytes with what it replaces"
            );
            self.fail(&part, None, Error::permanent(reason));
        }
        // The last is taken first.
        groups.reverse();
        while let Some(mut group) = groups.pop() {
            if self.is_late() {
                let zone = &self.zone.name;
                let reason = format!("zone {zone}: the call's time was over before this was sent");
                self.stop.get_or_insert(Error::retryable(reason));
            }
            if let Some(error) = self.stop.clone() {
                self.fail_all(group, &error);
                continue;
            }
            match self.send(&group, looks_first).await {
                Ok((Rcode::NOERROR, _)) => self.is_any_done = true,
                Ok((rcode, _)) if rcode.is_prerequisite() => {
                    if looks_first || group.len() == 1 {
                        self.contested.append(&mut group);
                    } else {
                        halve(group, &mut groups);
                    }
                }
                Ok((rcode, answer)) => {
                    let failure = self.zone.remote.refusal(&answer, Asked::Update);
                    self.take_refusal(group, rcode, &failure, &mut groups);
                    self.look_for_rights(&failure).await;
                }
                Err(failure) if failure.is_uncertain() => {
                    let error = self.zone.error(&failure);
                    tracing::info!(zone = self.zone.name, %error, "no answer to an update; looking what became of it");
                    self.uncertain = Some(error);
                    self.contested.append(&mut group);
                    // What was not sent is looked at with it.
                    self.contested.extend(groups.drain(..).flatten());
                }
                Err(failure) => {
                    let error = self.zone.error(&failure);
                    self.fail_all(group, &error);
                    self.stop = Some(error);
                }
            }
        }
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline.saturating_duration_since(Instant::now()) < RESERVE)
    }

    /// Sends one message, and notes what it wrote.
    async fn send(&mut self, parts: &[Part], is_first: bool) -> Result<(Rcode, Answer), Failure> {
        let mut known = self.zone.known.lock().await;
        let update = message(&self.zone.apex, parts.iter(), is_first.then_some(&*known));
        let answer = self.zone.remote.ask(&update, Purpose::Update).await?;
        tracing::debug!(zone = self.zone.name, units = parts.len(), octets = update.len(), rcode = %answer.rcode, "update answered");
        self.zone.host.count("rfc2136_updates_total", &[("rcode", &answer.rcode.to_string())], 1);
        if answer.rcode != Rcode::NOERROR {
            return Ok((answer.rcode, answer));
        }
        for part in parts {
            for step in part.steps.iter().filter(|step| !step.is_done) {
                match &step.wanted {
                    Some(wanted) => known.write(&step.name, step.rtype, wanted.ttl, &wanted.rdatas),
                    None => known.write(&step.name, step.rtype, 0, &[]),
                }
            }
            if may_be_ignored(part) {
                self.unproven.push(part.clone());
            }
        }
        Ok((Rcode::NOERROR, answer))
    }

    fn take_refusal(
        &mut self,
        mut group: Vec<Part>,
        rcode: Rcode,
        failure: &Failure,
        groups: &mut Vec<Vec<Part>>,
    ) {
        // These are about the zone, whatever is in the message.
        if matches!(rcode, Rcode::NOTAUTH | Rcode::NOTIMP) {
            let error = self.zone.error(failure);
            self.fail_all(group, &error);
            self.stop = Some(error);
            return;
        }
        if group.len() > 1 {
            halve(group, groups);
            return;
        }
        self.refused.extend(group.drain(..).map(|part| (part, rcode, failure.clone())));
    }

    /// Stops where one part after the other is refused, none was done, and it looks as if nothing were allowed.
    async fn look_for_rights(&mut self, failure: &Failure) {
        if self.is_any_done || self.stop.is_some() {
            return;
        }
        let Some((_, rcode, _)) = self.refused.last() else { return };
        let streak = self.refused.iter().rev().take_while(|(_, other, _)| other == rcode).count();
        if streak >= STREAK && self.has_rights.is_none() {
            self.has_rights = Some(may_update(self.zone).await.is_ok());
        }
        if streak >= MOST_REFUSED && self.has_rights == Some(false) {
            self.stop = Some(self.zone.error(failure));
        }
    }

    /// Tries parts once more that were refused one by one, now that others are done: BIND refuses an MX as long as its
    /// host has no address.
    async fn try_refused_again(&mut self) {
        if self.is_any_done && self.stop.is_none() && !self.refused.is_empty() {
            let refused = std::mem::take(&mut self.refused).into_iter();
            self.send_all(refused.map(|(part, ..)| part).collect(), false).await;
        }
    }

    /// Says why single parts were refused: where the server takes others, it is for their own sake.
    fn blame_refused(&mut self) {
        for (part, rcode, failure) in std::mem::take(&mut self.refused) {
            let own = self.is_any_done && matches!(rcode, Rcode::REFUSED | Rcode::FORMERR | Rcode::NOTZONE);
            let error = if own {
                let what = part.steps[0].what();
                Error::permanent(format!(
                    "the server takes other changes and answers that of {what} with {rcode}\nhint: its rules may forbid \
                     it: who may change what (BIND's `update-policy`), names of hosts (`check-names`), hosts without \
                     address (`check-integrity`), the number of records of a name (`max-records-per-type`); its log says \
                     which"
                ))
            } else {
                self.zone.error(&failure)
            };
            self.fail(&part, None, error);
        }
    }

    /// Looks at contested parts in the zone as it is now, and gives those that are to be tried again.
    async fn look_again(&mut self) -> Result<Vec<Part>> {
        let contested = std::mem::take(&mut self.contested);
        if contested.is_empty() {
            return Ok(contested);
        }
        let mut known = self.zone.known.lock().await;
        let mut looked = self.zone.refresh(&mut known).await;
        // The server sees what the copy does not have, though the serial stands: somebody changed the zone and not it.
        if self.uncertain.is_none() && matches!(looked, Ok(Kind::Nothing)) {
            looked = self.zone.refresh_whole(&mut known).await;
        }
        // What became of a message is worth some patience: the server may be on its way back.
        for pause in PAUSES {
            if looked.is_ok() || self.uncertain.is_none() || self.is_late() {
                break;
            }
            sleep(pause).await;
            looked = self.zone.refresh(&mut known).await;
        }
        if let Err(failure) = looked {
            let error = self.zone.error(&failure);
            drop(known);
            if let Some(uncertain) = &self.uncertain {
                let reason = format!(
                    "it is not known whether an update was done: {}; then: {}",
                    uncertain.message(),
                    error.message()
                );
                return Err(Error::new(ErrorKind::Retryable, reason));
            }
            self.fail_all(contested, &error);
            return Ok(Vec::new());
        }
        let was_uncertain = self.uncertain.take().is_some();
        let mut again = Vec::new();
        for mut part in contested {
            // It was done but for a CNAME, and the answer that would have had us look for that one did not come.
            if was_uncertain && may_be_ignored(&part) && is_half_done(&part, &known) {
                self.unproven.push(part);
                continue;
            }
            match decide(&mut part, &known) {
                // A message of ours did it whose answer was lost.
                Decision::Done if was_uncertain => {
                    for step in &part.steps {
                        known.note(
                            &step.name,
                            step.rtype,
                            step.wanted.as_ref().map(|wanted| &*wanted.rdatas),
                        );
                    }
                }
                Decision::Done => {}
                Decision::Again => again.push(part),
                Decision::Failed(change, error) => {
                    self.zone.host.count("rfc2136_conflicts_total", &[], 1);
                    self.failed.push(Failed { unit: part.unit, change: Some(change), error });
                }
            }
        }
        Ok(again)
    }
}

/// Whether all of a part is as wanted but for a CNAME that is not there.
fn is_half_done(part: &Part, known: &Known) -> bool {
    part.steps.iter().all(|step| match (known.get(&step.name, step.rtype), &step.wanted) {
        (None, None) => true,
        (None, Some(_)) => step.rtype == Rtype::CNAME,
        (Some(there), Some(wanted)) => there.to_rdatas() == wanted.rdatas,
        (Some(_), None) => false,
    }) && part.steps.iter().any(|step| step.wanted.is_none())
}

fn halve(mut group: Vec<Part>, groups: &mut Vec<Vec<Part>>) {
    let second = group.split_off(group.len() / 2);
    groups.push(second);
    groups.push(group);
}

/// Whether a server may answer that it is done and leave something out: a CNAME for which the same message makes
/// room may be ignored for the sake of what else is at its name.
pub(crate) fn may_be_ignored(part: &Part) -> bool {
    part.steps.iter().any(|step| {
        step.rtype == Rtype::CNAME
            && step.wanted.is_some()
            && !step.is_done
            && part.steps.iter().any(|other| other.rtype != Rtype::CNAME && other.name == step.name)
    })
}
