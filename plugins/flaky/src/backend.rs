//! The memory backend, and what is done to it.

use std::collections::HashSet;
use std::future::pending;
use std::panic::panic_any;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use zonemux_memory_backend::{Memory, Settings as MemorySettings};
use zonemux_plugin::{
    Adjust, Backend, Call, Capabilities, ChangeId, Changes, Error, ErrorKind, Fault, Host, Outcome, Records,
    Result,
};

use crate::batch::Part;
use crate::settings::{Behaviour, Operation, Settings};

/// The memory backend, misbehaving on command.
#[derive(Debug)]
pub struct Flaky {
    memory: Memory,
    settings: Settings,
    host: Host,
}

impl Backend for Flaky {
    type Config = Settings;

    fn validate(settings: &Settings) -> Vec<Fault> {
        if settings.control.as_ref().is_some_and(|path| path.is_relative()) {
            // Checking and adjusting have no host that could resolve it.
            return vec![Fault::new("control", "must be an absolute path")];
        }
        match settings.now(Operation::Validate) {
            Ok(now) => match at_once(&now, Operation::Validate) {
                Ok(()) => Vec::new(),
                Err(error) => vec![Fault::new("behaviour", error.message()).with_hint("set it to `healthy`")],
            },
            Err(error) => vec![Fault::new("control", error.message())],
        }
    }

    async fn open(settings: Settings, host: Host) -> Result<Self> {
        misbehave(&settings, Operation::Open, &host).await?;
        let memory = Memory::open(MemorySettings { file: settings.file.clone() }, host.clone()).await?;
        Ok(Self { memory, settings, host })
    }

    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }

    async fn records(&self, call: &Call, out: &mut Records) -> Result<()> {
        let now = self.settings.now(Operation::Records)?;
        misbehave(&self.settings, Operation::Records, &self.host).await?;
        if !is_half(now.behaviour) {
            return self.memory.records(call, out).await;
        }
        let mut all = Records::collecting();
        self.memory.records(call, &mut all).await?;
        for endpoint in all.into_collected().iter().step_by(2) {
            out.push(&endpoint)?;
        }
        after_half(now.behaviour).await
    }

    async fn apply_changes(&self, call: &Call, changes: Changes) -> Result<Outcome> {
        let now = self.settings.now(Operation::Apply)?;
        if now.behaviour == Behaviour::Refuse {
            return self.refuse(call, &changes, &now.matches).await;
        }
        misbehave(&self.settings, Operation::Apply, &self.host).await?;
        if !is_half(now.behaviour) {
            return self.memory.apply_changes(call, changes).await;
        }
        let half: HashSet<ChangeId> =
            changes.units().into_iter().step_by(2).flat_map(|unit| unit.changes).collect();
        let part = Part::of(&changes, |id| half.contains(&id));
        let of_part = self.memory.apply_changes(call, part.changes()).await?;
        after_half(now.behaviour).await?;
        let mut outcome = Outcome::applied();
        part.report(&of_part, &mut outcome);
        Ok(outcome)
    }

    fn adjust(settings: &Settings, _: &Capabilities) -> Option<Adjust> {
        if settings.control.is_none() && settings.behaviour == Behaviour::Healthy {
            return None;
        }
        let settings = settings.clone();
        let pending = Mutex::new(true);
        Some(Box::new(move |_| {
            // Once a call, in the middle of it, and not once an endpoint.
            if let Ok(mut pending) = pending.try_lock()
                && std::mem::take(&mut *pending)
            {
                drop(pending);
                // Adjusting can't fail: what can't be told is passed over.
                let _error = at_once(&settings, Operation::Adjust);
            }
        }))
    }

    async fn check(&self, call: &Call) -> Result<()> {
        misbehave(&self.settings, Operation::Check, &self.host).await?;
        self.memory.check(call).await
    }

    async fn close(&self, call: &Call) -> Result<()> {
        misbehave(&self.settings, Operation::Close, &self.host).await?;
        self.memory.close(call).await
    }
}

