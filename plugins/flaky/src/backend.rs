//! The memory backend, and what is done to it.

use std::future::pending;
use std::panic::panic_any;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use zonemux_memory_backend::{Memory, Settings as MemorySettings};
use zonemux_plugin::{
    Adjust, Backend, Call, Capabilities, Changes, Endpoint, Error, ErrorKind, Fault, Host, Outcome, Records,
    Result,
};

use crate::behaviour::{Behaviour, Operation};
use crate::limits::Limits;
use crate::plan::Plan;
use crate::settings::Settings;
use crate::{crash, descriptors, trespass};

/// The memory backend, misbehaving on command.
#[derive(Debug)]
pub struct Flaky {
    memory: Memory,
    limits: Limits,
    settings: Settings,
    host: Host,
}

impl Backend for Flaky {
    type Config = Settings;

    fn validate(settings: &Settings) -> Vec<Fault> {
        for (key, path) in [("control", &settings.control), ("calls", &settings.calls)] {
            if path.as_ref().is_some_and(|path| path.is_relative()) {
                // Checking and adjusting have no host that could resolve it.
                return vec![Fault::new(key, "must be an absolute path")];
            }
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
        settings.note(Operation::Open, 0)?;
        misbehave(&settings, Operation::Open, &host).await?;
        let memory = Memory::open(MemorySettings { file: settings.file.clone() }, host.clone()).await?;
        let limits = Limits::of(&settings);
        Ok(Self { memory, limits, settings, host })
    }

    fn capabilities(&self) -> Capabilities {
        self.limits.capabilities(self.memory.capabilities())
    }

    async fn records(&self, call: &Call, out: &mut Records) -> Result<()> {
        self.settings.note(Operation::Records, 0)?;
        let now = self.settings.now(Operation::Records)?;
        if now.behaviour == Behaviour::Endless {
            return list_for_ever(out);
        }
        if !now.half {
            misbehave(&self.settings, Operation::Records, &self.host).await?;
        }
        if !now.is_half() {
            return self.memory.records(call, out).await;
        }
        let mut all = Records::collecting();
        self.memory.records(call, &mut all).await?;
        for endpoint in all.into_collected().iter().step_by(2) {
            out.push(&endpoint)?;
        }
        self.after_half(&now, Operation::Records).await
    }

    async fn apply_changes(&self, call: &Call, changes: Changes) -> Result<Outcome> {
        self.settings.note(Operation::Apply, changes.len())?;
        let now = self.settings.now(Operation::Apply)?;
        let refuses =
            matches!(now.behaviour, Behaviour::Refuse | Behaviour::RefuseTxt | Behaviour::RefuseBatch);
        if !refuses && !now.half {
            misbehave(&self.settings, Operation::Apply, &self.host).await?;
        }
        let plan = Plan::make(&now, &self.limits, &changes)?;
        if plan.is_whole() {
            return self.memory.apply_changes(call, changes).await;
        }
        let part = plan.part(&changes, &self.limits);
        let of_part = self.memory.apply_changes(call, part.changes()).await?;
        if plan.is_cut() {
            self.after_half(&now, Operation::Apply).await?;
        }
        let mut outcome = plan.outcome();
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
        self.settings.note(Operation::Check, 0)?;
        misbehave(&self.settings, Operation::Check, &self.host).await?;
        self.memory.check(call).await
    }

    async fn close(&self, call: &Call) -> Result<()> {
        self.settings.note(Operation::Close, 0)?;
        misbehave(&self.settings, Operation::Close, &self.host).await?;
        self.memory.close(call).await
    }
}

impl Drop for Flaky {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _error = at_once(&self.settings, Operation::Drop);
    }
}

impl Flaky {
    async fn after_half(&self, now: &Settings, operation: Operation) -> Result<()> {
        let half_way = || Err(Error::retryable("failed half-way, on command"));
        match now.behaviour {
            Behaviour::Partial | Behaviour::Half => half_way(),
            Behaviour::HalfAbort => std::process::abort(),
            Behaviour::PartialPanic => panic!("panicked half-way, on command"),
            Behaviour::PartialHang => pending().await,
            _ if now.half => {
                misbehave(&self.settings, operation, &self.host).await?;
                half_way()
            }
            _ => Ok(()),
        }
    }
}

fn list_for_ever(out: &mut Records) -> Result<()> {
    for number in 0_u64.. {
        let name = format!("host-{number}.example.org");
        out.push(&Endpoint::new(name, "A", ["192.0.2.1"]))?;
    }
    Ok(())
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
        | Behaviour::Half
        | Behaviour::HalfAbort
        | Behaviour::Endless
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
        Behaviour::Refuse | Behaviour::RefuseTxt | Behaviour::RefuseBatch => {
            Err(Error::permanent(format!("refused on command, in {what}")))
        }
        Behaviour::Fail => Err(Error::retryable(format!("failed on command, in {what}"))),
        Behaviour::RetryAfter => {
            let error = Error::retryable(format!("failed on command for a while, in {what}"));
            Err(error.with_retry_after(now.delay()))
        }
        Behaviour::FailConfig => {
            Err(Error::new(ErrorKind::Config, format!("wrong settings on command, in {what}")))
        }
        Behaviour::Abort => std::process::abort(),
        Behaviour::Segfault => crash::write_nowhere(),
        Behaviour::Exit => crash::exit(),
        Behaviour::StackOverflow => crash::overflow_the_stack(),
        Behaviour::Spin => crash::spin(),
        Behaviour::Deadlock => crash::wait_for_itself(),
        Behaviour::Garbage => {
            descriptors::write_garbage();
            // What it was called for would be done, or not, by the time that it takes to end this process.
            crash::wait_for_itself()
        }
        Behaviour::EatMemory => crash::eat_memory(),
        Behaviour::Print => descriptors::print(now.count),
        Behaviour::LeakDescriptors
        | Behaviour::CloseDescriptors
        | Behaviour::Babble
        | Behaviour::Multiply
        | Behaviour::Trespass => {
            beside(now);
            Ok(())
        }
    }
}

/// Misbehaves beside what the call is for, which goes on.
fn beside(now: &Settings) {
    match now.behaviour {
        Behaviour::LeakDescriptors => descriptors::leak(),
        Behaviour::CloseDescriptors => descriptors::close_all(),
        Behaviour::Multiply => trespass::multiply(now),
        Behaviour::Trespass => trespass::everywhere(now),
        _ => (0..now.count).for_each(|number| tracing::info!(number, "a line on command")),
    }
}

/// Misbehaves while the plugin is loaded, where nothing is known but a word.
pub(crate) fn while_loading(word: &str) {
    let behaviour = serde_json::from_value(serde_json::Value::String(word.to_owned())).unwrap_or_default();
    let settings = Settings { behaviour, on: vec![Operation::Validate], ..Settings::default() };
    // Nobody listens yet.
    let _error = at_once(&settings, Operation::Validate);
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
