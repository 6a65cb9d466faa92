//! Lets go of the pages that only the start took.
//!
//! Loading, restricting and opening run through code that an idle process never needs again, and the kernel maps
//! sixteen pages around each that was touched. Those of a program and its libraries are in memory once for
//! everybody; but each process that has them mapped is seen, and limited, as if it had them to itself.
#![expect(unsafe_code, reason = "madvise has no safe wrapper")]

use std::ffi::c_void;
use std::ops::Range;

use rustix::mm::{Advice, madvise};

/// Unmaps what can be read again from the files that it came from. What is needed is mapped anew when it is next
/// touched.
pub(super) fn let_go() {
    // Where it can't be read, nothing is let go of.
    let Ok(smaps) = std::fs::read_to_string("/proc/self/smaps") else { return };
    for mapping in unchanged(&smaps) {
        let start = std::ptr::with_exposed_provenance_mut::<c_void>(mapping.start);
        // SAFETY: the mapping is of a file, can't be written, and has no page of its own: whoever reads it next,
        // also while this runs, finds the file's content again, which is what stood there (madvise(2)). The files
        // are programs, which can't be written while they run, and libraries, which are replaced and not written.
        let _refused = unsafe { madvise(start, mapping.len(), Advice::LinuxDontNeed) };
    }
}

/// The mappings of files that nothing can write and nothing has written, as proc(5) describes them.
fn unchanged(smaps: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut candidate = None;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        if first == "Anonymous:" {
            // Pages that relocation has written are no longer the file's.
            found.extend(candidate.take().filter(|_| words.next() == Some("0")));
        } else if let Some(range) = range(first) {
            let permissions = words.next().unwrap_or_default();
            // Behind offset, device and inode.
            let path = words.nth(3).unwrap_or_default();
            candidate =
                Some(range).filter(|_| path.starts_with('/') && matches!(permissions, "r--p" | "r-xp"));
        }
    }
    found
}

fn range(word: &str) -> Option<Range<usize>> {
    let (start, end) = word.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(start)?..address(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_written_or_was_is_kept() {
        let smaps = "\
5500-5600 r-xp 00001000 fe:00 12 /usr/bin/program
Rss:                  40 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
5600-5700 r--p 00002000 fe:00 12 /usr/bin/program
Anonymous:             8 kB
5700-5800 rw-p 00003000 fe:00 12 /usr/bin/program
Anonymous:             0 kB
5800-5900 r--s 00003000 fe:00 12 /etc/shared
Anonymous:             0 kB
5900-5a00 r--p 00000000 00:00 0
Anonymous:             0 kB
5a00-5b00 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
5b00-5c00 r--p 00000000 00:01 77 /memfd:zonemux-plugin-x (deleted)
Anonymous:             0 kB
";
        assert_eq!(unchanged(smaps), [0x5500..0x5600, 0x5b00..0x5c00]);
    }

    #[test]
    fn fewer_pages_are_mapped_afterwards() {
        let mapped = || {
            let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
            let resident = smaps.lines().filter_map(|line| line.strip_prefix("Rss:")?.strip_suffix("kB"));
            resident.map(|kilobytes| kilobytes.trim().parse::<u64>().unwrap()).sum::<u64>()
        };
        let before = mapped();
        let_go();
        let after = mapped();
        assert!(after < before, "{after} kB of {before}");
    }
}