impl Flaky {
    async fn refuse(&self, call: &Call, changes: &Changes, matches: &str) -> Result<Outcome> {
        let refused = |id| {
            changes.get(id).is_some_and(|change: zonemux_plugin::Change<'_>| {
                change.endpoint().dns_name().contains(matches)
            })
        };
        let part = Part::of(changes, |id| !refused(id));
        let of_part = self.memory.apply_changes(call, part.changes()).await?;
        let mut outcome = Outcome::applied();
        for (id, _) in changes.iter().filter(|(id, _)| refused(*id)) {
            outcome.refuse(id, "refused on command");
        }
        part.report(&of_part, &mut outcome);
        Ok(outcome)
    }
}

impl Drop for Flaky {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _error = at_once(&self.settings, Operation::Drop);
    }
}

fn is_half(behaviour: Behaviour) -> bool {
    matches!(
        behaviour,
        Behaviour::Partial | Behaviour::PartialPanic | Behaviour::PartialHang | Behaviour::Short
    )
}

async fn after_half(behaviour: Behaviour) -> Result<()> {
    match behaviour {
        Behaviour::Partial => Err(Error::retryable("failed half-way, on command")),
        Behaviour::PartialPanic => panic!("panicked half-way, on command"),
        Behaviour::PartialHang => pending().await,
        _ => Ok(()),
    }
}

/// Misbehaves where waiting is possible.
async fn misbehave(settings: &Settings, operation: Operation, host: &Host) -> Result<()> {
    let now = &settings.now(operation)?;
    match now.behaviour {
        Behaviour::PanicTask => {
            let task =
                tokio::spawn(
                    async move { panic!("panicked in a task, on command, in {}", operation.as_str()) },
                );
            Ok(task.await?)
        }
        Behaviour::Hang => pending().await,
        Behaviour::Late => {
            tokio::time::sleep(now.delay()).await;
            Ok(())
        }
        Behaviour::Chatty => {
            talk(now, operation, host);
            Ok(())
        }
        _ => at_once(settings, operation),
    }
}

/// Misbehaves where waiting holds the thread.
fn at_once(settings: &Settings, operation: Operation) -> Result<()> {
    let now = &settings.now(operation)?;
    let what = operation.as_str();
    match now.behaviour {
        Behaviour::Healthy
        | Behaviour::Partial
        | Behaviour::PartialPanic
        | Behaviour::PartialHang
        | Behaviour::Short
        | Behaviour::Chatty => Ok(()),
        Behaviour::Panic | Behaviour::PanicTask => panic!("panicked on command, in {what}"),
        Behaviour::PanicValue => panic_any(Bomb),
        Behaviour::Hang => loop {
            thread::park();
        },
        Behaviour::Block => {
            while settings.now(operation)?.behaviour == Behaviour::Block {
                thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        }
        Behaviour::Late => {
            thread::sleep(now.delay());
            Ok(())
        }
        Behaviour::Refuse => Err(Error::permanent(format!("refused on command, in {what}"))),
        Behaviour::Fail => Err(Error::retryable(format!("failed on command, in {what}"))),
        Behaviour::RetryAfter => {
            let error = Error::retryable(format!("failed on command for a while, in {what}"));
            Err(error.with_retry_after(now.delay()))
        }
        Behaviour::FailConfig => {
            Err(Error::new(ErrorKind::Config, format!("wrong settings on command, in {what}")))
        }
        Behaviour::Abort => std::process::abort(),
    }
}

/// A panic's value that panics again.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Bomb);
    }
}

fn talk(now: &Settings, operation: Operation, host: &Host) {
    let operation = operation.as_str();
    let _span = tracing::info_span!("chat", operation).entered();
    tracing::error!(answer = 42, "an error on command");
    tracing::warn!(answer = 42, "a warning on command");
    tracing::info!(answer = 42, settings = ?now, "information on command");
    tracing::debug!(answer = 42, "a detail on command");
    tracing::trace!(answer = 42, "a trace on command");
    host.count("flaky_calls_total", &[("operation", operation)], 1);
    host.gauge("flaky_answer", &[], 42.0);
    host.observe("flaky_delay_seconds", &[("operation", operation)], 0.25);
}
