//! ExternalDNS's JSON: flat decoding, streamed encoding.

mod decode;
mod encode;
mod error;
mod escape;
mod fields;
mod pair;
#[cfg(test)]
mod tests;

pub use decode::{changes, endpoints};
pub use encode::{EncodedList, ListEncoder, domain_filter, join};
pub use error::DecodeError;
pub(crate) use escape::push_string;
use zonemux_plugin::Endpoints;

/// A batch of changes as it was received: one list of endpoints, and which of them belong where.
#[derive(Debug, Default)]
pub struct Changes {
    /// Every endpoint of the four lists.
    pub endpoints: Endpoints,
    /// Positions of the records to create.
    pub create: Vec<u32>,
    /// Positions of what was and what shall be, paired by (name, type, set identifier).
    /// `None`: the client named no old record.
    pub update: Vec<(Option<u32>, u32)>,
    /// Positions of the records to delete.
    pub delete: Vec<u32>,
}
