//! What the daemon calls.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use zonemux_authority_server::{Server, StartError};
use zonemux_authority_zones::{Name, OpenError, SerialPolicy, Soa, Store, Zone, Zones};
use zonemux_plugin::dns::ZoneMap;
use zonemux_plugin::{
    Adjust, Backend, Call, Capabilities, Changes, Endpoint, Error, ErrorKind, Fault, Host, Outcome, Records,
    Result,
};
use zonemux_rdata::{decode, encode, record_type};

use crate::apply::Batch;
use crate::fixed::fixed;
use crate::opening::{BroughtUp, bring_up};
use crate::serving::server_settings;
use crate::settings::Settings;
use crate::wanted::list;

/// Where zones are kept below the folder that the daemon gives a backend.
const FOLDER: &str = "zones";

/// Zones on disk, answered over DNS.
#[derive(Debug)]
pub struct Authority {
    zones: Arc<Zones>,
    inner: Arc<Inner>,
    /// `None` once it is closed.
    server: Mutex<Option<Server>>,
}

#[derive(Debug)]
struct Inner {
    zones: Arc<Zones>,
    names: ZoneMap<usize>,
    /// Apex and SOA of each zone, by its number.
    served: Vec<(Name, Soa)>,
    default_ttl: u32,
    policy: SerialPolicy,
    /// `None` once it is closed. Whoever has the lock may write.
    store: Mutex<Option<Store>>,
}

impl Backend for Authority {
    type Config = Settings;

    fn validate(settings: &Settings) -> Vec<Fault> {
        settings.faults()
    }

    async fn open(settings: Settings, host: Host) -> Result<Self> {
        let told = server_settings(&settings, host.zones()).map_err(|faults| together(&faults, ""))?;
        let of_store = host.clone();
        let opened = tokio::task::spawn_blocking(move || Inner::open(&settings, &of_store)).await??;
        // Said here, where it is known whose log it is.
        let Opened { inner, folder, unused, changed, warnings } = opened;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let (zones, records) = (inner.served.len(), inner.record_count());
        tracing::info!(folder = %folder.display(), zones, records, unused, changed, "zones read");
        let inner = Arc::new(inner);
        let server =
            Server::start(told, Arc::clone(&inner.zones), &host).map_err(|error| start_error(&error))?;
        for address in server.addresses() {
            tracing::info!(%address, "answering questions");
        }
        Ok(Self { zones: Arc::clone(&inner.zones), inner, server: Mutex::new(Some(server)) })
    }

    fn capabilities(&self) -> Capabilities {
        // RFC 2181, section 8: the highest bit of a TTL is never set.
        Capabilities::default()
            .with_atomic_units()
            .with_ttl_range(0, i32::MAX.unsigned_abs())
            .with_properties([] as [&str; 0])
    }

    async fn records(&self, _: &Call, out: &mut Records) -> Result<()> {
        let table = self.zones.table_full();
        let mut endpoint = Endpoint::default();
        for (apex, _) in &self.inner.served {
            let zone = table.get(apex).ok_or_else(closed)?;
            zone.for_each_managed(|owner, rrset| {
                list(owner, rrset, &mut endpoint);
                out.push(&endpoint)
            })?;
        }
        Ok(())
    }

    async fn apply_changes(&self, call: &Call, changes: Changes) -> Result<Outcome> {
        let inner = Arc::clone(&self.inner);
        let dry_run = call.is_dry_run();
        // Waits for the disk. A call that is cancelled meanwhile is finished all the same.
        tokio::task::spawn_blocking(move || inner.apply(&changes, dry_run)).await?
    }

    fn adjust(_: &Settings, _: &Capabilities) -> Option<Adjust> {
        // Targets of types that the SDK does not read are listed as a zone file has them.
        Some(Box::new(|endpoint| {
            let Some(rtype) = record_type(&endpoint.record_type) else { return };
            for target in &mut endpoint.targets {
                if let Ok(rdata) = encode(rtype, target) {
                    *target = decode(rtype, &rdata);
                }
            }
        }))
    }

    async fn check(&self, _: &Call) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || {
            let store = inner.store.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(store.as_ref().ok_or_else(closed)?.check()?)
        })
        .await?
    }

    async fn close(&self, _: &Call) -> Result<()> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(server) = server {
            server.close().await;
        }
        let inner = Arc::clone(&self.inner);
        // Dropping the store gives its lock back, for the instance that comes after this one.
        let close = move || drop(inner.store.lock().unwrap_or_else(PoisonError::into_inner).take());
        Ok(tokio::task::spawn_blocking(close).await?)
    }
}

