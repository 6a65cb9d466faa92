//! Zones of the authority plugin, without sockets.
//!
//! - `key`, `name`: owner names, whose keys sort canonically.
//! - `rrset`: RRsets, packed.
//! - `map`: a sorted map that is cheap to copy.
//! - `zone`, `draft`, `step`: a zone at one serial, a change, and what it changed.
//! - `soa`: the start of a zone, and serials.
//! - `zones`: all zones of a server.
//! - `store`: the file that makes zones survive.
//! - `answer`, `lookup`: what a question is answered with.

mod answer;
mod draft;
mod key;
mod lookup;
mod map;
mod name;
mod rrset;
mod soa;
mod step;
mod store;
mod zone;
mod zones;

pub use answer::{Answer, Entry, Rcode, Section, WireName};
pub use draft::{Changed, Draft};
pub use lookup::lookup;
pub use name::Name;
pub use rrset::{Origin, Rdatas, Rrset, TooLarge};
pub use soa::{SerialPolicy, Soa, unix_time};
pub use step::{Step, StepRecords};
pub use store::{OpenError, Store};
pub use zone::Zone;
pub use zones::{Table, Zones};
