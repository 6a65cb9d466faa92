//! zonemux: one daemon between ExternalDNS and all of a site's DNS.
//!
//! The way of a call, each module knowing only those to its right:
//!
//! ```text
//! http → view → router → safety → backend → plugin
//! ```
//!
//! `config`, `telemetry` and `plugin_processes` are leaves; `assemble` makes the parts, `generation` holds those that serve,
//! `reload` puts others in their place, `app` runs it all, `cli` and `main` start it all. ARCHITECTURE.md shows the whole.

pub mod admin;
pub mod app;
pub mod assemble;
pub mod backend;
pub mod cli;
pub mod config;
pub mod control;
pub mod generation;
pub mod http;
pub mod journal;
pub mod listening;
pub mod memory;
pub mod plugin;
pub mod plugin_processes;
pub mod reload;
pub mod router;
pub mod safety;
pub mod service_manager;
pub mod store;
pub mod telemetry;
pub mod view;
pub mod wire;
