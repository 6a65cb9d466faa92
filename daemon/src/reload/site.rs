//! One reload from its beginning to its end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::exclusive::{self, NotSwitched, Switched};
use super::judge::{Verdict, judge_all};
use super::open::{Backends, open_all};
use super::outcome::{Outcome, Refused};
use super::retire::{Outgoing, Retiring};
use super::watch::Watched;
use super::{fixed, zones};
use crate::assemble::{self, Parts, States};
use crate::backend::{Driver, Held};
use crate::config::{BackendName, Config, Finding, KeyPath, Loaded, Request, load};
use crate::generation::{self, Addresses, Current, Generation, PluginFault, PluginFile, RemovedView};
use crate::http::{Replacement, Server, Tls, Webhook};
use crate::journal::Limits;
use crate::listening::{ListenError, Side};
use crate::plugin::Loader;
use crate::safety::Registry;
use crate::telemetry::logging::Level;

/// What a reload changes, and what it needs for that.
pub struct Site {
    /// How the configuration was read at the start, and is read again.
    pub request: Request,
    /// The generation that serves.
    pub current: Current,
    /// Plugins that are loaded are known to it.
    pub loader: Arc<Loader>,
    /// What is remembered of every backend.
    pub registry: Arc<Registry>,
    /// Gets the views.
    pub webhook: Arc<Webhook>,
    /// Gets other listeners.
    pub webhook_server: Arc<Server>,
    /// Gets other listeners.
    pub admin_server: Arc<Server>,
    /// Gets certificates.
    pub tls: Tls,
    /// Gets the log's level; none where the log is not ours.
    pub level: Option<Level>,
    /// Whether the webhook's sockets are the service manager's.
    pub handed_over: bool,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("current", &self.current).finish_non_exhaustive()
    }
}

/// A site with what its reloads remember.
#[derive(Debug)]
pub(super) struct Reloading {
    pub(super) site: Site,
    pub(super) watched: Mutex<Watched>,
    pub(super) retiring: Retiring,
    /// What stands in the place of views that are there no more, by path.
    removed: Mutex<BTreeMap<String, Arc<RemovedView>>>,
}

/// What is remembered of the backends of a generation.
fn states_of(generation: &Generation) -> States {
    generation.parts.safe.iter().map(|(name, safe)| (name.clone(), Arc::clone(safe.state()))).collect()
}

/// What only has to be put in place.
struct Next {
    config: Arc<Config>,
    states: States,
    backends: Backends,
    files: BTreeMap<BackendName, PluginFile>,
}

/// Listeners that are bound, and not accepted from yet.
struct Bound {
    webhook: Replacement,
    admin: Replacement,
}

impl Reloading {
    pub(super) fn new(site: Site, watched: Watched) -> Self {
        let (retiring, removed) = (Retiring::default(), Mutex::default());
        Self { site, watched: Mutex::new(watched), retiring, removed }
    }

    /// Reads the configuration and puts it in place, or changes nothing.
    pub(super) async fn reload(&self) -> Outcome {
        let reloaded = self.try_reload().await;
        let generation = self.site.current.get().number;
        match reloaded {
            Ok(warnings) => Outcome::of_success(generation, &warnings),
            Err(refused) => Outcome::of_refusal(generation, &refused),
        }
    }

    async fn try_reload(&self) -> Result<Vec<Finding>, Refused> {
        let Loaded { config, mut warnings, .. } = self.read().await?;
        let (before, config) = (self.site.current.get(), Arc::new(config));
        let refuse = |faults, warnings| Refused { faults, warnings };

        // Whatever is wrong is told at once.
        let mut faults = fixed::faults(&before.config, &config, self.site.handed_over);
        let certificates = assemble::tls_config(&config.webhook)
            .map_err(|error| faults.push(Finding::general(error.to_string())));
        let verdicts = judge_all(&before, &config, &self.site.loader)
            .await
            .map_err(|refused| faults.extend(refused.iter().flat_map(PluginFault::findings)));
        let bound = self.bind(&config).map_err(|error| faults.push(error.finding()));
        let states = self.states(&config).await.map_err(|finding| faults.push(finding));
        let (Ok(certificates), Ok(verdicts), Ok(bound), Ok(states)) = (certificates, verdicts, bound, states)
        else {
            return Err(refuse(faults, warnings));
        };
        if !faults.is_empty() {
            return Err(refuse(faults, warnings));
        }

        let (next, held) = match self.open(&before, config, states, verdicts).await {
            Ok(opened) => opened,
            Err(faults) => return Err(refuse(faults, warnings)),
        };
        self.site.tls.set(certificates);
        let after = self.put_in_place(&before, next, bound);
        drop(held);
        warnings.extend(zones::warnings(&before, &after));
        self.retire(&before, &after);
        Ok(warnings)
    }

