//! Between the records of ExternalDNS, a type and targets as text, and RDATA as it stands in DNS messages.
//!
//! - `rtype`: types by name and number.
//! - `name`: domain names.
//! - `serial`: which of two serials is later.
//! - `encode`, `decode`: targets to RDATA, and back.

mod decode;
mod encode;
mod name;
mod rtype;
mod serial;
#[cfg(test)]
mod tests;

pub use decode::{decode, is_rdata};
pub use encode::{encode, from_zone_file};
pub use name::{name_length, name_to_text, name_to_wire, write_name, write_name_text};
pub use rtype::{Rtype, record_type};
pub use serial::is_later;
