//! The whole configuration as plain data. A value of these types is valid: what could be wrong was
//! refused when it was read. What each key means to the operator stands in `config.example.toml`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use super::certificates::Certificates;
use super::settings::SettingsTree;
use super::value::{
    BackendName, ByteSize, Duration, Gzip, Isolation, ListenSet, LogFilter, LogFormat, MaxDeletes, Ownership,
    PluginReference, ProtectedName, PublicKeys, RecordType, Secret, Sha256, SocketMode, Trust, ViewName,
    ViewPath, Zone,
};

/// Everything that the daemon is told. Paths are absolute.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[webhook]`
    pub webhook: Webhook,
    /// `[admin]`
    pub admin: Admin,
    /// `[control]`
    pub control: Control,
    /// `[shutdown]`
    pub shutdown: Shutdown,
    /// `[reload]`
    pub reload: Reload,
    /// `[log]`
    pub log: Log,
    /// `[plugins]`
    pub plugins: Plugins,
    /// `[state]`
    pub state: State,
    /// `[journal]`
    pub journal: Journal,
    /// `[views.NAME]`; at least one, with distinct paths.
    pub views: BTreeMap<ViewName, View>,
    /// `[backends.NAME]`; at least one.
    pub backends: BTreeMap<BackendName, Backend>,
}

/// The side that ExternalDNS talks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where it listens, unless the service manager hands over sockets.
    pub listen: ListenSet,
    /// The longest request body; above 0, at most 1 GiB.
    pub max_body: ByteSize,
    /// A call's whole time; above 0 and below the 15 s after which ExternalDNS gives up.
    pub deadline: Duration,
    /// When large answers are compressed.
    pub gzip: Gzip,
    /// The mode of its unix sockets.
    pub socket_mode: SocketMode,
    /// TLS on every TCP address.
    pub tls: Option<Tls>,
}

/// Certificates in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate chain.
    pub cert: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
    /// Authorities of client certificates; where given, clients must have one.
    pub client_ca: Option<PathBuf>,
    /// What these files held; none where the configuration was read for
    /// [`Purpose::Inspect`](super::Purpose::Inspect).
    pub certificates: Option<Certificates>,
}

/// The read-only side: probes, metrics, summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens.
    pub listen: ListenSet,
}

/// The side that the command line talks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The path of its unix socket.
    pub socket: PathBuf,
}

/// How the daemon ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shutdown {
    /// How long running applies are waited for.
    pub grace: Duration,
}

/// When the configuration is read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    /// Also when a file that it was made from changes.
    pub watch: bool,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Which lines.
    pub level: LogFilter,
    /// Their form.
    pub format: LogFormat,
}

/// Where plugins are found, and how they are treated unless a backend says otherwise.
#[derive(Debug, Clone)]
pub struct Plugins {
    /// Folders, searched in order; those of `$ZONEMUX_PLUGIN_PATH` come first.
    pub path: Vec<PathBuf>,
    /// Where their code runs.
    pub isolation: Isolation,
    /// What makes a file trusted.
    pub trust: Trust,
    /// The keys that check signatures; there are some where `trust` is `signature`, unless they could not
    /// be read and did not have to be.
    pub public_key: Option<PublicKeys>,
}

/// Where the daemon keeps what must outlive it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The folder; `$STATE_DIRECTORY` wins over the file.
    pub directory: PathBuf,
}

/// The record of every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The size at which a new file is begun; above 0.
    pub max_size: ByteSize,
    /// How many full files are kept.
    pub keep: u32,
}

/// One face of the daemon to one ExternalDNS.
#[derive(Debug, Clone)]
pub struct View {
    /// The prefix of its routes.
    pub path: ViewPath,
    /// Its backends, each once, in the order of the file; no two have the same zone.
    pub backends: Vec<BackendName>,
    /// Who may call it; anyone where this is missing.
    pub auth: Option<Auth>,
}

/// The credentials of HTTP Basic authentication.
#[derive(Debug, Clone)]
pub struct Auth {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// A second one, as good as the first while they are being rotated.
    pub second_password: Option<Secret>,
}

/// A configured instance of a plugin.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The plugin.
    pub plugin: PluginReference,
    /// The zones it serves, each once; those of a mirror are its primaries'.
    pub zones: Vec<Zone>,
    /// Backends that are written to as well; each exists, and stands in no view.
    pub mirrors: Vec<BackendName>,
    /// Whether a mirror's failure fails the call.
    pub mirror_required: bool,
    /// Where its plugin's code runs.
    pub isolation: Isolation,
    /// What its plugin's file must hash to; given where `plugins.trust` is `sha256`.
    pub sha256: Option<Sha256>,
    /// The longest time of one call that neither lists nor applies; above 0, as the next two.
    pub timeout: Duration,
    /// The longest time of a listing.
    pub list_timeout: Duration,
    /// The longest time of an apply.
    pub apply_timeout: Duration,
    /// Where the TXT registry's records are kept.
    pub ownership: Ownership,
    /// The oldest list that is served in place of a backend that fails.
    pub max_stale: Duration,
    /// The memory limit of its child process.
    pub memory_limit: ByteSize,
    /// What is not let through.
    pub guards: Guards,
    /// When refused records are tried again.
    pub quarantine: Quarantine,
    /// When a failing backend is left alone.
    pub breaker: Breaker,
    /// Bounds of the TTL.
    pub ttl: Ttl,
    /// The plugin's own settings.
    pub settings: SettingsTree,
}

/// What keeps a mistake from becoming an outage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// Refuse every write.
    pub read_only: bool,
    /// Write nothing, and say what would have been written.
    pub dry_run: bool,
    /// The most records of a zone that one batch may delete.
    pub max_deletes: MaxDeletes,
    /// The number of records from which a percentage counts.
    pub min_records: u64,
    /// The types that may be written; empty: every type.
    pub types: Vec<RecordType>,
    /// What is never changed or deleted.
    pub protect: Vec<ProtectedName>,
}

/// When refused records are tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// After so long at first; above 0.
    pub retry: Duration,
}

/// When a failing backend is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// After so many failures in a row.
    pub failures: NonZeroU32,
    /// For so long at first; above 0.
    pub cooldown: Duration,
}

/// Bounds of the TTL, in whole seconds up to 2^31 - 1 (RFC 2181, 8); `min` ≤ `default` ≤ `max`
/// among those that are given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ttl {
    /// For records that come without one.
    pub default: Option<Duration>,
    /// The shortest.
    pub min: Option<Duration>,
    /// The longest.
    pub max: Option<Duration>,
}
