//! The daemon, as the plugin in this process sees it.

use zonemux_plugin_abi::stable::{RSlice, RStr, RString};
use zonemux_plugin_abi::{RHost, RLogRef, RMetricRef, RPairRef};

use super::wire::Outlet;
use crate::plugin::contain::contain;
use crate::plugin::frames::{Kind, message};

/// What was said of the backend, and the way back.
pub(super) struct ChildHost {
    pub(super) told: message::Configure,
    pub(super) outlet: Outlet,
}

fn pairs(pairs: RSlice<'_, RPairRef<'_>>) -> Vec<(String, String)> {
    pairs.iter().map(|pair| (pair.key.as_str().to_owned(), pair.value.as_str().to_owned())).collect()
}

impl RHost for ChildHost {
    fn backend(&self) -> RString {
        RString::from(self.told.backend.as_str())
    }

    fn zones(&self) -> RString {
        RString::from(self.told.zones.join(" "))
    }

    fn base_directory(&self) -> RString {
        RString::from(self.told.base_directory.to_string_lossy().into_owned())
    }

    fn state_directory(&self) -> RString {
        RString::from(self.told.state_directory.to_string_lossy().into_owned())
    }

    fn log_enabled(&self, level: u32, _: RStr<'_>) -> bool {
        level <= self.told.log_level
    }

    fn log(&self, line: &RLogRef<'_>) {
        contain(|| {
            let line = message::Log {
                level: line.level,
                target: line.target.as_str().to_owned(),
                message: line.message.as_str().to_owned(),
                fields: pairs(line.fields),
                file: line.file.as_str().to_owned(),
                line: line.line,
            };
            // What can't be sent is dropped, like a line that a full disk does not take.
            let _told = self.outlet.json(Kind::Log, 0, &line);
        });
    }

    fn metric(&self, metric: &RMetricRef<'_>) {
        contain(|| {
            let metric = message::Metric {
                kind: metric.kind,
                name: metric.name.as_str().to_owned(),
                labels: pairs(metric.labels),
                value: metric.value,
            };
            let _told = self.outlet.json(Kind::Metric, 0, &metric);
        });
    }
}
