//! Records that come, change and go.

use super::trial::Trial;
use crate::testing::ChangesBuilder;

type Tried = Result<(), String>;

pub(super) fn create(trial: &Trial<'_>) -> Tried {
    let records = [
        trial.record("www", "A", &["192.0.2.2", "192.0.2.1"]),
        trial.record("www", "AAAA", &["2001:db8::1"]),
        trial.record("alias", "CNAME", &[&trial.name("www")]),
    ];
    trial.create(&records)?;
    trial.expect(&records)
}

pub(super) fn create_again(trial: &Trial<'_>) -> Tried {
    let before = trial.record("www", "A", &["192.0.2.1"]);
    let after = trial.record("www", "A", &["192.0.2.2"]);
    trial.create(std::slice::from_ref(&before))?;
    trial.create(std::slice::from_ref(&before))?;
    trial.expect(&[before])?;
    // An answer that was lost makes the client ask for a create of what is there.
    trial.create(std::slice::from_ref(&after))?;
    trial.expect(&[after])
}

pub(super) fn update(trial: &Trial<'_>) -> Tried {
    let before = trial.record("www", "A", &["192.0.2.1", "192.0.2.2"]);
    let after = trial.record("www", "A", &["192.0.2.2", "192.0.2.3"]);
    let beside = trial.record("www", "TXT", &["beside"]);
    trial.create(&[before.clone(), beside.clone()])?;
    trial.apply(&ChangesBuilder::new().update(trial.adjusted(&before)?, trial.adjusted(&after)?))?;
    trial.expect(&[after, beside])
}

pub(super) fn update_of_nothing(trial: &Trial<'_>) -> Tried {
    let before = trial.record("www", "A", &["192.0.2.1"]);
    let after = trial.record("www", "A", &["192.0.2.2"]);
    let unnamed = trial.record("unnamed", "A", &["192.0.2.3"]);
    let batch = ChangesBuilder::new()
        .update(trial.adjusted(&before)?, trial.adjusted(&after)?)
        .upsert(trial.adjusted(&unnamed)?);
    trial.apply(&batch)?;
    trial.expect(&[after, unnamed])
}

pub(super) fn ttl(trial: &Trial<'_>) -> Tried {
    let before = trial.record("www", "A", &["192.0.2.1"]);
    let after = before.clone().with_ttl(3600);
    let unset = trial.record("unset", "A", &["192.0.2.1"]).with_ttl(0);
    trial.create(&[before.clone(), unset.clone()])?;
    trial.apply(&ChangesBuilder::new().update(trial.adjusted(&before)?, trial.adjusted(&after)?))?;
    trial.expect(&[after, unset])
}

pub(super) fn delete(trial: &Trial<'_>) -> Tried {
    let records = [
        trial.record("www", "A", &["192.0.2.1"]),
        trial.record("www", "AAAA", &["2001:db8::1"]),
        trial.record("a.www", "A", &["192.0.2.2"]),
    ];
    trial.create(&records)?;
    trial.expect(&records)?;
    let [gone, stays @ ..] = &records;
    trial.apply(&ChangesBuilder::new().delete(trial.adjusted(gone)?))?;
    trial.expect(stays)
}

pub(super) fn delete_again(trial: &Trial<'_>) -> Tried {
    let record = trial.adjusted(&trial.record("www", "A", &["192.0.2.1"]))?;
    let stays = trial.record("stays", "A", &["192.0.2.2"]);
    trial.create(&[record.clone(), stays.clone()])?;
    for _ in 0..2 {
        trial.apply(&ChangesBuilder::new().delete(record.clone()))?;
        trial.expect(std::slice::from_ref(&stays))?;
    }
    Ok(())
}

pub(super) fn retype(trial: &Trial<'_>) -> Tried {
    let address = trial.record("www", "A", &["192.0.2.1"]);
    let alias = trial.record("www", "CNAME", &[&trial.name("web")]);
    trial.create(std::slice::from_ref(&address))?;
    for (before, after) in [(&address, &alias), (&alias, &address)] {
        let batch = ChangesBuilder::new().create(trial.adjusted(after)?).delete(trial.adjusted(before)?);
        trial.apply(&batch)?;
        trial.expect(std::slice::from_ref(after))?;
    }
    Ok(())
}

pub(super) fn ownership(trial: &Trial<'_>) -> Tried {
    let record = trial.record("www", "A", &["192.0.2.1"]);
    let txt = Trial::ownership(&record);
    let record = trial.adjusted(&record)?;
    // The registry adds its records after the endpoints were adjusted.
    trial.apply(&ChangesBuilder::new().create(record.clone()).create(txt.clone()))?;
    let listed = trial.listed()?;
    let Some(found) = listed.iter().find(|endpoint| endpoint.dns_name == txt.dns_name) else {
        return Err(format!("the ownership TXT {} is not listed", txt.dns_name));
    };
    if found.targets.len() != 1 || !crate::dns::txt::same(&found.targets[0], &txt.targets[0]) {
        return Err(format!("the ownership TXT is listed with {:?}", found.targets));
    }
    trial.apply(&ChangesBuilder::new().delete(record).delete(txt))?;
    trial.expect(&[])
}
