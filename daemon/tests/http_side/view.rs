//! A view that does what a test tells it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use zonemux::view::{CallContext, CallError, CallFuture, Calls, Chunks};
use zonemux::wire::{Changes, ListEncoder, join};
use zonemux_plugin::{Endpoint, Endpoints};

#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// Lists one record, adjusts nothing, applies everything.
    Work,
    /// Lists these bytes.
    List(Vec<Bytes>),
    /// Fails every call.
    Fail(CallError),
    /// Works once it is released by [`FakeView::release`].
    WaitForRelease,
    /// Never answers.
    Hang,
    /// Panics in every call.
    Panic,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Started(&'static str),
    Finished(&'static str),
    /// The call's future was dropped before its end.
    Dropped(&'static str),
    /// Creates, updates (old, new), deletes, by name.
    Applied(Vec<String>, Vec<(Option<String>, String)>, Vec<String>),
}

#[derive(Debug)]
pub(crate) struct FakeView {
    name: &'static str,
    pub(crate) zones: Mutex<Vec<String>>,
    behaviour: Mutex<Behaviour>,
    gate: Semaphore,
    events: mpsc::UnboundedSender<Event>,
}

impl FakeView {
    pub(crate) fn new(name: &'static str) -> (Arc<Self>, mpsc::UnboundedReceiver<Event>) {
        let (events, received) = mpsc::unbounded_channel();
        let view = Self {
            name,
            zones: Mutex::new(vec!["example.org".to_owned(), "example.test".to_owned()]),
            behaviour: Mutex::new(Behaviour::Work),
            gate: Semaphore::new(0),
            events,
        };
        (Arc::new(view), received)
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    /// Lets one waiting call go on.
    pub(crate) fn release(&self) {
        self.gate.add_permits(1);
    }

    fn tell(&self, event: Event) {
        // A test that does not listen has dropped its end.
        let _unheard = self.events.send(event);
    }

    /// Does what every call does, and says what a listing lists.
    async fn behaved(&self, call: &'static str) -> Result<Chunks, CallError> {
        let behaviour = self.behaviour.lock().unwrap().clone();
        self.tell(Event::Started(call));
        let mut guard = Guard { view: self, call, finished: false };
        let result = match behaviour {
            Behaviour::Work => Ok(one_record()),
            Behaviour::List(chunks) => Ok(chunks),
            Behaviour::Fail(error) => Err(error),
            Behaviour::WaitForRelease => {
                self.gate.acquire().await.unwrap().forget();
                Ok(one_record())
            }
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Panic => panic!("as the test wishes"),
        };
        guard.finished = true;
        result
    }
}

fn one_record() -> Chunks {
    join([&ListEncoder::encode([Endpoint::new("www.example.org", "A", ["192.0.2.1"]).with_ttl(300)])])
}

struct Guard<'a> {
    view: &'a FakeView,
    call: &'static str,
    finished: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.view.tell(if self.finished { Event::Finished(self.call) } else { Event::Dropped(self.call) });
    }
}

impl Calls for FakeView {
    fn name(&self) -> &str {
        self.name
    }

    fn zones(&self) -> Result<Vec<String>, CallError> {
        // Cloned, so that a panic does not poison the lock.
        let behaviour = self.behaviour.lock().unwrap().clone();
        match behaviour {
            Behaviour::Fail(error) => Err(error),
            Behaviour::Panic => panic!("as the test wishes"),
            _ => Ok(self.zones.lock().unwrap().clone()),
        }
    }

    fn records(self: Arc<Self>, _: CallContext) -> CallFuture<Chunks> {
        Box::pin(async move { self.behaved("records").await })
    }

    fn adjust(self: Arc<Self>, _: CallContext, endpoints: Endpoints) -> CallFuture<Chunks> {
        Box::pin(async move {
            self.behaved("adjust").await?;
            Ok(join([&ListEncoder::encode(endpoints.iter())]))
        })
    }

    fn apply(self: Arc<Self>, _: CallContext, changes: Changes) -> CallFuture<()> {
        Box::pin(async move {
            self.behaved("apply").await?;
            let name =
                |position: u32| changes.endpoints.get(position as usize).unwrap().dns_name().to_owned();
            let names = |positions: &[u32]| positions.iter().map(|&position| name(position)).collect();
            let update = changes.update.iter().map(|&(old, new)| (old.map(name), name(new))).collect();
            self.tell(Event::Applied(names(&changes.create), update, names(&changes.delete)));
            Ok(())
        })
    }
}
