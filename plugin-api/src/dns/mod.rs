//! What every DNS backend needs, and what is easy to get wrong.
//!
//! | Need | Item |
//! |---|---|
//! | one spelling for each name (case, trailing dot, IDN) | [`canonical`] |
//! | `notexample.org` is not in `example.org` | [`is_at_or_below`] |
//! | the zone that a name belongs to | [`ZoneMap`] |
//! | TXT in quotes, without, and beyond 255 bytes | [`txt`] |
//! | whether a target is right, and whether two are the same | [`check_target`], [`canonical_target`] |
//! | what to add to an RRset and what to remove | [`Difference`] |
//! | which types may stand at one name | [`may_stand_together`] |
//! | a TTL that the server can store | [`clamp_ttl`] |

mod fields;
mod label;
mod name;
pub(crate) mod plain;
mod rrset;
mod target;
pub mod txt;
mod zones;

pub use name::{NameError, canonical, is_at_or_below, suffixes, to_unicode};
pub use rrset::{Difference, clamp_ttl, may_stand_together, without_duplicates};
pub use target::{canonical_target, check_target, same_target};
pub use zones::ZoneMap;