    /// Reads the configuration as at the start, and remembers what it was made from.
    async fn read(&self) -> Result<Loaded, Refused> {
        let watched = self.watched().clone();
        let (request, plugins) = (self.site.request.clone(), self.site.current.get());
        let reading = tokio::task::spawn_blocking(move || {
            let now = watched.look_again();
            let loaded = load(&request);
            let watched = match &loaded {
                Ok(loaded) => now.moved_to(&loaded.sources, &loaded.config),
                Err(errors) => now.moved_to(&errors.sources, &plugins.config),
            };
            (loaded, watched)
        });
        let Ok((loaded, watched)) = reading.await else {
            let fault = Finding::general("reading the configuration broke off");
            return Err(Refused { faults: vec![fault], warnings: Vec::new() });
        };
        *self.watched() = watched;
        let errors = match loaded {
            Ok(loaded) => return Ok(loaded),
            Err(errors) => errors,
        };
        // What can be told of plugins is told now, and not when the rest is mended.
        let judged = generation::judge(errors.plugin_uses, &self.site.loader).await;
        let faults = errors.faults.into_iter().chain(judged.findings()).collect();
        Err(Refused { faults, warnings: errors.warnings })
    }

    fn bind(&self, config: &Config) -> Result<Bound, ListenError> {
        let Site { webhook_server, admin_server, tls, .. } = &self.site;
        let webhook = Side::webhook(&config.webhook, tls).bind_missing(webhook_server)?;
        let admin = Side::admin(&config.admin).bind_missing(admin_server)?;
        Ok(Bound { webhook, admin })
    }

    /// What is remembered of every backend, those of a name that is new included.
    async fn states(&self, config: &Arc<Config>) -> Result<States, Finding> {
        let (config, registry) = (Arc::clone(config), Arc::clone(&self.site.registry));
        let reading = tokio::task::spawn_blocking(move || assemble::states(&config, &registry));
        let key = KeyPath::of(&["state", "directory"]);
        match reading.await {
            Ok(Ok(states)) => Ok(states),
            Ok(Err(error)) => {
                let finding = Finding::at(&key, error.to_string());
                Err(error.hint().into_iter().fold(finding, Finding::hint))
            }
            Err(_) => Err(Finding::at(&key, "reading what is remembered broke off")),
        }
    }

    /// Opens what is to be opened: first what can be open beside its predecessor, then the rest.
    async fn open(
        &self,
        before: &Arc<Generation>,
        config: Arc<Config>,
        states: States,
        verdicts: Vec<(BackendName, Verdict)>,
    ) -> Result<(Next, Vec<Held>), Vec<Finding>> {
        let (mut files, mut kept) = (BTreeMap::new(), Backends::new());
        let (mut beside, mut after) = (BTreeMap::<_, Arc<dyn Driver>>::new(), BTreeMap::new());
        let was_exclusive = |name: &BackendName| before.file(name).is_some_and(|file| file.exclusive);
        for (name, verdict) in verdicts {
            let file = match (verdict, before.parts.backends.get(&name)) {
                (Verdict::Open(prepared), _) => {
                    let one_at_a_time = prepared.file.exclusive || was_exclusive(&name);
                    let drivers = if one_at_a_time { &mut after } else { &mut beside };
                    drivers.insert(name.clone(), prepared.driver);
                    prepared.file
                }
                (Verdict::Keep(file), Some(backend)) => {
                    kept.insert(name.clone(), Arc::clone(backend));
                    file
                }
                // What is kept is there.
                (Verdict::Keep(_), None) => continue,
            };
            files.insert(name, file);
        }
        let current = &self.site.current;
        let (opened, _) = open_all(current, &config, &states, beside).await;
        let mut held = Vec::new();
        let mut backends = kept;
        if !after.is_empty() {
            // One that goes may own what one that comes wants under another name.
            let goes = |name: &BackendName| !backends.contains_key(name) && !opened.contains_key(name);
            let outgoing = before.parts.backends.iter();
            let outgoing = outgoing
                .filter(|(name, _)| goes(name) && (was_exclusive(name) || after.contains_key(*name)))
                .map(|(name, backend)| (name.clone(), Arc::clone(backend)));
            let of_before = states_of(before);
            let both = (&of_before, &states);
            match exclusive::switch(current, before, &config, both, outgoing.collect(), after).await {
                Ok(Switched { backends: switched, held: locks }) => {
                    backends.extend(switched);
                    held = locks;
                }
                Err(NotSwitched { faults, reopened }) => {
                    self.put_back(before, reopened);
                    let outgoing = opened.into_iter().map(|(name, backend)| Outgoing {
                        backend,
                        longest_apply: config.backends[&name].apply_timeout.into(),
                    });
                    self.retiring.close_unused(outgoing.collect());
                    return Err(faults);
                }
            }
        }
        backends.extend(opened);
        Ok((Next { config, states, backends, files }, held))
    }

