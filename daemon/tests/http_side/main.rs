//! The webhook's HTTP side over real sockets, with a view that does what each test tells it.
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod auth;
mod authority;
mod bodies;
mod calls;
mod client;
mod errors;
mod framing;
mod gone;
mod large;
mod listeners;
mod stop;
mod times;
mod tls;
mod view;
mod workshop;
