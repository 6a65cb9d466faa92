//! What the daemon calls.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::RwLock;
use tokio::task::spawn_blocking;
use zonemux_master_file::{rdata, ttl};
use zonemux_plugin::dns::canonical;
use zonemux_plugin::{
    Adjust, Backend, Call, Capabilities, Changes, EndpointView, Error, Fault, Host, Outcome, Records, Result,
};

use crate::apply::Site;
use crate::check::Checker;
use crate::opening;
use crate::records::RrSet;
use crate::service::Service;
use crate::settings::Settings;
use crate::zone::Zone;

/// Records in zone files.
#[derive(Debug)]
pub struct ZoneFiles {
    /// Zones that the settings name where the configuration names none.
    found: Vec<String>,
    /// Whoever lists waits while a batch is on its way: nobody sees what might be taken back. `None`
    /// once it is closed.
    site: Arc<RwLock<Option<Site>>>,
}

impl Backend for ZoneFiles {
    type Config = Settings;

    fn validate(settings: &Settings) -> Vec<Fault> {
        settings.faults()
    }

    async fn open(settings: Settings, host: Host) -> Result<Self> {
        let named = host.zones().is_empty();
        let site = spawn_blocking(move || open(settings, host)).await??;
        let found =
            if named { site.zones.iter().map(|zone| zone.name.clone()).collect() } else { Vec::new() };
        Ok(Self { found, site: Arc::new(RwLock::new(Some(site))) })
    }

    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::default().with_atomic_units().with_ttl_range(0, ttl::MAX);
        capabilities.with_properties([""; 0]).with_zones(self.found.clone())
    }

    fn adjust(_: &Settings, _: &Capabilities) -> Option<Adjust> {
        Some(Box::new(|endpoint| {
            if rdata::is_known(&endpoint.record_type) {
                return;
            }
            for target in &mut endpoint.targets {
                if let Some(listed) = rdata::listed(&endpoint.record_type, target) {
                    *target = listed;
                }
            }
        }))
    }

    async fn records(&self, _: &Call, out: &mut Records) -> Result<()> {
        let site = Arc::clone(&self.site);
        let look = move || -> Result<()> {
            let mut site = site.blocking_write();
            let site = site.as_mut().ok_or_else(closed)?;
            site.zones.iter_mut().try_for_each(|zone| zone.refresh().map(drop))
        };
        spawn_blocking(look).await??;
        let site = self.site.read().await;
        site.as_ref().ok_or_else(closed)?.zones.iter().try_for_each(|zone| list(zone, out))
    }

    async fn apply_changes(&self, call: &Call, changes: Changes) -> Result<Outcome> {
        let site = Arc::clone(&self.site);
        let (dry_run, deadline) = (call.is_dry_run(), call.deadline());
        // A call that is cancelled meanwhile is finished all the same: what is in its place is checked,
        // served or taken back.
        let work = move || {
            let mut site = site.blocking_write();
            site.as_mut().ok_or_else(closed)?.apply(&changes, dry_run, deadline)
        };
        spawn_blocking(work).await?
    }

    async fn check(&self, _: &Call) -> Result<()> {
        let site = Arc::clone(&self.site);
        let look = move || -> Result<()> {
            let mut site = site.blocking_write();
            let site = site.as_mut().ok_or_else(closed)?;
            for zone in &mut site.zones {
                zone.refresh()?;
                site.service.served(&zone.name).map_err(Error::retryable)?;
            }
            Ok(())
        };
        spawn_blocking(look).await?
    }

    async fn close(&self, _: &Call) -> Result<()> {
        // Dropping the zones gives their locks back, for the instance that comes after this one.
        self.site.write().await.take();
        Ok(())
    }
}

fn closed() -> Error {
    Error::retryable("the backend is closed")
}

