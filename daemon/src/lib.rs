//! zonemux

pub mod config;
