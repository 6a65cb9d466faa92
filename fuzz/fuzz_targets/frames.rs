//! What a plugin's process sends, and what the daemon sends it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zonemux::plugin::fuzzing::frames(bytes));
