//! Zone files as anybody writes them: what is read and written again reads back the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| zonemux_master_file::fuzzing::zone(file));
