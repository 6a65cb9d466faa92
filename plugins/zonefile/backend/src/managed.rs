//! The file that zonemux writes: absolute one-line records in canonical order, so that two versions
//! differ in the lines of what was changed.

use std::fmt::Write as _;
use std::path::Path;

use zonemux_master_file::reader::Record;
use zonemux_master_file::writer;
use zonemux_plugin::dns::canonical;

use crate::records::{Key, Records, RrSet};

/// What the line with the serial begins with.
const SERIAL: &str = "; serial ";

/// The comment at the start of a managed include file; `operator` is the zone file that includes it.
pub(crate) fn include_header(zone: &str, operator: &Path, serial: Option<u32>) -> String {
    let operator = printable_path(operator);
    let mut header =
        format!("{}; rewrites it; records of your own belong into {operator}.\n", include_line(zone));
    serial_line(serial, &mut header);
    header
}

/// The comment at the start of a zone file that zonemux owns as a whole.
pub(crate) fn whole_header(zone: &str, serial: Option<u32>) -> String {
    let mut header = whole_line(zone);
    serial_line(serial, &mut header);
    header
}

fn whole_line(zone: &str) -> String {
    format!("; Zone {zone}. zonemux manages this file as a whole, and rewrites it.\n")
}

/// Whether a file begins with that comment, and so is our own work.
pub(crate) fn is_whole(zone: &str, bytes: &[u8]) -> bool {
    bytes.starts_with(whole_line(zone).as_bytes())
}

/// With which serial the records were published: after a crash it tells whether the SOA, which is
/// written after them, still lacks it.
fn serial_line(serial: Option<u32>, header: &mut String) {
    if let Some(serial) = serial {
        // Writing to a string can't fail.
        let _written = writeln!(header, "{SERIAL}{serial}");
    }
}

/// The last line: without it, a file that begins as ours was cut off, or is being written.
pub(crate) const END: &str = "; end\n";

/// Whether a file begins as ours, be it with a part of our first line.
pub(crate) fn begins_as_ours(zone: &str, bytes: &[u8]) -> bool {
    let begins = |line: &str| {
        let length = bytes.len().min(line.len());
        length > 0 && bytes[..length] == line.as_bytes()[..length]
    };
    begins(&include_line(zone)) || begins(&whole_line(zone))
}

/// Whether a file has our last line; an editor may have put something behind it.
pub(crate) fn has_end(bytes: &[u8]) -> bool {
    bytes.split(|&byte| byte == b'\n').any(|line| line.trim_ascii_end() == END.trim_end().as_bytes())
}

fn include_line(zone: &str) -> String {
    format!("; Records of zone {zone} that ExternalDNS asked for. zonemux manages this file and\n")
}

/// The serial that a header tells.
pub(crate) fn header_serial(bytes: &[u8]) -> Option<u32> {
    let comments = bytes.split(|&byte| byte == b'\n').take(8).take_while(|line| line.starts_with(b";"));
    let serials = comments.filter_map(|line| line.strip_prefix(SERIAL.as_bytes()));
    serials.filter_map(|serial| str::from_utf8(serial).ok()?.trim().parse().ok()).last()
}

/// A path for a comment, which a line must not end early.
fn printable_path(path: &Path) -> String {
    path.to_string_lossy().chars().filter(|character| !character.is_control()).collect()
}

/// Appends the lines of an RRset.
pub(crate) fn write(set: &RrSet, to: &mut String) -> Result<(), String> {
    let targets = set.targets.iter().map(|target| &**target);
    writer::write(&set.name, Some(set.ttl), &set.record_type, targets, set.shown.as_deref(), to)
        .map_err(|error| format!("{} {}: {error}", set.record_type, set.name))
}

/// Which RRset stands on which lines of a text that [`write`] made.
pub(crate) fn at_line<'a>(
    mut sets: impl Iterator<Item = &'a RrSet>,
    header_lines: usize,
    line: usize,
) -> Option<&'a RrSet> {
    let mut before = header_lines;
    if line <= before {
        return None;
    }
    sets.find(|set| {
        before += set.targets.len();
        line <= before
    })
}

