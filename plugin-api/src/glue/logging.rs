//! Sends the plugin's `tracing` events to the daemon's log.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::future::{Future, poll_fn};
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use zonemux_plugin_abi::stable::{RSlice, RStr};
use zonemux_plugin_abi::{RLogRef, RPairRef};

use crate::host::Host;

thread_local! {
    /// Whose future this thread polls: one `.so` may serve several backends.
    static CURRENT: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// For events outside every call, such as those of a task that the author spawned.
static FALLBACK: OnceLock<Host> = OnceLock::new();

/// Installs the bridge in this plugin's copy of `tracing`, once.
pub(crate) fn install(host: &Host) {
    if FALLBACK.set(host.clone()).is_ok() {
        // Fails where a subscriber is there already, as in an author's own tests: theirs stays.
        let _installed = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Bridge));
    }
}

/// Marks every event of a future as the host's.
pub(crate) fn scope<F: Future>(host: Host, future: F) -> impl Future<Output = F::Output> {
    let mut future = Box::pin(future);
    poll_fn(move |context| {
        let before = CURRENT.replace(Some(host.clone()));
        let restore = Restore(before);
        let poll = future.as_mut().poll(context);
        drop(restore);
        poll
    })
}

/// Marks every event of some code as the host's.
pub(crate) fn within<T>(host: Host, code: impl FnOnce() -> T) -> T {
    let _restore = Restore(CURRENT.replace(Some(host)));
    code()
}

/// Puts the former host back, also when the poll panics.
struct Restore(Option<Host>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

fn with_host<T>(run: impl FnOnce(&Host) -> T) -> Option<T> {
    let current =
        CURRENT.try_with(|current| current.try_borrow().ok().and_then(|host| host.clone())).ok().flatten();
    current.as_ref().or(FALLBACK.get()).map(run)
}

struct Bridge;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        if metadata.is_span() {
            return true;
        }
        with_host(|host| {
            let target = RStr::from_str(metadata.target());
            host.raw().is_some_and(|raw| raw.log_enabled(level(*metadata.level()), target))
        })
        .unwrap_or(false)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten().collect::<Vec<_>>().into_iter().rev() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.pairs.extend(of_span.pairs.iter().cloned());
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        let pairs: Vec<RPairRef<'_>> = fields
            .pairs
            .iter()
            .map(|(key, value)| RPairRef { key: RStr::from_str(key), value: RStr::from_str(value) })
            .collect();
        with_host(|host| {
            if let Some(raw) = host.raw() {
                raw.log(&RLogRef {
                    level: level(*metadata.level()),
                    target: RStr::from_str(metadata.target()),
                    message: RStr::from_str(&fields.message),
                    fields: RSlice::from_slice(&pairs),
                    file: RStr::from_str(metadata.file().unwrap_or_default()),
                    line: metadata.line().unwrap_or_default(),
                    ext: RSlice::EMPTY,
                });
            }
        });
    }
}

/// The numbers of [`RLogRef::level`].
fn level(level: Level) -> u32 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    pairs: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.pairs.push((field.name(), value.to_owned()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // Writing to a string can't fail; a Debug that says so is cut where it did.
        let _complete = write!(text, "{value:?}");
        self.record_str(field, &text);
    }
}
