//! What a fuzz target calls.

use crate::dialect::Dialect;
use crate::reader::{How, IncludeBase, read_text};
use crate::writer::write;

/// Name, TTL, type and target.
type Row = (String, u32, String, String);

/// Reads a made-up zone file as each server would, writes what was read, and reads that.
///
/// # Panics
///
/// When what was written is not read as what it was.
pub fn zone(file: &[u8]) {
    // A few bytes make 65536 records of any length.
    if file.len() > 256 && file.windows(9).any(|word| word.eq_ignore_ascii_case(b"$GENERATE")) {
        return;
    }
    for dialect in [Dialect::Bind, Dialect::Nsd, Dialect::Knot, Dialect::Other] {
        let Some(rows) = rows(file, dialect) else { continue };
        let mut text = String::new();
        let writes = |(name, ttl, record_type, target): &Row| {
            let targets = [target.as_str()];
            write(name, Some(*ttl), record_type, targets, None, &mut text).is_ok()
        };
        let written: Vec<Row> = rows.into_iter().filter(writes).collect();
        assert_eq!(self::rows(text.as_bytes(), dialect), Some(written), "{text}");
    }
}

fn rows(file: &[u8], dialect: Dialect) -> Option<Vec<Row>> {
    let how = How { zone: "example.org", include_base: &IncludeBase::Includer, managed: None, dialect };
    let mut rows = Vec::new();
    let read = read_text(&how, file, &mut |record| {
        rows.push((record.name.to_owned(), record.ttl, record.rtype.to_owned(), record.target.clone()));
    });
    read.ok().map(|_| rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_is(
            file in "([a\\\\@\" ]{1,3} (5 )?(IN )?(A 192\\.0\\.2\\.[0-9]|TXT|MX 1|SRV 1 2 3|SVCB 1|HTTPS 0|URI 1 2|NAPTR 1 2|CAA 0|TYPE700|NSEC|SPF|X) ([ab=\"\\\\.;()#$@0-9]{1,4} ?){1,4}\n){0,4}",
        ) {
            super::zone(format!("$TTL 1\n{file}").as_bytes());
        }
    }
}