/// Collects records as they are read into RRsets.
pub(crate) fn collect(records: &mut Records, record: &Record<'_>) -> Key {
    let key = crate::records::key(record.name, record.rtype);
    let set = records.entry(key.clone()).or_insert_with(|| RrSet {
        name: record.name.into(),
        shown: None,
        record_type: record.rtype.into(),
        ttl: record.rrset_ttl(None),
        targets: Vec::with_capacity(1),
    });
    if !set.targets.is_empty() {
        set.ttl = record.rrset_ttl(Some(set.ttl));
    }
    let target = record.target.as_str();
    if let Err(at) = set.targets.binary_search_by(|known| (**known).cmp(target)) {
        set.targets.insert(at, target.into());
    }
    if set.shown.is_none() {
        set.shown = record.comment.and_then(|comment| shown(comment, record.name));
    }
    key
}

/// The Unicode form of a name that its line's comment tells.
fn shown(comment: &[u8], name: &str) -> Option<Box<str>> {
    let text = str::from_utf8(comment).ok()?.trim();
    let same = !text.is_ascii() && canonical(text).is_ok_and(|canonical| canonical == name);
    same.then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, record_type: &str, targets: &[&str]) -> RrSet {
        RrSet {
            name: name.into(),
            shown: None,
            record_type: record_type.into(),
            ttl: 300,
            targets: targets.iter().map(|&target| target.into()).collect(),
        }
    }

    #[test]
    fn lines_are_absolute() {
        let mut text = include_header("example.org", Path::new("/etc/bind/db.example.org"), Some(7));
        let header_lines = text.lines().count();
        let mut sets = vec![
            set("example.org", "MX", &["10 a.example.org", "20 b.example.org"]),
            set("xn--bcher-kva.example.org", "A", &["192.0.2.1"]),
            set("www.example.org", "CNAME", &["web.example.net"]),
        ];
        sets[1].shown = Some("bücher.example.org".into());
        for set in &sets {
            write(set, &mut text).unwrap();
        }
        assert_eq!(
            text,
            "; Records of zone example.org that ExternalDNS asked for. zonemux manages this file and\n\
             ; rewrites it; records of your own belong into /etc/bind/db.example.org.\n\
             ; serial 7\n\
             example.org. 300 IN MX 10 a.example.org.\n\
             example.org. 300 IN MX 20 b.example.org.\n\
             xn--bcher-kva.example.org. 300 IN A 192.0.2.1 ; bücher.example.org\n\
             www.example.org. 300 IN CNAME web.example.net.\n"
        );
        assert_eq!(header_serial(text.as_bytes()), Some(7));
        let at = |line| at_line(sets.iter(), header_lines, line).map(|set| &*set.name);
        let expected = [None, None, None, Some("example.org"), Some("example.org")];
        assert_eq!([1, 2, 3, 4, 5].map(at), expected);
        let expected = [Some("xn--bcher-kva.example.org"), Some("www.example.org"), None];
        assert_eq!([6, 7, 8].map(at), expected);
    }

    #[test]
    fn our_own_beginning_and_end_are_known() {
        for header in [include_header("a.org", Path::new("db"), None), whole_header("a.org", Some(1))] {
            for length in 1..=header.len() {
                assert!(begins_as_ours("a.org", &header.as_bytes()[..length]), "{length}");
            }
            assert!(!has_end(header.as_bytes()));
            assert!(!has_end(format!("{header}www.a.org. 1 IN A 192.0.2.1\n; en").as_bytes()));
            assert!(has_end(format!("{header}{END}by-hand 1 A 192.0.2.1\n").as_bytes()));
        }
        assert!(!begins_as_ours("a.org", b"www 1 A 192.0.2.1\n"));
        assert!(!begins_as_ours("a.org", b"; Records of mine\n"));
        assert!(!begins_as_ours("a.org", b""));
    }

    #[test]
    fn a_serial_is_read_from_the_header_alone() {
        assert_eq!(header_serial(b"; a\n; serial 12\r\nwww 1 IN A 192.0.2.1\n; serial 13\n"), Some(12));
        assert_eq!(header_serial(b"www 1 IN A 192.0.2.1\n; serial 13\n"), None);
        assert_eq!(header_serial(b"; serial x\n"), None);
        assert_eq!(header_serial(b""), None);
    }

    #[test]
    fn only_a_comment_that_is_the_name_is_taken_for_it() {
        let name = "xn--bcher-kva.example.org";
        assert_eq!(shown(" bücher.example.org\r".as_bytes(), name).as_deref(), Some("bücher.example.org"));
        for comment in ["bücher.example.net", "the books", "xn--bcher-kva.example.org", ""] {
            assert_eq!(shown(comment.as_bytes(), name), None, "{comment}");
        }
        assert_eq!(shown(b"\xff", name), None);
    }
}
