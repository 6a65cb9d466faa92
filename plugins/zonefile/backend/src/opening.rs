//! What opening a backend does to its zones: what is missing is made, and what was left undone when a
//! process ended is done.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use zonemux_plugin::{Error, Result};
use zonemux_rdata::is_later;

use crate::apply::{Site, dynamic};
use crate::candidate::{self, neighbour, soa_of};
use crate::check::Verdict;
use crate::managed;
use crate::records::Draft;
use crate::serial::Policy;
use crate::settings::Mode;
use crate::swap::{self, SwapError};
use crate::zone::Zone;

/// How long the server may take to be told.
const LIMIT: Duration = Duration::from_secs(20);

/// Reads all zones and brings them into order.
pub(crate) fn open(mut site: Site) -> Result<Site> {
    for index in 0..site.zones.len() {
        make_managed(&site.zones[index])?;
        site.zones[index].refresh()?;
        if site.service.may_be_dynamic() {
            match site.service.is_dynamic(&site.zones[index].name) {
                Some(true) => return Err(dynamic(&site.zones[index].name)),
                Some(false) => {}
                // Without `rndc` a journal is the only sign.
                None => site.refuse_dynamic(&site.zones[index])?,
            }
        }
        keep_original(&site.zones[index])?;
        site.zones[index].any_names = has_any_names(&site, index);
        let written = mend(&mut site, index)?;
        if site.zones[index].mode == Mode::Include {
            site.zones[index].lock.mark()?;
        }
        tell(&site, index, written);
        let zone = &site.zones[index];
        tracing::info!(
            zone = zone.name,
            records = zone.known.records.len(),
            others = zone.known.foreigns.len(),
            "zone opened"
        );
    }
    site.move_misplaced(Instant::now() + LIMIT)?;
    Ok(site)
}

/// Makes the managed file, so that a server can load a zone file that includes it already.
fn make_managed(zone: &Zone) -> Result<()> {
    if zone.mode == Mode::Whole || zone.managed.exists() || !zone.file.exists() {
        return Ok(());
    }
    let failed = |error: SwapError| Error::retryable(format!("zone {}: {error}", zone.name));
    let header = managed::include_header(&zone.name, &zone.file, None) + managed::END;
    let staged = swap::stage(&zone.managed, header.as_bytes(), None, neighbour(zone)).map_err(failed)?;
    staged.sync().map_err(failed)?;
    staged.swap().map_err(failed)?.finish();
    Ok(())
}

/// Whether the checker refuses the zone as it is for names that `check-names` can let through.
fn has_any_names(site: &Site, index: usize) -> bool {
    let (zone, deadline) = (&site.zones[index], Instant::now() + LIMIT);
    let Some(checker) = site.checker.as_ref().filter(|checker| checker.minds_names()) else {
        return false;
    };
    let is_good = |any_names| {
        let verdict = checker.check(&zone.name, &zone.file, any_names, deadline);
        matches!(verdict, Ok(Verdict::Good))
    };
    let any_names = zone.file.exists() && !is_good(false) && is_good(true);
    if any_names {
        tracing::info!(
            zone = zone.name,
            "the zone has names that are no host names; `check-names` is taken to be off"
        );
    }
    any_names
}

/// Keeps a zone file with its comments that zonemux is about to own.
fn keep_original(zone: &Zone) -> Result<()> {
    if !zone.known.adopted {
        return Ok(());
    }
    let mut kept = zone.file.clone().into_os_string();
    kept.push(".before-zonemux");
    let kept = PathBuf::from(kept);
    if kept.exists() {
        return Ok(());
    }
    let copied = fs::copy(&zone.file, &kept).and_then(|_| fs::File::open(&kept)?.sync_all());
    copied
        .map_err(|error| Error::retryable(format!("can't keep a copy in `{}`: {error}", kept.display())))?;
    tracing::info!(zone = zone.name, copy = %kept.display(), "the zone file is zonemux's from now on; a copy was kept");
    Ok(())
}

/// Writes what is not as it should be, and says whether it did.
fn mend(site: &mut Site, index: usize) -> Result<bool> {
    let zone = &site.zones[index];
    let known = &zone.known;
    let behind = match (known.written_serial, &known.soa) {
        // The process ended when the records were in their place and the SOA was not.
        (Some(written), Some(soa)) if site.policy != Policy::Keep => is_later(written, soa.serial),
        _ => false,
    };
    let other_settings = zone.mode == Mode::Whole && differs(zone)?;
    if !behind && !other_settings && !known.unfinished {
        return Ok(false);
    }
    let serial = match site.next_serial(zone, None) {
        // A new zone has a serial, whoever counts on.
        None if known.soa.is_none() => Some(1),
        serial => serial,
    };
    let failed = |error: String| Error::retryable(format!("zone {}: {error}", zone.name));
    let draft = Draft::new(&known.records);
    let candidate = candidate::stage(zone, &draft, serial).map_err(|error| failed(error.to_string()))?;
    let published = candidate.publish(zone).map_err(|error| failed(error.to_string()))?;
    tracing::info!(zone = zone.name, serial, "zone file brought up to date");
    let (new, unfinished) = (known.soa.is_none(), known.unfinished);
    published.keep(&mut site.zones[index], BTreeMap::new());
    if new || other_settings || unfinished {
        // Where its SOA stands is read from the file.
        site.zones[index].known = crate::zone::Known::default();
        site.zones[index].refresh()?;
    }
    Ok(true)
}

/// Whether a zone file that zonemux owns says something else than the settings.
fn differs(zone: &Zone) -> Result<bool> {
    let soa = soa_of(zone).map_err(Error::config)?;
    let known = &zone.known;
    let Some(present) = &known.soa else {
        return Ok(true);
    };
    Ok((&soa.primary, &soa.mailbox) != (&present.primary, &present.mailbox) || known.foreigns_differ)
}

/// Has the server load what it does not serve yet. A server that is down reads the files when it starts.
fn tell(site: &Site, index: usize, written: bool) {
    let zone = &site.zones[index];
    let served = site.service.served(&zone.name);
    let behind = match (&served, &zone.known.soa) {
        (Ok(Some(served)), Some(soa)) => is_later(soa.serial, *served),
        _ => false,
    };
    if !site.service.has_reload() || served.is_err() || !(behind || written || site.policy == Policy::Keep) {
        return;
    }
    let results = site.service.reload(&[site.told(index)], Instant::now() + LIMIT);
    for reason in results.into_iter().filter_map(std::result::Result::err) {
        tracing::warn!(zone = zone.name, reason, "the server can't be told of the zone file");
    }
}
