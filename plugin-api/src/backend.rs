//! The trait that a backend implements.

use std::future::Future;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::capabilities::Capabilities;
use crate::changes::Changes;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::fault::Fault;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::records::Records;

/// How a backend brings one endpoint into the form in which it will list it.
pub type Adjust = Box<dyn Fn(&mut Endpoint) + Send + Sync>;

/// A backend: one configured instance of a plugin.
///
/// Write plain `async fn`s. They run on the plugin's own tokio runtime, several at once, but never
/// two [`apply_changes`](Self::apply_changes) of one backend. A panic is caught and becomes an
/// error of that call. When the daemon gives up on a call it drops the future: what is in scope is
/// dropped at the `await` where it stands.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no zonemux backend",
    label = "does not implement `zonemux_plugin::Backend`",
    note = "`export_plugin!` takes the type that has `impl Backend for …`, not its settings"
)]
pub trait Backend: Sized + Send + Sync + 'static {
    /// The settings: the table `[backends.NAME.settings]`. Use
    /// `#[serde(deny_unknown_fields)]`, so that a mistyped key is a clear error, and
    /// [`Secret`](crate::Secret) for what must not be seen.
    type Config: DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static;

    /// Checks settings beyond their form, without any I/O, and names every fault at once.
    fn validate(config: &Self::Config) -> Vec<Fault> {
        let _ = config;
        Vec::new()
    }

    /// Connects. Called again, after a while, when it fails.
    fn open(config: Self::Config, host: Host) -> impl Future<Output = Result<Self>> + Send;

    /// What the backend can do, once it is open.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Pushes every record in the backend's zones. A list that breaks off must be an `Err`, never
    /// an `Ok` of fewer records: ExternalDNS deletes or doubles what is missing.
    fn records(&self, call: &Call, out: &mut Records) -> impl Future<Output = Result<()>> + Send;

    /// Applies a batch. Single records that can't be stored go into the [`Outcome`]; `Err` means
    /// that it is not known what was done.
    fn apply_changes(&self, call: &Call, changes: Changes) -> impl Future<Output = Result<Outcome>> + Send;

    /// How endpoints are changed before ExternalDNS compares them with
    /// [`records`](Self::records); `None`: not at all. A function of settings and capabilities
    /// only: it must answer the same while the backend is down. Name, type and set identifier are
    /// kept whatever it does to them.
    fn adjust(config: &Self::Config, capabilities: &Capabilities) -> Option<Adjust> {
        let _ = (config, capabilities);
        None
    }

    /// Asks whether the backend works, without changing anything. What is logged here, from `info` on, `zonemux check
    /// --probe` shows to whoever asked.
    fn check(&self, call: &Call) -> impl Future<Output = Result<()>> + Send {
        let _ = call;
        async { Ok(()) }
    }

    /// Finishes what is open; nothing is called afterwards.
    fn close(&self, call: &Call) -> impl Future<Output = Result<()>> + Send {
        let _ = call;
        async { Ok(()) }
    }
}
