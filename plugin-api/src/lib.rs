//! Write a zonemux backend in a page of async Rust.
//!
//! zonemux stands between ExternalDNS and DNS servers. A *backend* is one configured connection to a
//! server: a value of a type of yours, which lists the records there and applies changes to them. A
//! *plugin* is a `.so` file with one such type. The daemon loads it at run time, and opens a backend
//! for each table `[backends.NAME]` of its configuration that names it.
//!
//! Implement [`Backend`] with plain `async fn`s, and write [`export_plugin!`]; no `unsafe` is needed.
//! `cargo xtask new-plugin NAME`, in a checkout of zonemux, makes a crate to start from.
//!
//! 1. [A whole plugin](#a-whole-plugin)
//! 2. [Settings and secrets](#settings-and-secrets)
//! 3. [Opening](#opening)
//! 4. [Listing](#listing)
//! 5. [Applying](#applying)
//! 6. [Errors and refusals](#errors-and-refusals)
//! 7. [Adjusting](#adjusting)
//! 8. [Deadlines and cancellation](#deadlines-and-cancellation)
//! 9. [Threads](#threads)
//! 10. [Panics](#panics)
//! 11. [Logs and metrics](#logs-and-metrics)
//! 12. [Testing](#testing)
//! 13. [Building and installing](#building-and-installing)
//! 14. [What you may rely on](#what-you-may-rely-on)
//!
//! # A whole plugin
//!
//! It keeps records in memory. The lines behind `export_plugin!` call it as the daemon would.
//!
//! ```standalone_crate
//! use std::{collections::BTreeMap, sync::Mutex};
//! use zonemux_plugin::schemars::{self, JsonSchema};
//! use zonemux_plugin::{Backend, Call, Changes, Endpoint, EndpointView, Host, Outcome, Records, Result};
//!
//! #[derive(Clone, serde::Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {}
//!
//! struct MyDns(Mutex<BTreeMap<[String; 3], Endpoint>>);
//!
//! impl Backend for MyDns {
//!     type Config = Settings;
//!
//!     async fn open(_: Settings, _: Host) -> Result<Self> {
//!         Ok(Self(Mutex::default()))
//!     }
//!
//!     async fn records(&self, _: &Call, out: &mut Records) -> Result<()> {
//!         out.extend(self.0.lock()?.values())
//!     }
//!
//!     async fn apply_changes(&self, call: &Call, changes: Changes) -> Result<Outcome> {
//!         let (mut records, mut outcome) = (self.0.lock()?, Outcome::applied());
//!         for (id, change) in changes.iter() {
//!             let it = change.endpoint();
//!             let key = [it.dns_name(), it.record_type(), it.set_identifier()].map(str::to_owned);
//!             match change.desired() {
//!                 Some(new) if new.record_type() == "MX" => outcome.refuse(id, "this server has no MX"),
//!                 _ if call.is_dry_run() => {}
//!                 Some(new) => drop(records.insert(key, new.to_endpoint())),
//!                 None => drop(records.remove(&key)),
//!             }
//!         }
//!         Ok(outcome)
//!     }
//! }
//!
//! zonemux_plugin::export_plugin!(MyDns);
//!
//! use zonemux_plugin::testing::{self, ChangesBuilder, json};
//!
//! let dns = testing::open::<MyDns>(json!({}), ["example.org"])?;
//! let www = Endpoint::new("www.example.org", "A", ["192.0.2.1"]).with_ttl(300);
//! let mail = Endpoint::new("example.org", "MX", ["10 mail.example.org"]);
//! let outcome = dns.apply(&ChangesBuilder::new().create(www.clone()).create(mail))?;
//! assert_eq!(outcome.failures()[0].reason, "this server has no MX");
//! assert_eq!(dns.records()?, [www]);
//! # Ok::<(), zonemux_plugin::Error>(())
//! ```
//!
//! A real one has more to do: equal names in two spellings, bad targets, records that can't stand side by
//! side. [`dns`] has the parts for that, and [`testing::battery`] tries all of it.
//!
//! # Settings and secrets
//!
//! [`Backend::Config`] is the table `[backends.NAME.settings]`, decoded by serde. Its doc comments are
//! what `zonemux plugin schema FILE` prints. With `deny_unknown_fields` a mistyped key is an error that
//! names it. Derive [`JsonSchema`](schemars::JsonSchema) through the re-exported [`schemars`], so that
//! your crate and the SDK mean the same one.
//!
//! [`Secret`] is for what must not be seen: it has no readable `Debug`, and is wiped when dropped. The
//! operator writes it as `{ file = "…" }`, `{ env = "…" }` or `{ credential = "…" }`; you get the text.
//! Name the secret settings in [`PluginOptions::secret_settings`]. Without that list,
//! `zonemux config show` hides every setting of the plugin.
//!
//! [`Backend::validate`] is for what types can't say. It does no I/O, since `zonemux check` calls it
//! where the server may be out of reach, and it names every [`Fault`] at once, never a secret's value.
//!
//! ```
//! use zonemux_plugin::schemars::{self, JsonSchema};
//! use zonemux_plugin::{Fault, Secret};
//!
//! #[derive(Clone, Default, serde::Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields, default)]
//! struct Settings {
//!     /// The server's address, such as `192.0.2.53:53`.
//!     server: String,
//!     /// The key's name and text, where the server wants one.
//!     tsig: Option<Tsig>,
//! }
//!
//! #[derive(Clone, serde::Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Tsig {
//!     name: String,
//!     secret: Secret,
//! }
//!
//! fn validate(settings: &Settings) -> Vec<Fault> {
//!     let mut faults = Vec::new();
//!     if settings.server.parse::<std::net::SocketAddr>().is_err() {
//!         let message = format!("`{}` is no address with a port", settings.server);
//!         faults.push(Fault::new("server", message).with_hint("for example `192.0.2.53:53`"));
//!     }
//!     if settings.tsig.as_ref().is_some_and(|tsig| tsig.secret.expose().is_empty()) {
//!         faults.push(Fault::new("tsig.secret", "it is empty"));
//!     }
//!     faults
//! }
//!
//! assert_eq!(validate(&Settings::default())[0].path, "server");
//! ```
//!
//! # Opening
//!
//! [`Backend::open`] connects, and should fail when the server is out of reach: the daemon logs that,
//! answers 503, and calls it again after a second, then at growing intervals up to a minute.
//! [`Host`] gives the backend's name, its zones, a folder for what must outlive the daemon, and the
//! meaning of relative paths in settings. Where the configuration names no zones, say with
//! [`Capabilities::with_zones`] which ones you found. What you say of types, TTLs and properties decides how
//! the daemon [adjusts](#adjusting) endpoints; it shows you all of it again when it asks you to.
//!
//! A plugin that owns a port or locks a file says [`PluginOptions::exclusive`]: its old instance is then
//! closed before a new one is opened.
//!
//! # Listing
//!
//! [`Backend::records`] hands over every record in its zones, one at a time, so that neither side ever
//! holds a second list. Push [`Endpoint`]s, or implement [`EndpointView`] on what you have.
//!
//! - The list is whole, or the call is an `Err`. ExternalDNS takes what is missing for deleted, and
//!   creates it again: a transfer that breaks off must never be an `Ok`.
//! - One RRset is one endpoint with all of its targets.
//! - List a record as it was sent after [adjusting](#adjusting): ExternalDNS compares text, and what
//!   differs is updated at every loop, for ever.
//! - Leave [`labels`](Endpoint::labels) empty. They are ExternalDNS's own, and it reads them from its
//!   ownership TXT.
//!
//! # Applying
//!
//! [`Backend::apply_changes`] gets a batch as a wish for a state, not as a list of steps. A create of what
//! is there already, and an update of what is not, both mean: this record shall be there. A delete of
//! what is gone is done. When an answer was lost ExternalDNS asks again, so a batch must be safe to repeat.
//!
//! Names come without a trailing dot, and otherwise as the client wrote them; [`dns::canonical`] makes one
//! spelling of upper and lower case, Unicode and Punycode. The daemon sends only names in the backend's zones, and has one batch at a time applied;
//! the other calls may come meanwhile.
//!
//! **Units.** [`Changes::units`] groups what must be done together or not at all: a record with the TXT by
//! which ExternalDNS owns it, the delete and the create that turn an A into a CNAME. Write a unit in one
//! transaction where the server has them, and say so by [`Capabilities::with_atomic_units`]; else in the
//! order given, in which the TXT comes before its record. When one member is refused, refuse all of
//! them: a record without its ownership is never touched by ExternalDNS again.
//!
//! **Dry run.** When [`Call::is_dry_run`] says so, write nothing and answer as if you had. This version's
//! daemon never asks for it; the battery does.
//!
//! # Errors and refusals
//!
//! | What happened | Answer | What follows |
//! |---|---|---|
//! | one record can't be stored: bad target, unsupported type, conflict | [`Outcome::refuse`] | it is logged, counted and left out; the others stand |
//! | one record failed, and may succeed later | [`Outcome::fail`] with a retryable error | 503: ExternalDNS asks for it again |
//! | the server is out of reach, or it is not known what was done | `Err` | 503: ExternalDNS asks for everything again |
//! | wrong settings or refused credentials | [`Error::config`] | the same, and the operator reads why |
//!
//! `?` makes a retryable [`Error`] of any `std` error, with its causes in the message. Choose another
//! [`ErrorKind`] where you know better, and pass on a server's `Retry-After` by
//! [`Error::with_retry_after`]. Messages are logged: never put a secret into one.
//!
//! Refuse only for a record's own sake. A refusal stays until somebody changes the record; a refusal for
//! want of a server would leave records out that nothing is wrong with. The other way round, an `Err`
//! for one bad record keeps a thousand good ones waiting.
//!
//! ```
//! use std::time::Duration;
//! use zonemux_plugin::{Error, ErrorKind, Result};
//!
//! fn read(status: u16, body: &str) -> Result<usize> {
//!     match status {
//!         200 => Ok(body.trim().parse()?),
//!         401 | 403 => Err(Error::config("the server refuses the token")),
//!         429 => Err(Error::retryable("too many requests").with_retry_after(Duration::from_secs(30))),
//!         422 => Err(Error::permanent(format!("the server refuses the record: {body}"))),
//!         _ => Err(Error::retryable(format!("the server answered {status}"))),
//!     }
//! }
//!
//! assert_eq!(read(200, "7\n")?, 7);
//! assert_eq!(read(200, "seven").unwrap_err().kind(), ErrorKind::Retryable);
//! assert_eq!(read(401, "").unwrap_err().kind(), ErrorKind::Config);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Adjusting
//!
//! ExternalDNS first has endpoints adjusted, then compares them with the list. What a server changes on its
//! own would else be asked for again in every loop: it stores 60 where 5 was wanted, and is told 5 for ever.
//! The daemon does most of it, by what you declare in [`Backend::capabilities`]:
//!
//! | What | Declared by | Then |
//! |---|---|---|
//! | a range of TTLs | [`with_ttl_range`](Capabilities::with_ttl_range) | a TTL is moved into it |
//! | the properties that are stored | [`with_properties`](Capabilities::with_properties) | others are taken away |
//! | the types that are stored | [`with_record_types`](Capabilities::with_record_types) | endpoints of others are left out: ExternalDNS never asks for them |
//! | targets | nothing | each has its [canonical form](dns::canonical_target), once: names in lower case and A-labels without a trailing dot (in SRV and NAPTR too), addresses as RFC 5952 writes them, TXT in quotes |
//!
//! So list a target as it came, or in its canonical form; both are right. For what remains there is
//! [`Backend::adjust`]. The function that you return sees one endpoint at a time, after the daemon has done
//! the above, depends on settings and capabilities alone, and works while the backend is down. It may change
//! targets, TTL and properties; name, type and set identifier are kept. A server that knows three TTLs:
//!
//! ```
//! use zonemux_plugin::{Adjust, Endpoint};
//!
//! fn adjust() -> Option<Adjust> {
//!     let stored = |wanted| [60, 600, 3600].into_iter().find(|ttl| wanted <= *ttl).unwrap_or(3600);
//!     Some(Box::new(move |endpoint| {
//!         if endpoint.record_ttl > 0 {
//!             endpoint.record_ttl = stored(endpoint.record_ttl);
//!         }
//!     }))
//! }
//!
//! let mut www = Endpoint::new("www.example.org", "A", ["192.0.2.1"]).with_ttl(300);
//! adjust().unwrap()(&mut www);
//! assert_eq!(www.record_ttl, 600);
//! ```
//!
//! # Deadlines and cancellation
//!
//! Every call has a time limit, which the operator sets: `list_timeout` (2 minutes), `apply_timeout`
//! (5 minutes), and `timeout` (10 seconds) for the others. [`Call::time_left`] tells what is left. At
//! the end the daemon drops the future: it stops at the `await` where it stands, and what is in scope is
//! dropped. Let a guard's `Drop` give back what must be given back. Work in
//! `tokio::task::spawn_blocking` can't be stopped and runs to its end.
//!
//! When the daemon stops it waits for running applies, calls [`Backend::close`], and nothing after that.
//!
//! # Threads
//!
//! Futures run on a tokio runtime that belongs to the one backend alone, with timers and network, and with
//! [`PluginOptions::workers`] threads (1). Its calls share them, so what blocks belongs into
//! `spawn_blocking`. Depend on `tokio = "1"`, and its sockets, timers and `tokio::spawn` just work.
//!
//! # Panics
//!
//! A panic is caught and becomes an [`ErrorKind::Panic`] of that call, with file and line in the daemon's
//! log. State behind a `std::sync::Mutex` is then poisoned; decide what that means. Plugins built with
//! `panic = "abort"` are refused. What can't be caught ends the daemon: `std::process::exit`, a stack
//! that overflows, a fault in C code.
//!
//! # Logs and metrics
//!
//! Use `tracing = "0.1"`; no subscriber is needed. Events and their fields appear in the daemon's log
//! with the backend's name. What a task of yours logs outside every call appears under the
//! file's first backend. The daemon logs errors and refusals itself: log what explains them.
//!
//! [`Host::count`], [`Host::gauge`] and [`Host::observe`] make metrics `zonemux_plugin_…`, with the
//! backend as a label. Keep labels few: beyond 256 series of a backend the rest is dropped.
//!
//! # Testing
//!
//! [`testing`] opens and calls a backend without a daemon, through the same glue.
//! [`Battery`](testing::battery::Battery) tries what ExternalDNS needs: retyping, ownership, wildcards,
//! TXT in all its forms, refusals, a list for which nothing is left to do. Run it against a real server,
//! in a zone of its own.
//!
//! # Building and installing
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib", "rlib"]   # what the daemon loads, and what your tests link
//!
//! [profile.release]
//! lto = "thin"
//! strip = true
//! ```
//!
//! `cargo build --release` gives `target/release/libzonemux_NAME.so` for a package `zonemux-NAME`. Put it
//! into a folder of `plugins.path`, where only root or the daemon's account can write, or name it by its
//! path; `plugin = "NAME"` then finds it. `zonemux plugin inspect FILE` reads what it says of itself
//! without running its code, and `zonemux check` says in a line why one is not loaded.
//!
//! Link C libraries statically. Two plugins that bring different versions of one shared library would get
//! the same one, and an allocator such as jemalloc can't be loaded at run time.
//!
//! # What you may rely on
//!
//! - A file built for interface 1.x is loaded by every daemon that speaks 1.y, whatever compiler built
//!   either. The layout of all that crosses is checked when it is loaded, and what does not fit is
//!   refused, not tried.
//! - Versions of this crate follow Cargo's rules. Before 1.0, a new minor version may ask for changes in
//!   your source; files that are built go on working.
//! - Everything public here but what is hidden from this documentation. The crate `zonemux-plugin-abi`
//!   below is private: don't name it.

