//! The daemon's side of a plugin that runs in a process of its own.

pub mod cgroup;
