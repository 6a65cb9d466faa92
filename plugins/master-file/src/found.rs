//! How a zone is to be read, and what is found in its files.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::dialect::{Dialect, TtlRule};
use crate::identity::Identity;
use crate::soa::Soa;

/// Where the path of an `$INCLUDE` begins that is not absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncludeBase {
    /// At the folder of the file that includes, as in Knot.
    Includer,
    /// At the server's working folder, as in BIND and NSD.
    Folder(PathBuf),
}

/// A file that was read.
#[derive(Debug)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
    /// What it was when it was read.
    pub identity: Identity,
}

/// An `$INCLUDE` that was followed.
#[derive(Debug, Clone)]
pub struct Include {
    /// The including file's position among the sources.
    pub source: usize,
    /// Where the path stands in it, with its quotes.
    pub range: Range<usize>,
    /// The included file's position; `None` for the managed file, which is not followed.
    pub target: Option<usize>,
}

/// A record as it was read.
#[derive(Debug)]
pub struct Record<'r> {
    /// The owner name, canonical.
    pub name: &'r str,
    /// The type.
    pub rtype: &'r str,
    /// Seconds; those of its RRset are [`rrset_ttl`](Self::rrset_ttl).
    pub ttl: u32,
    /// What its TTL is to the RRset.
    pub ttl_rule: TtlRule,
    /// The data in its canonical form.
    pub target: String,
    /// The file's position among the sources.
    pub source: usize,
    /// The line in that file, from 1.
    pub line: u32,
    /// What follows it on its line.
    pub comment: Option<&'r [u8]>,
}

impl Record<'_> {
    /// The TTL of the record's RRset as the server has it, in seconds: `before` is what it was by the
    /// records above.
    pub fn rrset_ttl(&self, before: Option<u32>) -> u32 {
        match (before, self.ttl_rule) {
            (None, _) | (_, TtlRule::Last) => self.ttl,
            (Some(before), TtlRule::First) => before,
            (Some(before), TtlRule::Lowest) => before.min(self.ttl),
        }
    }
}

/// Why a zone can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file can't be read.
    #[error("can't read `{}`: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What stands in a file can't be understood.
    #[error("`{}` line {line}: {what}", path.display())]
    Fault {
        /// Which.
        path: PathBuf,
        /// The line in it, from 1.
        line: u32,
        /// What is wrong there.
        what: String,
    },
}

/// What was read, besides the records.
#[derive(Debug, Default)]
pub struct Read {
    /// All files; the zone file itself is the first.
    pub sources: Vec<Source>,
    /// All that were met, in order.
    pub includes: Vec<Include>,
    /// The start of the zone, where there is one.
    pub soa: Option<Soa>,
    /// Records that are not in the zone; servers ignore or refuse them.
    pub outside: usize,
}

/// How to read.
#[derive(Debug)]
pub struct How<'a> {
    /// Canonical.
    pub zone: &'a str,
    /// Where paths begin.
    pub include_base: &'a IncludeBase,
    /// The file that is not followed where it is included.
    pub managed: Option<&'a Path>,
    /// Which server's reading counts where they differ.
    pub dialect: Dialect,
}
