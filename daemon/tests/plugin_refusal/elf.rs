//! Changes single bytes of ELF files, without changing their length.

use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection};

/// The offset of `e_machine` in the header.
const MACHINE: usize = 18;
/// `e_machine` of x86-64 and of aarch64.
const X86_64: u16 = 62;
const AARCH64: u16 = 183;

/// Says that a file was built for another machine than this.
pub(crate) fn for_other_machine(mut bytes: Vec<u8>) -> Vec<u8> {
    let other = if cfg!(target_arch = "x86_64") { AARCH64 } else { X86_64 };
    bytes[MACHINE..MACHINE + 2].copy_from_slice(&other.to_le_bytes());
    bytes
}

/// Says that a file is of 32 bits.
pub(crate) fn of_32_bits(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[4] = 1;
    bytes
}

/// Replaces every occurrence of a text.
pub(crate) fn replace(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "offsets in the file must stay as they are");
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let mut found = 0;
    let mut at = 0;
    while at + from.len() <= bytes.len() {
        if bytes[at] == from[0] && bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            found += 1;
        }
        at += 1;
    }
    assert!(found > 0, "`{}` is in the file", String::from_utf8_lossy(from));
    bytes
}

/// Where each section lies in the file: start and end.
pub(crate) fn sections(bytes: &[u8]) -> Vec<(String, usize, usize)> {
    let file = ElfFile64::<Endianness>::parse(bytes).unwrap();
    file.sections()
        .filter_map(|section| {
            let (start, size) = section.file_range()?;
            let (start, size) = (usize::try_from(start).unwrap(), usize::try_from(size).unwrap());
            Some((section.name().unwrap().to_owned(), start, start + size))
        })
        .collect()
}
