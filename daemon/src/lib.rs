//! zonemux

pub mod cli;
pub mod config;
