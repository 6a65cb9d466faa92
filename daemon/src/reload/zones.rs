//! What ExternalDNS does not see of a reload.

use crate::config::{Finding, KeyPath};
use crate::generation::Generation;
use crate::view::Calls;

/// A warning for each view whose zones are others than before: ExternalDNS reads the domain filter
/// once, when it starts. A view is known to it by its path.
pub(super) fn warnings(before: &Generation, after: &Generation) -> Vec<Finding> {
    let views = after.parts.views.iter().filter_map(|(name, view)| {
        let same_path = before.parts.views.values().find(|old| old.path() == view.path())?;
        // Where they were not known, nobody was told of any.
        let (old, new) = (same_path.zones().ok()?, view.zones().ok()?);
        let only_in = |these: &[String], others: &[String]| -> Vec<String> {
            these.iter().filter(|zone| !others.contains(zone)).cloned().collect()
        };
        let (added, removed) = (only_in(&new, &old), only_in(&old, &new));
        let changes: Vec<String> = [("added", added), ("removed", removed)]
            .into_iter()
            .filter(|(_, zones)| !zones.is_empty())
            .map(|(what, zones)| format!("{what} {}", zones.join(" ")))
            .collect();
        if changes.is_empty() {
            return None;
        }
        let message = format!("the view's zones have changed: {}", changes.join(", "));
        let hint = "restart the ExternalDNS that uses it: it reads the zones once, when it starts";
        Some(Finding::at(&KeyPath::of(&["views", name.as_str()]), message).hint(hint))
    });
    views.collect()
}
