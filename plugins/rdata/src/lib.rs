//! Between the records of ExternalDNS, a type and targets as text, and RDATA as it stands in DNS messages.
//!
//! - `rtype`: types by name and number.
//! - `name`: domain names.
//! - `encode`, `decode`: targets to RDATA, and back.

mod decode;
mod encode;
mod name;
mod rtype;
#[cfg(test)]
mod tests;

pub use decode::decode;
pub use encode::{encode, from_zone_file};
pub use name::{name_length, name_to_text, name_to_wire, write_name, write_name_text};
pub use rtype::{Rtype, record_type};
