//! Zone files, which RFC 1035 calls master files: read as BIND, NSD and Knot read them, and written line by
//! line in a form that all of them read.
//!
//! - `lexer`, `ttl`, `generate`: entries and their fields, times with units, BIND's `$GENERATE`.
//! - `name`, `rdata`: between fields and the names and targets of zonemux.
//! - `soa`: the start of a zone, whose serial is changed and nothing else.
//! - `reader`, `found`: a zone file and all that it includes.
//! - `dialect`: where the servers read a file differently.
//! - `writer`: records as lines.
//! - `identity`: what a file was when it was read.

pub mod dialect;
mod found;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod generate;
pub mod identity;
pub mod lexer;
pub mod name;
pub mod rdata;
pub mod reader;
pub mod soa;
pub mod ttl;
pub mod writer;
