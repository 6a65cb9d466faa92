//! RRsets that are in the zone and not a client's: the operator's, and those that the settings name.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use crate::records::{Key, RrSet};

/// Where an RRset comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A line of a file.
    Line(Arc<Path>, u32),
    /// The setting `nameservers`.
    Settings,
    /// The apex of a zone that zonemux owns: kept as it was found.
    Kept,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(path, line) => write!(f, "line {line} of `{}`", path.display()),
            Self::Settings => f.write_str("the setting `nameservers`"),
            Self::Kept => f.write_str("the zone's apex"),
        }
    }
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub(crate) set: RrSet,
    pub(crate) origin: Origin,
}

/// All of them.
pub(crate) type Foreigns = BTreeMap<Key, Foreign>;

/// The first whose key begins with a prefix and that fits.
pub(crate) fn find<'a>(
    foreigns: &'a Foreigns,
    prefix: &[u8],
    fits: impl Fn(&RrSet) -> bool,
) -> Option<&'a Foreign> {
    let range = (Bound::Included(prefix), Bound::Unbounded);
    let within = foreigns.range::<[u8], _>(range).take_while(|(key, _)| key.starts_with(prefix));
    within.map(|(_, foreign)| foreign).find(|foreign| fits(&foreign.set))
}
