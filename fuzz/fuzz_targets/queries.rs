//! DNS messages as anybody sends them.
#![no_main]

libfuzzer_sys::fuzz_target!(|message: &[u8]| zonemux_authority_server::fuzzing::request(message));
