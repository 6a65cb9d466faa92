//! What the daemon calls.

use std::time::Instant;

use futures_util::stream::{self, StreamExt as _};
use zonemux_plugin::{
    Adjust, Backend, Call, Capabilities, Changes, Endpoint, Error, Fault, Host, Outcome, Records, Result,
};
use zonemux_rdata::{decode, encode, record_type};

use crate::listing::list;
use crate::opening::Site;
use crate::probe;
use crate::settings::Settings;

/// How many zones are worked on at once.
pub(crate) const AT_ONCE: usize = 8;

/// Records of servers that take dynamic updates.
#[derive(Debug)]
pub struct Rfc2136 {
    site: Site,
}

impl Backend for Rfc2136 {
    type Config = Settings;

    fn validate(settings: &Settings) -> Vec<Fault> {
        settings.faults()
    }

    async fn open(settings: Settings, host: Host) -> Result<Self> {
        let site = Site::open(&settings, &host).await?;
        probe::open(&site).await?;
        Ok(Self { site })
    }

    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::default()
            .with_properties([] as [&str; 0])
            .with_ttl_range(0, i32::MAX.unsigned_abs());
        if self.site.is_nested() { capabilities } else { capabilities.with_atomic_units() }
    }

    async fn records(&self, _: &Call, out: &mut Records) -> Result<()> {
        let zones = &self.site.zones;
        let refreshed = stream::iter(0..zones.len()).map(|index| async move {
            let zone = &zones[index];
            let mut known = zone.known.lock().await;
            zone.refresh(&mut known).await.map_err(|failure| zone.error(&failure))?;
            Ok::<_, Error>((zone, known))
        });
        let mut refreshed = refreshed.buffered(AT_ONCE);
        while let Some(ready) = refreshed.next().await {
            let (zone, mut known) = ready?;
            if let Some(copy) = known.copy() {
                list(&copy.store, &zone.below, out)?;
            }
            known.set_listed();
        }
        Ok(())
    }

    async fn apply_changes(&self, call: &Call, changes: Changes) -> Result<Outcome> {
        let deadline: Option<Instant> = call.deadline();
        self.site.apply(&changes, call.is_dry_run(), deadline).await
    }

    fn adjust(_: &Settings, _: &Capabilities) -> Option<Adjust> {
        Some(Box::new(adjust))
    }

    async fn check(&self, _: &Call) -> Result<()> {
        probe::check(&self.site).await
    }
}

/// Gives the targets of types that the daemon does not know the form in which they are listed.
fn adjust(endpoint: &mut Endpoint) {
    let Some(rtype) = record_type(&endpoint.record_type) else { return };
    for target in &mut endpoint.targets {
        if let Ok(rdata) = encode(rtype, target) {
            *target = decode(rtype, &rdata);
        }
    }
}