/// What was opened, and what there is to say of it.
struct Opened {
    inner: Inner,
    folder: PathBuf,
    /// Zones that are kept and not served.
    unused: usize,
    /// Zones that the settings changed.
    changed: usize,
    warnings: Vec<String>,
}

impl Inner {
    fn open(settings: &Settings, host: &Host) -> Result<Opened> {
        if host.zones().is_empty() {
            return Err(Error::config(
                "no zones are named, and this plugin finds none by itself\nhint: add `zones = [\"example.org\"]` to the backend",
            ));
        }
        let fixed = fixed(settings, host.zones()).map_err(|faults| together(&faults, ""))?;
        let folder = folder(settings, host);
        let mut store = Store::open(&folder).map_err(|error| open_error(&error))?;
        let names: ZoneMap<usize> =
            host.zones().iter().enumerate().map(|(index, zone)| (zone, index)).collect();
        let (policy, default_ttl) = (settings.serial.into(), settings.default_ttl.0);
        let BroughtUp { changed, warnings } = bring_up(&store, &fixed, &names, default_ttl, policy).map_err(|faults| {
            together(
                &faults,
                "\nhint: remove one of the two: the record from the settings, or its source in Kubernetes",
            )
        })?;
        store
            .commit(&changed)
            .map_err(|error| Error::retryable(format!("can't write the zones: {error}")))?;
        let served: Vec<(Name, Soa)> = fixed.into_iter().map(|fixed| (fixed.apex, fixed.soa)).collect();
        let zones = Zones::new();
        zones.publish(served.iter().filter_map(|(apex, _)| store.get(apex).cloned()));
        let (unused, changed) = (store.zones().len() - served.len(), changed.len());
        let (zones, store) = (Arc::new(zones), Mutex::new(Some(store)));
        let inner = Self { zones, names, served, default_ttl, policy, store };
        Ok(Opened { inner, folder, unused, changed, warnings })
    }

    fn record_count(&self) -> usize {
        self.zones.table().iter().map(|zone| zone.record_count()).sum()
    }

    fn apply(&self, changes: &Changes, dry_run: bool) -> Result<Outcome> {
        // What a panic left behind is what is on the disk.
        let mut lock = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let store = lock.as_mut().ok_or_else(closed)?;
        let zones: Option<Vec<Arc<Zone>>> =
            self.served.iter().map(|(apex, _)| store.get(apex).cloned()).collect();
        let zones = zones.ok_or_else(closed)?;
        let mut batch = Batch::new(&self.names, &zones, self.default_ttl);
        let outcome = batch.apply(changes);
        if dry_run {
            return Ok(outcome);
        }
        let drafts = batch.into_drafts().into_iter();
        let done: Vec<_> = drafts
            .filter_map(|(zone, draft)| {
                let serial = draft.base().next_serial(self.policy);
                if draft.mark() == 0 { None } else { draft.finish(&self.served[zone].1, serial) }
            })
            .collect();
        store.commit(&done).map_err(|error| {
            Error::retryable(format!("can't write the zones, nothing is changed: {error}"))
        })?;
        self.zones.publish(done.into_iter().map(|done| done.zone));
        store.tidy();
        Ok(outcome)
    }
}

fn folder(settings: &Settings, host: &Host) -> PathBuf {
    match &settings.directory {
        Some(directory) => host.resolve(directory),
        None => host.state_directory().join(FOLDER),
    }
}

fn closed() -> Error {
    Error::retryable("the backend is closed")
}

fn together(faults: &[String], hint: &str) -> Error {
    Error::config(format!("{}{hint}", faults.join("; ")))
}

fn start_error(error: &StartError) -> Error {
    let hint = match error {
        StartError::Bind { .. } => {
            "\nhint: end what listens there (`ss -lnptu` shows it), or name another address in `listen`; a port \
             below 1024 needs CAP_NET_BIND_SERVICE"
        }
        StartError::System(_) => "",
    };
    // It may be given back.
    Error::retryable(format!("{error}{hint}"))
}

fn open_error(error: &OpenError) -> Error {
    let kind = match error {
        // It may be given back, or mended from outside.
        OpenError::Io { .. } | OpenError::Locked(_) => ErrorKind::Retryable,
        OpenError::Foreign(_) | OpenError::Damaged { .. } => ErrorKind::Config,
    };
    Error::new(kind, error.to_string())
}