mod backend;
mod call;
mod capabilities;
mod changes;
pub mod dns;
mod endpoint;
mod endpoints;
mod error;
mod export;
mod fault;
mod glue;
mod host;
mod manifest;
mod outcome;
mod records;
mod secret;
pub mod testing;
mod units;

pub use backend::{Adjust, Backend};
pub use call::Call;
pub use capabilities::Capabilities;
pub use changes::{Change, ChangeId, Changes};
pub use endpoint::{Endpoint, EndpointView, Property};
pub use endpoints::{EndpointRef, Endpoints, Entry, TooLarge};
pub use error::{Error, ErrorKind, Result};
pub use fault::Fault;
pub use host::Host;
pub use manifest::{Manifest, PluginOptions};
pub use outcome::{Failure, Outcome};
pub use records::Records;
pub use schemars;
pub use secret::Secret;
pub use units::{Unit, is_ownership_txt};
pub use zonemux_plugin_abi::MANIFEST_SECTION;

/// For `export_plugin!` and the daemon only; not part of what authors may rely on.
#[doc(hidden)]
pub mod __private {
    pub use crate::dns::plain::{is_plain_zone, is_plainly_below};
    pub use crate::glue::lend::{Lender, Lent};
    pub use crate::glue::module::{Definition, header};
    pub use crate::manifest::{MANIFEST_SIZE, Package, encode as encode_manifest};
    pub use crate::units::group;
    pub use crate::units::{HERITAGE, Owned, owned_records};
    pub use zonemux_plugin_abi::stable::LibHeader;
}
