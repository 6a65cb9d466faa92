//! Brings endpoints into the form in which they will be listed once they are applied: a function of
//! one endpoint, the operator's settings and the backend's declared capabilities, and of nothing
//! else, so that it answers the same while the backend is down.
//!
//! What is changed, and why the planner is quiet then:
//!
//! - **Targets** take their one spelling (`dns::canonical_target`), each once. ExternalDNS sorts both
//!   sides before it compares them, so a server that lists another spelling than it was given would
//!   be updated in every loop. TXT is put in quotes too: users send it without, the registry with,
//!   and servers list it in one form. ExternalDNS sends a batch with these targets, so that a backend
//!   that lists what it was given is as right as one that lists the canonical form.
//! - **TTL**: the operator's default where none was set, then the operator's bounds, then the
//!   backend's, which win: what can't be stored can't be listed.
//! - **Properties** that the backend doesn't store are taken away. Of two with one name the last
//!   stays, the one that the planner reads.
//! - **Types** that the backend can't store, or that `guards.types` forbids, are left out: the planner
//!   neither creates them in every loop nor hears of errors. The registry's ownership TXT is never
//!   among the endpoints that are adjusted.
//! - **Names** are left alone, as type, set identifier and labels are. ExternalDNS 0.22 finds the
//!   Kubernetes object behind an endpoint by these three, as it sent them. The planner compares names
//!   in a form of its own (lower case, A-labels, without the dot), so any spelling that a backend
//!   lists equals the one that was sent; canonical here means only that zonemux never takes two
//!   spellings for two names.

mod endpoint;
mod report;
mod rules;

pub use endpoint::Adjusted;
pub use report::{AdjustPolicy, Summary};
pub use rules::{Rules, Settings};

#[cfg(test)]
mod tests;
