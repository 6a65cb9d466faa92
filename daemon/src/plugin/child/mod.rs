//! The child's side: a process of its own for one backend's plugin.

pub mod restrict;
