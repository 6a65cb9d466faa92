//! A configured plugin in a process of its own.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use zeroize::Zeroizing;
use zonemux_plugin::{Capabilities, ErrorKind};

use super::ending::{Ending, Reason};
use super::feed::Feed;
use super::instance::{IsolatedInstance, encode_call};
use super::launch::Launcher;
use super::link::Process;
use super::start::{Permissions, Recipe, START, setup_frame};
use crate::backend::{
    BackendError, Driver, DriverCall, DriverFuture, ListSink, Opened, ProcessStatus, Selection,
};
use crate::plugin::child::restrict::Profile;
use crate::plugin::error::{PluginError, Refusal};
use crate::plugin::frames::{self, Kind, PROTOCOL, message};
use crate::plugin::host::HostSide;
use crate::plugin::image::Image;
use crate::telemetry::metrics;

/// How long no process is started for an adjust after one has ended by itself; doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A configured plugin whose code runs in a process of its own.
pub struct Isolated {
    shared: Arc<Shared>,
    exclusive: bool,
}

pub(super) struct Shared {
    recipe: Recipe,
    slot: Mutex<Slot>,
    /// One process is started at a time.
    starting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Slot {
    /// Whose processes these are.
    backend: String,
    process: Option<Arc<Process>>,
    /// How often a process was started after another had ended by itself.
    restarts: u64,
    last: Option<Ending>,
    /// When it was started, and until when no other is for an adjust.
    started: Option<Instant>,
    not_before: Option<Instant>,
    pause: Duration,
    /// What the process may do though it should not.
    unrestricted: Vec<String>,
    /// For which capabilities the plugin said whether it adjusts.
    adjusts: Option<(Capabilities, bool)>,
}

impl fmt::Debug for Isolated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Isolated").field("backend", &self.shared.recipe.backend).finish_non_exhaustive()
    }
}

impl Isolated {
    /// Starts a process for a checked image, loads it there, and gives it a backend's settings, a JSON object.
    /// Blocks until it has judged them: call it on a thread that is none of the runtime's.
    ///
    /// # Errors
    ///
    /// When the plugin or its settings are refused.
    pub fn configure(
        launcher: &Arc<Launcher>,
        image: &Image,
        host: HostSide,
        settings: &str,
        permissions: &Permissions,
    ) -> Result<Self, PluginError> {
        let refuse = |why: String| PluginError::new(&image.path, Refusal::Initialisation(why));
        let code = launcher.sealed(image).map_err(|error| refuse(format!("no sealed memory: {error}")))?;
        let setup = message::Setup {
            name: image.name().to_owned(),
            code: image.code(),
            profile: profile(image, permissions),
        };
        let settings = serde_json::value::RawValue::from_string(settings.to_owned());
        let told = message::Configure {
            protocol: PROTOCOL,
            backend: host.backend_name().to_owned(),
            zones: host.zone_names(),
            base_directory: host.base().to_owned(),
            state_directory: host.state().to_owned(),
            log_level: host.log_level(),
            settings: settings.map_err(|error| refuse(error.to_string()))?,
        };
        let frame =
            |frame: Result<Vec<u8>, frames::FrameError>| frame.map_err(|error| refuse(error.to_string()));
        let recipe = Recipe {
            launcher: Arc::clone(launcher),
            backend: host.backend_name().to_owned(),
            host,
            path: image.path.clone(),
            code,
            memory_limit: permissions.memory_limit,
            setup: frame(setup_frame(&setup))?,
            configure: Zeroizing::new(frame(frames::json(Kind::Configure, 0, &told))?),
        };
        let (process, configured) =
            launcher.runtime().block_on(recipe.start(START)).map_err(|failed| failed.error)?;
        let unrestricted = unrestricted(&process);
        let backend = recipe.backend.clone();
        let slot = Slot { backend, process: Some(Arc::new(process)), unrestricted, ..Slot::default() };
        let exclusive = configured.exclusive || image.manifest.exclusive;
        let starting = tokio::sync::Mutex::new(());
        Ok(Self { shared: Arc::new(Shared { recipe, slot: Mutex::new(slot), starting }), exclusive })
    }

    /// Whether two of its instances can't be open at once.
    pub fn exclusive(&self) -> bool {
        self.exclusive
    }
}

fn unrestricted(process: &Process) -> Vec<String> {
    let restrictions = process.0.restrictions.lock().unwrap_or_else(PoisonError::into_inner);
    restrictions.as_ref().map(|restrictions| restrictions.missing.clone()).unwrap_or_default()
}

