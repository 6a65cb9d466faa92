//! The SOA of a zone file, and where its serial stands.

use std::ops::Range;

use crate::lexer::{Token, printable};
use crate::{name, ttl};

/// An SOA as it was read (RFC 1035, section 3.3.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soa {
    /// The primary server, canonical.
    pub primary: String,
    /// The mailbox as a name, canonical.
    pub mailbox: String,
    /// The serial (RFC 1982).
    pub serial: u32,
    /// Seconds, as the others.
    pub refresh: u32,
    /// Seconds.
    pub retry: u32,
    /// Seconds.
    pub expire: u32,
    /// Seconds.
    pub minimum: u32,
    /// Of the record itself, in seconds.
    pub ttl: u32,
    /// The file's position among the sources.
    pub source: usize,
    /// Where the serial stands in it.
    pub serial_at: Range<usize>,
}

impl Soa {
    /// Reads the fields behind the type; `ttl` is that of its line, or of `$TTL`.
    pub fn read(fields: &[Token<'_>], origin: &str, source: usize, ttl: Option<u32>) -> Result<Self, String> {
        let [primary, mailbox, serial, refresh, retry, expire, minimum] = fields else {
            return Err(format!("an SOA has 7 fields, this one has {}", fields.len()));
        };
        let number = str::from_utf8(serial.text).ok().and_then(|text| text.parse().ok());
        let Some(number) = number.filter(|_| serial.text[0].is_ascii_digit()) else {
            return Err(format!(
                "the serial `{}` is not a number up to {}",
                printable(serial.text),
                u32::MAX
            ));
        };
        let seconds = |field: &Token<'_>, what: &str| {
            let wrong = || format!("{what} of the SOA is `{}`, which is no time", printable(field.text));
            ttl::read(field.text).ok_or_else(wrong)
        };
        let minimum = seconds(minimum, "the minimum")?;
        Ok(Self {
            primary: name::absolute(primary, origin)?,
            mailbox: name::absolute(mailbox, origin)?,
            serial: number,
            refresh: seconds(refresh, "the refresh")?,
            retry: seconds(retry, "the retry")?,
            expire: seconds(expire, "the expiry")?,
            minimum,
            ttl: ttl.unwrap_or(minimum),
            source,
            serial_at: serial.range(),
        })
    }

    /// The file's bytes with another serial; all else is as it was.
    pub fn with_serial(&self, bytes: &[u8], serial: u32) -> Vec<u8> {
        let mut edited = Vec::with_capacity(bytes.len() + 10);
        edited.extend(&bytes[..self.serial_at.start]);
        edited.extend(serial.to_string().bytes());
        edited.extend(&bytes[self.serial_at.end..]);
        edited
    }

    /// One line of a master file.
    pub fn write(&self, zone: &str, serial: u32, to: &mut String) {
        use std::fmt::Write as _;

        name::write(zone, to);
        // Writing to a string can't fail.
        let _written = write!(to, " {} IN SOA ", self.ttl);
        name::write(&self.primary, to);
        to.push(' ');
        name::write(&self.mailbox, to);
        let _written =
            writeln!(to, " {serial} {} {} {} {}", self.refresh, self.retry, self.expire, self.minimum);
    }
}
