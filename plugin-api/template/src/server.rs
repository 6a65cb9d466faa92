//! A DNS server that is only a map. Replace it by a client of yours.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zonemux_plugin::dns::{
    canonical, check_target, clamp_ttl, may_stand_together, to_unicode, without_duplicates,
};
use zonemux_plugin::{Change, Endpoint, EndpointRef, Error, Result, Secret};

/// What tells records apart: canonical name, type, set identifier.
type Key = (String, String, String);

/// The server. Calls come several at once, but only one of them writes at a time.
pub struct Server {
    records: Mutex<BTreeMap<Key, Endpoint>>,
    min_ttl: u32,
}

impl Server {
    /// Yours signs in with the token here: `token.expose()` is its text. Answer refused credentials
    /// with [`Error::config`], and anything that may pass with [`Error::retryable`], as `?` does.
    pub async fn connect(_token: Option<&Secret>, min_ttl: u32) -> Result<Self> {
        Ok(Self {
            records: Mutex::default(),
            min_ttl,
        })
    }

    /// Every record in the backend's zones.
    pub async fn list(&self) -> Result<Vec<Endpoint>> {
        Ok(self.lock().values().cloned().collect())
    }

    /// Writes a unit in one step, or says with [`Error::permanent`] why it can't be stored. Create and
    /// update are the same: the record shall be there afterwards, whatever was there before.
    pub async fn write(&self, unit: &[Change<'_>], dry_run: bool) -> Result<()> {
        // What shall be at each key afterwards. Deletes come first in a unit: the last one holds.
        let mut wishes: BTreeMap<Key, Option<Endpoint>> = BTreeMap::new();
        for change in unit {
            let endpoint = change.endpoint();
            let name = canonical(endpoint.dns_name())
                .map_err(|error| Error::permanent(error.to_string()))?
                .into_owned();
            let record = match change.desired() {
                Some(desired) => Some(self.accept(desired, &name)?),
                None => None,
            };
            let (record_type, set) = (endpoint.record_type(), endpoint.set_identifier());
            wishes.insert((name, record_type.to_owned(), set.to_owned()), record);
        }
        let mut records = self.lock();
        check_neighbours(&records, &wishes)?;
        if dry_run {
            return Ok(());
        }
        for (key, wish) in wishes {
            match wish {
                Some(record) => records.insert(key, record),
                None => records.remove(&key),
            };
        }
        Ok(())
    }

    /// A record as it will be listed, if it is right by itself.
    fn accept(&self, endpoint: EndpointRef<'_>, name: &str) -> Result<Endpoint> {
        let record_type = endpoint.record_type();
        let targets = without_duplicates(record_type, endpoint.targets());
        for target in &targets {
            check_target(record_type, target)
                .map_err(|reason| Error::permanent(format!("target {target:?}: {reason}")))?;
        }
        if targets.is_empty() || (targets.len() > 1 && matches!(record_type, "CNAME" | "DNAME")) {
            let message = format!(
                "a {record_type} record can't have {} targets",
                targets.len()
            );
            return Err(Error::permanent(message));
        }
        // In Unicode: ExternalDNS reads a record's type out of the name of its ownership TXT, which
        // the Punycode of `a-bücher` would hide. Labels are left out: they are ExternalDNS's own.
        let mut record = Endpoint::new(to_unicode(name), record_type, targets).with_ttl(clamp_ttl(
            endpoint.record_ttl(),
            self.min_ttl,
            0,
        ));
        record.set_identifier = endpoint.set_identifier().to_owned();
        record.provider_specific = endpoint
            .provider_specific()
            .map(|(name, value)| zonemux_plugin::Property {
                name: name.into(),
                value: value.into(),
            })
            .collect();
        Ok(record)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Endpoint>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing may stand beside a CNAME. Your server may find that out by itself.
fn check_neighbours(
    records: &BTreeMap<Key, Endpoint>,
    wishes: &BTreeMap<Key, Option<Endpoint>>,
) -> Result<()> {
    for (key, _) in wishes.iter().filter(|(_, wish)| wish.is_some()) {
        let (name, record_type, _) = key;
        let first = (name.clone(), String::new(), String::new());
        let stays = records
            .range(first..)
            .map(|(key, _)| key)
            .take_while(|other| other.0 == *name);
        let stays = stays.filter(|other| !wishes.contains_key(*other));
        let comes = wishes
            .iter()
            .filter(|(_, wish)| wish.is_some())
            .map(|(key, _)| key);
        let comes = comes.filter(|other| other.0 == *name);
        if let Some((_, other, _)) = stays
            .chain(comes)
            .find(|other| !may_stand_together(record_type, &other.1))
        {
            let message =
                format!("a {record_type} can't stand beside the {other} record at {name}");
            return Err(Error::permanent(message));
        }
    }
    Ok(())
}