fn profile(image: &Image, permissions: &Permissions) -> Profile {
    Profile {
        parent: std::process::id(),
        memory_limit: permissions.memory_limit,
        network: image.manifest.network,
        commands: image.manifest.commands,
        writable: permissions.writable.clone(),
        readable: image.reads(),
    }
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process that runs, or another one, which must be ready before whoever needs it has given up: then it
    /// is known why it was ended, and that is counted.
    async fn running(&self, until: Instant) -> Result<Arc<Process>, BackendError> {
        let _one_at_a_time = self.starting.lock().await;
        let before = self.slot().process.clone();
        if let Some(process) = before {
            if !process.is_gone() {
                return Ok(process);
            }
            // Its end is known when nothing of it runs any more.
            let ending = process.ended().await;
            self.note_end(&process, &ending);
        }
        let left = until.saturating_duration_since(Instant::now()).as_millis();
        // As it may be shown.
        let left = Duration::from_millis(left.try_into().unwrap_or(u64::MAX));
        let (process, _) = match self.recipe.start(left).await {
            Ok(started) => started,
            Err(failed) => {
                if let Some(ending) = &failed.ending {
                    self.slot().note(ending);
                }
                // The settings were accepted once; what is wrong now may pass.
                return Err(BackendError::new(ErrorKind::Retryable, failed.error.to_string()));
            }
        };
        let process = Arc::new(process);
        let mut slot = self.slot();
        slot.process = Some(Arc::clone(&process));
        slot.unrestricted = unrestricted(&process);
        slot.started = Some(Instant::now());
        drop(slot);
        Ok(process)
    }

    /// As [`running`](Self::running), but does not start one that keeps ending: whoever opens the backend does,
    /// and waits longer each time.
    async fn running_soon(&self, until: Instant) -> Result<Arc<Process>, BackendError> {
        let wait = {
            let slot = self.slot();
            let runs = slot.process.as_ref().is_some_and(|process| !process.is_gone());
            let until = slot.not_before.filter(|_| !runs);
            until.map(|until| until.saturating_duration_since(Instant::now()))
        };
        match wait {
            Some(wait) if !wait.is_zero() => {
                let message = "the plugin's process has ended and is not started again yet";
                Err(BackendError::new(ErrorKind::Retryable, message).after(wait))
            }
            _ => self.running(until).await,
        }
    }

    /// The process has ended. Whoever had it learns of that at once: it counts once.
    pub(super) fn note_end(&self, process: &Arc<Process>, ending: &Ending) {
        // Dropped last, where no lock is held.
        let _ended = self.slot().forget(process, ending);
    }
}

impl Slot {
    /// Forgets a process that has ended and counts its end, unless that is done, or another has taken its place.
    fn forget(&mut self, process: &Arc<Process>, ending: &Ending) -> Option<Arc<Process>> {
        let ended = self.process.take_if(|current| Arc::ptr_eq(current, process))?;
        self.note(ending);
        Some(ended)
    }

    fn note(&mut self, ending: &Ending) {
        if ending.reason != Reason::Asked {
            self.restarts += 1;
            self.last = Some(ending.clone());
            let steady = self.started.take().is_some_and(|started| started.elapsed() >= LONGEST_PAUSE);
            self.pause =
                if steady { FIRST_PAUSE } else { (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE) };
            self.not_before = Some(Instant::now() + self.pause);
            metrics::plugin_restart(&self.backend, ending.reason.as_str());
        }
    }
}

impl Driver for Isolated {
    fn open(&self, call: DriverCall) -> DriverFuture<Opened> {
        let shared = Arc::clone(&self.shared);
        // Of all that opening takes, a start included.
        let until = almost_until_the_end_of(&call);
        Box::pin(async move {
            let process = shared.running(until).await?;
            // An open that takes too long may hang in the plugin's own thread: the next one finds a new process.
            let unfinished = Unfinished(Some(Arc::clone(&process)), until);
            let result = process.call(Kind::Open, &encode_call(&call), None, None, None).await;
            unfinished.finish();
            let (done, _) = result?;
            let capabilities = done.capabilities.unwrap_or_default();
            shared.slot().adjusts = Some((capabilities.clone(), done.adjusts));
            let instance = Arc::new(IsolatedInstance { process, shared });
            Ok(Opened { instance, capabilities })
        })
    }

    fn adjusts(&self, capabilities: &Capabilities) -> bool {
        // Before it was ever open, it is asked each time: that is never wrong.
        match &self.shared.slot().adjusts {
            Some((known, adjusts)) if known == capabilities => *adjusts,
            _ => true,
        }
    }

    fn adjust(
        &self,
        call: DriverCall,
        capabilities: &Capabilities,
        endpoints: Selection,
        sink: ListSink,
    ) -> DriverFuture<()> {
        let (shared, capabilities) = (Arc::clone(&self.shared), capabilities.clone());
        let until = almost_until_the_end_of(&call);
        Box::pin(async move {
            let process = shared.running_soon(until).await?;
            let told = message::Adjust {
                call: encode_call(&call),
                capabilities,
                count: u32::try_from(endpoints.len()).unwrap_or(u32::MAX),
                text_size: endpoints.text_size() as u64,
            };
            let feed = Some(Feed::Selection(endpoints));
            process.call(Kind::Adjust, &told, Some(sink), feed, None).await.map(drop)
        })
    }

    fn process(&self) -> Option<ProcessStatus> {
        let slot = self.shared.slot();
        let running = slot.process.as_ref().filter(|process| !process.is_gone());
        let last = slot.last.as_ref();
        Some(ProcessStatus {
            pid: running.map(|process| process.0.pid),
            unrestricted: slot.unrestricted.clone(),
            restarts: slot.restarts,
            last_end: last.map(|ending| format!("{}: {}", ending.reason.as_str(), ending.words)),
            last_end_at: last.map(|ending| {
                ending.at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
            }),
            last_lines: last.map(|ending| ending.output.clone()).unwrap_or_default(),
        })
    }
}

/// A little earlier than whoever makes the call gives up.
fn almost_until_the_end_of(call: &DriverCall) -> Instant {
    Instant::now() + call.time_left.mul_f64(0.95)
}

/// Ends a process whose open was given up, and knows until when that had time.
struct Unfinished(Option<Arc<Process>>, Instant);

impl Unfinished {
    fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(process) = self.0.take() {
            if Instant::now() >= self.1 {
                process.0.kill(Reason::Unresponsive, "it did not open its backend in time");
            } else {
                process.0.kill(Reason::Asked, "its backend is not needed any more");
            }
        }
    }
}
