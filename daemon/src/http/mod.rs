//! The webhook's HTTP side, and the server that the admin and control sides share with it.
//!
//! ```text
//! Server ── accept ── connection ── TimedIo        any handler: admin and control use these alone
//!    └── Webhook ── routes ── calls ── view::Calls   ExternalDNS's protocol
//! ```
//!
//! A daemon's life, seen from here:
//!
//! 1. [`Listener::bind`], or [`Listener::from_tcp`] and [`Listener::from_unix`] for sockets that the
//!    service manager has bound.
//! 2. [`Webhook::new`] with a [`ViewTable`]; [`Webhook::set_views`] swaps it while calls are running.
//! 3. [`Server::start`] with `webhook.handler()`.
//!    A reload swaps [`Webhook::set_views`], [`Webhook::set_settings`] and [`Tls::set`], and puts in
//!    place what [`Server::bind_missing`] has bound ([`Server::replace`]).
//! 4. [`Webhook::stopping`]: from now on every call is answered 503 with `Connection: close`.
//! 5. [`Webhook::finish`] waits for the applies that are running.
//! 6. [`Server::close`].

mod accept;
mod activity;
mod answer;
mod attempts;
mod auth;
mod body;
mod calls;
mod compress;
mod connection;
mod error;
mod listen;
mod media_type;
mod observe;
mod plugin_peer;
mod refused_plugins;
mod routes;
mod server;
mod stream;
mod timed_io;
mod tls;
mod webhook;

pub use accept::{Acceptor, Peer, accept_all};
pub use activity::ConnectionTimes;
pub use answer::{Answer, Body, TEXT, text, typed, without_body};
pub use auth::Credentials;
pub use body::{BodyError, Limits, check_encoding, collect};
pub use compress::{gzip, wants_gzip};
pub use connection::{MAX_HEAD, serve};
pub use error::Failure;
pub use listen::{Address, Listener, SOCKET_MODE};
pub use media_type::{MEDIA_TYPE, MEDIA_TYPE_VALUE, Unsupported, accepts, check_content_type};
pub use observe::{CLIENT_GONE, Observed, Observer};
pub use plugin_peer::PluginPeer;
pub use refused_plugins::log_refused_plugin;
pub use routes::{Route, ViewTable};
pub use server::{Replacement, Server, ServerSettings};
pub use stream::Stream;
pub use tls::Tls;
pub use webhook::{Webhook, WebhookSettings};
