//! From a plugin's checked bytes to a process that has accepted its settings.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::ending::{Ending, Reason};
use super::launch::Launcher;
use super::link::{Link, Process};
use super::outbox::Outbox;
use super::watching::{Listeners, watch};
use super::{cgroup, output, reading};
use crate::plugin::error::{PluginError, Refusal};
use crate::plugin::frames::{self, Kind, message};
use crate::plugin::host::HostSide;
use crate::plugin_processes::Known;

/// How long a plugin may take to be loaded and to judge its settings; less than whoever asks waits.
pub(super) const START: Duration = Duration::from_secs(19);

/// What a plugin's process may do, as far as it is the operator's and the configuration's choice.
#[derive(Debug, Clone)]
pub struct Permissions {
    /// The most memory, in bytes.
    pub memory_limit: u64,
    /// Folders and files that it may change.
    pub writable: Vec<PathBuf>,
}

/// All that it takes to start a backend's process, now and again.
pub(super) struct Recipe {
    pub(super) launcher: Arc<Launcher>,
    pub(super) backend: String,
    pub(super) host: HostSide,
    /// The file that it was, for messages.
    pub(super) path: PathBuf,
    pub(super) code: Arc<OwnedFd>,
    /// Of its control group, in bytes.
    pub(super) memory_limit: u64,
    /// Frames that every process is given first; the second holds secrets.
    pub(super) setup: Vec<u8>,
    pub(super) configure: Zeroizing<Vec<u8>>,
}

/// Why there is no process, and how the one ended that began.
pub(super) struct NotStarted {
    pub(super) error: PluginError,
    pub(super) ending: Option<Ending>,
}

impl From<PluginError> for NotStarted {
    fn from(error: PluginError) -> Self {
        Self { error, ending: None }
    }
}

impl Recipe {
    /// Starts a process, and waits until its plugin has judged the settings, for so long and never longer than
    /// [`START`].
    pub(super) async fn start(&self, limit: Duration) -> Result<(Process, message::Configured), NotStarted> {
        let limit = limit.min(START);
        let (outcome, configured) = oneshot::channel();
        let process = self.launch(outcome).map_err(|error| {
            self.error(Refusal::Initialisation(format!("its process can't be started: {error}")))
        })?;
        let started = tokio::select! {
            biased;
            Ok(configured) = configured => configured,
            ending = process.ended() => {
                let words = ending.output.last().map(|line| format!(" ({line})")).unwrap_or_default();
                let why = format!("its process ended at its start: {}{words}", ending.words);
                return Err(NotStarted { error: self.error(Refusal::NotReady(why)), ending: Some(ending) });
            }
            () = tokio::time::sleep(limit) => {
                process.0.kill(Reason::Start, format!("it was not ready within {limit:?}"));
                let ending = Some(process.ended().await);
                return Err(NotStarted { error: PluginError::not_loaded_within(&self.path, limit), ending });
            }
        };
        match started {
            Ok(configured) if configured.protocol > frames::PROTOCOL => {
                process.0.expect_end();
                let (theirs, ours) = (configured.protocol, frames::PROTOCOL);
                let why = format!("it speaks version {theirs} of the frames, this daemon speaks {ours}");
                Err(self.error(Refusal::Initialisation(why)).into())
            }
            Ok(configured) => {
                if configured.sequential {
                    link_sequential(&process);
                }
                tracing::debug!(
                    backend = self.backend, pid = process.0.pid,
                    restrictions = ?process.0.restrictions.lock().unwrap_or_else(PoisonError::into_inner),
                    "the plugin's process is ready"
                );
                Ok((process, configured))
            }
            Err(refused) => {
                process.0.expect_end();
                Err(self.error(refusal(refused)).into())
            }
        }
    }

    fn launch(
        &self,
        configured: oneshot::Sender<Result<message::Configured, message::Refused>>,
    ) -> io::Result<Process> {
        let (ours, theirs) = StdUnixStream::pair()?;
        let mut child = self.launcher.launch(&self.backend, theirs.into())?;
        let pid = child.id().unwrap_or_default();
        // Before it is given anything to do.
        let known = Known::new(pid, &self.backend);
        let confined = cgroup::confine(&self.backend, pid, self.memory_limit);
        hand_over(&ours, &self.setup, &self.code)?;
        ours.set_nonblocking(true)?;
        let runtime = self.launcher.runtime().clone();
        let _entered = runtime.enter();
        let socket = Arc::new(UnixStream::from_std(ours)?);
        let outbox = Outbox::new(Arc::clone(&socket));
        let host = self.host.clone();
        let link = Link::new(self.backend.clone(), pid, host, outbox, runtime.clone(), configured);
        let link = Arc::new(link);
        let stderr = child.stderr.take();
        let (host, lines) = (self.host.clone(), link.output.clone());
        let listeners = Listeners {
            reading: runtime.spawn(reading::read(Arc::clone(&link), socket)),
            writing: {
                let link = Arc::clone(&link);
                runtime.spawn(async move { link.outbox.run().await })
            },
            output: runtime.spawn(async move {
                if let Some(stderr) = stderr {
                    output::read(host, stderr, lines).await;
                }
            }),
        };
        runtime.spawn(watch(Arc::clone(&link), child, known, confined, listeners));
        link.outbox.send(self.configure.to_vec());
        Ok(Process(link))
    }

    fn error(&self, reason: Refusal) -> PluginError {
        PluginError::new(&self.path, reason)
    }
}

/// One call at a time from now on.
fn link_sequential(process: &Process) {
    let turns = &process.0.turns;
    turns.forget_permits(turns.available_permits().saturating_sub(1));
}

/// Sends the first frame, with the plugin's code. The socket is empty and has room for it.
pub(super) fn hand_over(socket: &StdUnixStream, frame: &[u8], code: &OwnedFd) -> io::Result<()> {
    let descriptors = [code.as_fd()];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    let slices = [io::IoSlice::new(frame)];
    let sent = rustix::net::sendmsg(socket, &slices, &mut ancillary, SendFlags::NOSIGNAL)?;
    io::Write::write_all(&mut &*socket, &frame[sent..])
}

/// The frame that sets a process up.
pub(super) fn setup_frame(setup: &message::Setup) -> Result<Vec<u8>, frames::FrameError> {
    frames::json(Kind::Setup, 0, setup)
}

/// A refusal as the process told it.
pub(super) fn refusal(refused: message::Refused) -> Refusal {
    match refused {
        message::Refused::Linker(words) => Refusal::Linker(words),
        message::Refused::NotAPlugin(words) => Refusal::NotAPlugin(words),
        message::Refused::Layout(words) => Refusal::Layout(words),
        message::Refused::Setup(words) | message::Refused::Initialisation(words) => {
            Refusal::Initialisation(words)
        }
        message::Refused::Settings(faults) => Refusal::Settings(faults.into_iter().map(Into::into).collect()),
    }
}
