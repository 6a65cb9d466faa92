//! Shared objects that look like plugins, but for one thing.

use super::{elf, is_loaded, refusal, site_with};

#[test]
fn unchanged_it_is_loaded() {
    is_loaded(&site_with(|bytes| bytes));
}

#[test]
fn built_for_another_machine() {
    insta::with_settings!({ filters => [("(x86_64|aarch64)", "[MACHINE]")] }, {
        insta::assert_snapshot!(refusal(&site_with(elf::for_other_machine)));
    });
}

#[test]
fn built_for_32_bits() {
    insta::with_settings!({ filters => [("(x86_64|aarch64)", "[MACHINE]")] }, {
        insta::assert_snapshot!(refusal(&site_with(elf::of_32_bits)));
    });
}

#[test]
fn that_needs_a_library_which_this_machine_lacks() {
    let site = site_with(|bytes| elf::replace(bytes, "libgcc_s.so.1\0", "libgcc_x.so.1\0"));
    let report = refusal(&site);
    let words = "the dynamic linker refuses it: libgcc_x.so.1: cannot open shared object file";
    assert!(report.contains(words), "{report}");
    assert!(
        report.contains("hint: a plugin must not need shared libraries that this machine lacks"),
        "{report}"
    );
}

#[test]
fn without_the_header_symbol() {
    let site = site_with(|bytes| elf::replace(bytes, "zonemux_plugin_header_v1", "zonemux_plugin_footer_v1"));
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn without_the_manifest() {
    let site = site_with(|bytes| elf::replace(bytes, ".zonemux.plugin\0", ".zonemux.plug-n\0"));
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn with_a_manifest_that_is_no_json() {
    let site = site_with(|bytes| elf::replace(bytes, "{\"manifest\":1,", "{\"manifest\":?,"));
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn built_for_another_interface() {
    let site = site_with(|bytes| elf::replace(bytes, "\"abi\":\"1.", "\"abi\":\"2."));
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn a_minor_version_of_the_interface_that_is_not_known_yet_is_loaded() {
    is_loaded(&site_with(|bytes| elf::replace(bytes, "\"abi\":\"1.0.0\"", "\"abi\":\"1.9.0\"")));
}

#[test]
fn built_to_abort_on_panic() {
    let site = site_with(|bytes| elf::replace(bytes, "\"panic\":\"unwind\"", "\"panic\":\"abort\" "));
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn with_a_field_that_is_not_ours() {
    let site = site_with(|bytes| elf::replace(bytes, "dns_name;record_type;", "dns_nama;record_type;"));
    insta::assert_snapshot!(refusal(&site));
}

#[test]
fn with_the_header_of_another_library() {
    let site =
        site_with(|bytes| elf::replace(bytes, "abi stable library for Rust", "abi stable library for Rest"));
    insta::assert_snapshot!(refusal(&site));
}
