//! Files that were cut off, as a full disk or a broken download leaves them.

use zonemux_test_support::Site;

use super::{elf, refusal, site_with};

/// The refusal of a plugin's first bytes; a crash would be no exit code.
fn refusal_of_the_first(site: &Site, bytes: &[u8], length: usize) -> String {
    site.write("plugins/other.so", &bytes[..length]);
    let checked = site.run(&["check"]);
    assert_eq!(checked.code, Some(78), "{length} bytes: {checked:?}");
    checked.stderr.lines().next().unwrap().to_owned()
}

#[test]
fn by_half() {
    insta::assert_snapshot!(refusal(&site_with(|mut bytes| {
        bytes.truncate(bytes.len() / 2);
        bytes
    })));
}

#[test]
fn anywhere_in_the_header_and_before_and_within_sections() {
    let site = site_with(|bytes| bytes);
    let bytes = std::fs::read(site.path("plugins/other.so")).unwrap();
    let mut lengths = vec![1, 4, 5, 16, 63, 64, 65, 120, bytes.len() - 64, bytes.len() - 1];
    for (name, start, end) in elf::sections(&bytes) {
        // The others differ in nothing that is looked at.
        if [".dynsym", ".rela.dyn", ".text", ".zonemux.plugin", ".dynamic", ".data", ".shstrtab"]
            .contains(&&*name)
        {
            lengths.extend([start, start.midpoint(end)]);
        }
    }
    for length in lengths {
        let error = refusal_of_the_first(&site, &bytes, length);
        let is_told = error.contains("not a shared object: ") || error.contains("it is damaged: ");
        assert!(is_told, "{length} of {} bytes: {error}", bytes.len());
    }
}

#[test]
fn with_a_hole_in_the_place_of_the_rest() {
    // What some downloads leave: the right length, and nothing behind a certain point.
    insta::assert_snapshot!(refusal(&site_with(|mut bytes| {
        let half = bytes.len() / 2;
        bytes[half..].fill(0);
        bytes
    })));
}
