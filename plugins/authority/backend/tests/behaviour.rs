//! How the backend behaves, through the same code as the daemon's calls.

#[path = "behaviour/answering.rs"]
mod answering;
#[path = "behaviour/common.rs"]
mod common;
#[path = "behaviour/records.rs"]
mod records;
#[path = "behaviour/reopening.rs"]
mod reopening;
#[path = "behaviour/settings.rs"]
mod settings;