fn open(mut settings: Settings, host: Host) -> Result<Site> {
    let resolve = |path: &mut PathBuf| *path = host.resolve(&*path);
    settings.directory.iter_mut().for_each(resolve);
    settings.files.values_mut().for_each(resolve);
    settings.include_base.iter_mut().for_each(resolve);
    settings.git.iter_mut().for_each(resolve);
    let zones: Vec<String> = if host.zones().is_empty() {
        let names = settings.files.keys().filter_map(|zone| canonical(zone).ok());
        names.map(std::borrow::Cow::into_owned).collect()
    } else {
        host.zones().to_vec()
    };
    if zones.is_empty() {
        return Err(Error::config(
            "no zone is named\nhint: say `zones` of the backend, or name files below `files`",
        ));
    }
    for zone in settings.files.keys() {
        if canonical(zone).is_ok_and(|zone| !zones.iter().any(|known| *known == zone)) {
            return Err(Error::config(format!(
                "`files` names {zone}, which is not among the backend's zones"
            )));
        }
    }
    // BIND and NSD read from their working folder, which the operator may call the zones' one.
    let include_base = settings.include_base.as_deref();
    let mut opened = Vec::with_capacity(zones.len());
    for zone in &zones {
        let Some(file) = settings.file(zone) else {
            return Err(Error::config(format!(
                "no file is named for zone {zone}\nhint: add it below `files`"
            )));
        };
        opened.push(Zone::open(zone, &file, &settings, include_base)?);
    }
    check_distinct(&opened)?;
    let site = Site {
        map: zones.iter().enumerate().map(|(index, zone)| (zone, index)).collect(),
        zones: opened,
        service: Service::new(&settings, &host),
        checker: Checker::new(&settings, include_base),
        policy: settings.serial,
        default_ttl: settings.default_ttl(),
        git: settings.git.clone(),
        host,
        move_again: None,
    };
    if let Some(checker) = &site.checker {
        tracing::debug!(program = checker.program(), "zone files are checked before they are served");
    } else {
        tracing::warn!("no program checks zone files before they are served, only zonemux itself");
    }
    opening::open(site)
}

/// Two zones in one file would overwrite each other.
fn check_distinct(zones: &[Zone]) -> Result<()> {
    let mut files: Vec<(&Path, &str)> = zones.iter().map(|zone| (&*zone.file, &*zone.name)).collect();
    files.sort_unstable();
    for pair in files.windows(2) {
        if let [(file, one), (other, two)] = pair
            && file == other
        {
            return Err(Error::config(format!(
                "zones {one} and {two} have the same file, `{}`",
                file.display()
            )));
        }
    }
    Ok(())
}

/// Lists a zone: an RRset that is both ours and the operator's is one, as the server has it. The apex NS
/// are left out as the SOA is: where `ExternalDNS` sees a record of somebody else's at a name, it makes none
/// of another type there, and so could never give the apex an address.
fn list(zone: &Zone, out: &mut Records) -> Result<()> {
    let known = &zone.known;
    let mut push = |set, also| {
        let listed = Listed { set, also };
        if set.record_type.as_ref() == "NS" && *set.name == *zone.name { Ok(()) } else { out.push(&listed) }
    };
    let mut ours = known.records.iter().peekable();
    for (key, foreign) in &known.foreigns {
        while let Some((_, set)) = ours.next_if(|(own, _)| *own < key) {
            push(set, None)?;
        }
        let also = ours.next_if(|(own, _)| *own == key).map(|(_, set)| set);
        push(&foreign.set, also)?;
    }
    ours.try_for_each(|(_, set)| push(set, None))
}

struct Listed<'a> {
    set: &'a RrSet,
    also: Option<&'a RrSet>,
}

impl EndpointView for Listed<'_> {
    fn dns_name(&self) -> &str {
        let shown = self.set.shown.as_deref().or_else(|| self.also?.shown.as_deref());
        shown.unwrap_or(&self.set.name)
    }

    fn record_type(&self) -> &str {
        &self.set.record_type
    }

    fn set_identifier(&self) -> &'static str {
        ""
    }

    fn record_ttl(&self) -> u32 {
        self.set.ttl
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut targets: Vec<&str> = self.set.targets.iter().map(|target| &**target).collect();
        if let Some(also) = self.also {
            let more = also.targets.iter().filter(|target| !self.set.targets.contains(target));
            targets.extend(more.map(|target| &**target));
        }
        targets.into_iter()
    }

    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        std::iter::empty()
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        std::iter::empty()
    }
}