    /// From here on the next generation serves.
    fn put_in_place(&self, before: &Arc<Generation>, next: Next, bound: Bound) -> Arc<Generation> {
        let Site { webhook, webhook_server, admin_server, tls, level, .. } = &self.site;
        let Next { config, states, backends, files } = next;
        self.remember_removed(&before.config, &config);
        webhook.set_settings(assemble::webhook_settings(&config.webhook));
        Side::webhook(&config.webhook, tls).replace(webhook_server, bound.webhook);
        Side::admin(&config.admin).replace(admin_server, bound.admin);
        if let Some(level) = level
            && let Err(error) = level.set(config.log.level.as_str())
        {
            tracing::warn!(%error, "the log's level stays as it was");
        }
        let addresses = Addresses::of(webhook_server, admin_server);
        let journal = self.site.registry.journal();
        journal.set_limits(Limits::from(&config.journal));
        let parts = Parts::with(&config, backends, &states, journal);
        self.serve(Generation::new(before.number + 1, config, parts, addresses, files))
    }

    /// The generation of before goes on, with backends that had to be opened again.
    fn put_back(&self, before: &Arc<Generation>, reopened: Backends) {
        if reopened.is_empty() {
            return;
        }
        let mut backends = before.parts.backends.clone();
        backends.extend(reopened);
        let files = backends.keys().filter_map(|name| Some((name.clone(), before.file(name)?))).collect();
        let parts = Parts::with(&before.config, backends, &states_of(before), self.site.registry.journal());
        let addresses = before.addresses.clone();
        let config = Arc::clone(&before.config);
        self.serve(Generation::new(before.number, config, parts, addresses, files));
    }

    fn serve(&self, generation: Generation) -> Arc<Generation> {
        let Site { current, webhook, .. } = &self.site;
        // Before the views: a call of the new ones must not join a listing by an old scope, nor be decided
        // on a list that another instance made.
        generation.parts.refresh();
        for (name, old) in &current.get().parts.backends {
            if generation.parts.backends.get(name).is_none_or(|backend| !Arc::ptr_eq(old, backend)) {
                old.supersede();
            }
        }
        let removed = self.removed();
        let table = generation.parts.view_table(&generation.config, &generation.in_flight, &removed);
        webhook.set_views(table);
        current.replace(generation);
        // A backend may have found its zones between the two.
        current.refresh();
        let serving = current.get();
        serving.parts.mirrors.follow();
        serving
    }

    fn remember_removed(&self, before: &Config, after: &Config) {
        let mut removed = self.removed();
        for (name, view) in &before.views {
            removed.insert(view.path.as_str().to_owned(), RemovedView::new(name.as_str()));
        }
        for view in after.views.values() {
            removed.remove(view.path.as_str());
        }
    }

    fn retire(&self, before: &Arc<Generation>, after: &Generation) {
        let outgoing = before.parts.backends.iter().filter(|(name, backend)| {
            after.parts.backends.get(*name).is_none_or(|now| !Arc::ptr_eq(now, backend))
        });
        let outgoing = outgoing.map(|(name, backend)| Outgoing {
            backend: Arc::clone(backend),
            longest_apply: Duration::from(before.config.backends[name].apply_timeout),
        });
        self.retiring.close(before, outgoing.collect());
    }

    fn removed(&self) -> MutexGuard<'_, BTreeMap<String, Arc<RemovedView>>> {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
