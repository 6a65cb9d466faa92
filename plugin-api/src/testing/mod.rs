//! Tests a backend without a daemon, through the same code that a daemon's calls go through.
//!
//! [`open`] checks settings and opens the backend as the daemon would; [`TestBackend`] calls it;
//! [`battery`] tries what every backend must do right. Calls block the thread that makes them, and
//! run on the plugin's own runtime: a mock server needs another thread, as it gets with
//! `#[tokio::test(flavor = "multi_thread")]`.
//!
//! ```
//! use zonemux_plugin::testing::{self, ChangesBuilder, json};
//! use zonemux_plugin::{Backend, Call, Changes, Endpoint, Host, Outcome, Records, Result};
//!
//! #[derive(Clone, serde::Deserialize, schemars::JsonSchema)]
//! struct Settings {}
//!
//! struct Fixed;
//!
//! impl Backend for Fixed {
//!     type Config = Settings;
//!
//!     async fn open(_: Settings, _: Host) -> Result<Self> {
//!         Ok(Self)
//!     }
//!
//!     async fn records(&self, _: &Call, out: &mut Records) -> Result<()> {
//!         out.push(&Endpoint::new("www.example.org", "A", ["192.0.2.1"]))
//!     }
//!
//!     async fn apply_changes(&self, _: &Call, changes: Changes) -> Result<Outcome> {
//!         let mut outcome = Outcome::applied();
//!         for (id, _) in changes.iter() {
//!             outcome.refuse(id, "this zone is fixed");
//!         }
//!         Ok(outcome)
//!     }
//! }
//!
//! let dns = testing::open::<Fixed>(json!({}), ["example.org"])?;
//! let www = Endpoint::new("www.example.org", "A", ["192.0.2.1"]);
//! assert_eq!(dns.records()?, [www.clone()]);
//! let outcome = dns.apply(&ChangesBuilder::new().delete(www))?;
//! assert_eq!(outcome.failures()[0].reason, "this zone is fixed");
//! # Ok::<(), zonemux_plugin::Error>(())
//! ```

mod backend;
pub mod battery;
mod builder;
mod host;
mod lists;
mod wait;

use std::sync::Arc;

use serde::Serialize;
pub use serde_json::json;
use zonemux_plugin_abi::stable::{RErr, ROk, RResult, RStr, TD_Opaque};
use zonemux_plugin_abi::{RHost_TO, RPluginBox};

use crate::backend::Backend;
use crate::error::{Error, ErrorKind, Result};
use crate::fault::Fault;
use crate::glue::module::{Definition, configure};
pub use backend::TestBackend;
pub use builder::ChangesBuilder;
pub use host::{LogLine, Metric};

/// Stands in for `export_plugin!`.
struct Exported<B>(std::marker::PhantomData<B>);

impl<B: Backend> Definition for Exported<B> {
    type Backend = B;
    const MANIFEST: &'static [u8] = b"{}";
    const WORKERS: usize = 1;
}

/// Checks settings and opens a backend, as the daemon does. `settings` is the table
/// `[backends.NAME.settings]`: [`json!`] or anything that serialises to an object. `zones` are
/// canonical; none lets the backend find them by itself.
///
/// # Errors
///
/// All faults of the settings in one error of the kind `Config`, or what `open` answered.
pub fn open<B: Backend>(
    settings: impl Serialize,
    zones: impl IntoIterator<Item = impl Into<String>>,
) -> Result<TestBackend> {
    let seen = Arc::new(host::Seen::default());
    let zones: Vec<String> = zones.into_iter().map(Into::into).collect();
    let plugin = configured::<B>(&settings, &zones, &seen)?.map_err(|faults| {
        let lines: Vec<String> =
            faults.iter().map(|fault| format!("{}: {} {}", fault.path, fault.message, fault.hint)).collect();
        Error::new(ErrorKind::Config, lines.join("; "))
    })?;
    TestBackend::open(plugin, seen)
}

/// What is wrong with settings; empty when they would be taken.
///
/// # Errors
///
/// When the settings can't be serialised.
pub fn faults<B: Backend>(settings: impl Serialize) -> Result<Vec<Fault>> {
    let configured = configured::<B>(&settings, &[], &Arc::default())?;
    Ok(configured.err().unwrap_or_default())
}

fn configured<B: Backend>(
    settings: &impl Serialize,
    zones: &[String],
    seen: &Arc<host::Seen>,
) -> Result<Result<RPluginBox, Vec<Fault>>> {
    let settings = serde_json::to_string(settings)?;
    let host = host::TestHost { zones: zones.join(" "), seen: Arc::clone(seen) };
    let configured: RResult<_, _> =
        configure::<Exported<B>>(RHost_TO::from_value(host, TD_Opaque), RStr::from_str(&settings));
    Ok(match configured {
        ROk(plugin) => Ok(plugin),
        RErr(faults) => Err(faults
            .into_iter()
            .map(|fault| Fault::new(fault.path, fault.message).with_hint(fault.hint))
            .collect()),
    })
}
