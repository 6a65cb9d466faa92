//! What the daemon calls.

use std::time::Instant;

use futures_util::stream::{self, StreamExt as _};
use zonemux_plugin::{Backend, Call, Capabilities, Changes, Error, Fault, Host, Outcome, Records, Result};

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
            let (zone, known) = ready?;
            if let Some(copy) = known.copy() {
                list(&copy.store, &zone.below, out)?;
            }
        }
        Ok(())
    }

    async fn apply_changes(&self, call: &Call, changes: Changes) -> Result<Outcome> {
        let deadline: Option<Instant> = call.deadline();
        self.site.apply(&changes, call.is_dry_run(), deadline).await
    }

    async fn check(&self, _: &Call) -> Result<()> {
        probe::check(&self.site).await
    }
}
