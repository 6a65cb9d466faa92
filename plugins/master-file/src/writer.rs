//! Records as lines that every server reads: absolute, each whole on one line.

use std::fmt::Write as _;

use crate::{name, rdata};

/// A target that can't stand in a zone file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target:?}: {reason}")]
pub struct WriteError {
    /// The target.
    pub target: String,
    /// Why not.
    pub reason: String,
}

/// Appends the lines of an RRset, one for each target. The name is canonical; without a TTL, that of the
/// file's `$TTL` holds. A comment, which must not have a line break, stands behind each of them.
///
/// Where a target can't be written, nothing is appended.
///
/// ```
/// let mut text = String::new();
/// let targets = ["10 mx.example.net", "20 mx.example.net"];
/// zonemux_master_file::writer::write("example.org", Some(60), "MX", targets, None, &mut text).unwrap();
/// assert_eq!(text, "example.org. 60 IN MX 10 mx.example.net.\nexample.org. 60 IN MX 20 mx.example.net.\n");
/// ```
pub fn write<'t>(
    name: &str,
    ttl: Option<u32>,
    record_type: &str,
    targets: impl IntoIterator<Item = &'t str>,
    comment: Option<&str>,
    to: &mut String,
) -> Result<(), WriteError> {
    let start = to.len();
    name::write(name, to);
    if let Some(ttl) = ttl {
        // Writing to a string can't fail.
        let _written = write!(to, " {ttl}");
    }
    let _written = write!(to, " IN {record_type} ");
    let head = to.split_off(start);
    for target in targets {
        let fields = rdata::fields(record_type, target).map_err(|reason| {
            to.truncate(start);
            WriteError { target: target.to_owned(), reason }
        })?;
        to.push_str(&head);
        to.push_str(&fields);
        if let Some(comment) = comment {
            to.push_str(" ; ");
            to.push_str(comment);
        }
        to.push('\n');
    }
    Ok(())
}
