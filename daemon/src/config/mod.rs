//! The configuration: read in layers, checked as a whole, then plain data.
//!
//! Layers, later wins: built-in defaults, the file, `conf.d/*.toml` beside it, the environment
//! (`ZONEMUX__SECTION__KEY`). The `config` crate merges them and keeps each value's origin; our own
//! decoder walks the merged tree, because it must report every fault at once.

mod certificates;
mod checks;
mod decode;
mod described;
mod effective;
mod environment;
mod error;
mod key_path;
mod layer;
mod load;
mod model;
mod nearest;
mod origin;
mod paths;
mod plugin_use;
mod report;
mod secret_place;
mod settings;
mod value;

pub use certificates::Certificates;
pub use described::DescribedSettings;
pub use effective::Effective;
pub use environment::Environment;
pub use error::{ConfigErrors, Finding};
pub use key_path::KeyPath;
pub use load::{Loaded, Purpose, Request, load, load_text};
pub use model::{
    Admin, Auth, Backend, Breaker, Config, Control, Guards, Journal, Log, Plugins, Quarantine, Reload,
    Shutdown, State, Tls, Ttl, View, Webhook,
};
pub use origin::Origin;
pub use plugin_use::{Known, PluginUse};
pub use report::{Layer, Report};
pub use settings::SettingsTree;
pub use value::{
    BackendName, ByteSize, Duration, Gzip, Invalid, Isolation, KeyId, Listen, ListenSet, LogFilter,
    LogFormat, MaxDeletes, Ownership, PluginReference, ProtectedName, PublicKeys, REDACTED, RecordType,
    Secret, Sha256, SocketMode, Trust, TypePattern, ViewName, ViewPath, Zone,
};
