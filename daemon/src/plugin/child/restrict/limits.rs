//! Limits of the process's resources.

use rustix::process::{Resource, Rlimit, setrlimit};

use super::Restrictions;

/// Descriptors: a plugin that leaks them harms itself alone, and soon.
const DESCRIPTORS: u64 = 1024;

/// Sets hard limits, which only a privilege that this process does not keep could raise again.
pub(super) fn set(memory: u64, done: &mut Restrictions) {
    // Not RLIMIT_AS: allocators and runtimes reserve addresses that they never use.
    for (what, resource, value) in [
        ("the memory limit", Resource::Data, memory),
        ("the limit of descriptors", Resource::Nofile, DESCRIPTORS),
        ("no core dumps", Resource::Core, 0),
    ] {
        // Not above what this process was given itself.
        let most = rustix::process::getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
        done.unless(what, setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }));
    }
}
