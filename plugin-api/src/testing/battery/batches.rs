//! Batches as a whole.

use super::trial::Trial;
use crate::endpoint::Endpoint;
use crate::testing::ChangesBuilder;

type Tried = Result<(), String>;

pub(super) fn empty(trial: &Trial<'_>) -> Tried {
    trial.apply(&ChangesBuilder::new())?;
    trial.expect(&[])
}

pub(super) fn large(trial: &Trial<'_>) -> Tried {
    let records: Vec<Endpoint> = (0..500)
        .map(|index| trial.record(&format!("host{index}"), "A", &[&format!("192.0.2.{}", index % 250)]))
        .collect();
    trial.create(&records)?;
    trial.expect(&records)?;
    let batch = records[1..].iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::delete);
    trial.apply(&batch)?;
    trial.expect(&records[..1])
}

/// A record that can't be stored is refused for itself.
pub(super) fn refused_record(trial: &Trial<'_>) -> Tried {
    let address = trial.record("www", "A", &["192.0.2.1"]);
    trial.create(std::slice::from_ref(&address))?;
    let good = trial.record("good", "A", &["192.0.2.2"]);
    let bad = trial.record("bad", "A", &["not-an-address"]);
    let alias = trial.record("www", "CNAME", &[&trial.name("web")]);
    let batch = ChangesBuilder::new().create(bad).create(good.clone()).create(alias);
    let outcome = trial.try_apply(&batch)?;
    let mut refused: Vec<_> = outcome.failures().iter().map(|failure| failure.change).collect();
    refused.sort_unstable();
    let expected = [crate::ChangeId::Create(0), crate::ChangeId::Create(2)];
    if refused != expected {
        return Err(format!("{refused:?} were refused instead of {expected:?}: {:?}", outcome.failures()));
    }
    if let Some(failure) = outcome.failures().iter().find(|failure| failure.reason.trim().is_empty()) {
        return Err(format!("{:?} was refused without a reason", failure.change));
    }
    trial.expect(&[address, good])
}

/// A retype whose create is refused keeps the old record.
pub(super) fn refused_retype(trial: &Trial<'_>) -> Tried {
    let address = trial.record("www", "A", &["192.0.2.1"]);
    trial.create(std::slice::from_ref(&address))?;
    let bad = trial.record("www", "CNAME", &["a..b"]);
    let outcome = trial.try_apply(&ChangesBuilder::new().delete(trial.adjusted(&address)?).create(bad))?;
    if outcome.failures().len() != 2 {
        return Err(format!("not both halves of the retype were refused: {:?}", outcome.failures()));
    }
    trial.expect(&[address])
}

pub(super) fn dry_run(trial: &Trial<'_>) -> Tried {
    let stays = trial.record("stays", "A", &["192.0.2.1"]);
    trial.create(std::slice::from_ref(&stays))?;
    let batch = ChangesBuilder::new()
        .create(trial.record("new", "A", &["192.0.2.2"]))
        .create(trial.record("bad", "A", &["not-an-address"]))
        .delete(trial.adjusted(&stays)?);
    let outcome = trial.dry_run(&batch)?;
    if outcome.failures().len() != 1 {
        return Err(format!("a dry run answered {:?} for one bad record", outcome.failures()));
    }
    trial.expect(&[stays])
}
