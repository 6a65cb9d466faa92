//! Frames: one batch each.
//!
//! ```text
//! length of the payload   4 bytes, little endian
//! checksum of the length  4 bytes: tells a torn end from a damaged length
//! payload                 changes: `P` or `R`, length, text
//! checksum of the payload 4 bytes
//! ```

use std::io::{self, BufRead, Read as _, Write};

use crc32fast::Hasher;

use crate::packed::{Packed, Reader, length_prefix};

/// What a frame takes beside its payload: the head, and the checksum at the end.
const HEAD: usize = 8;
const TAIL: usize = 4;

/// A change as it is written.
#[derive(Clone, Copy)]
pub(super) enum Change<'a> {
    /// A packed record.
    Put(&'a str),
    /// A key.
    Remove(&'a str),
}

impl<'a> Change<'a> {
    fn parts(self) -> (&'static str, &'a str) {
        match self {
            Self::Put(text) => ("P", text),
            Self::Remove(text) => ("R", text),
        }
    }
}

/// A change as it is read.
pub(super) enum Owned<'a> {
    Put(Packed),
    Remove(&'a str),
}

/// What stands at a place of a file.
pub(super) enum Frame {
    /// A frame of so many bytes in all.
    Whole(u64),
    /// The start of a frame that was never written to its end.
    Torn,
    /// Nothing more.
    End,
}

/// Why a frame can't be read.
pub(super) enum Damage {
    /// The system said no.
    Io(io::Error),
    /// The bytes can't be what was written.
    Found(&'static str),
}

/// Writes a frame, and says how many bytes it takes.
pub(super) fn write<'a>(
    to: &mut impl Write,
    changes: impl Iterator<Item = Change<'a>> + Clone,
) -> io::Result<u64> {
    let size = |change: Change<'_>| {
        let (kind, text) = change.parts();
        kind.len() + length_prefix(text.len()).len() + text.len()
    };
    let length: usize = changes.clone().map(size).sum();
    let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a batch of more than 4 GiB");
    let length = u32::try_from(length).map_err(too_long)?.to_le_bytes();
    to.write_all(&length)?;
    to.write_all(&crc32fast::hash(&length).to_le_bytes())?;
    let mut checksum = Hasher::new();
    for change in changes {
        let (kind, text) = change.parts();
        for part in [kind, &length_prefix(text.len()), text] {
            checksum.update(part.as_bytes());
            to.write_all(part.as_bytes())?;
        }
    }
    to.write_all(&checksum.finalize().to_le_bytes())?;
    Ok((HEAD + TAIL) as u64 + u64::from(u32::from_le_bytes(length)))
}

/// Reads a frame's payload. `left` is how much of the file remains.
pub(super) fn read(from: &mut impl BufRead, left: u64, payload: &mut Vec<u8>) -> Result<Frame, Damage> {
    if left == 0 {
        return Ok(Frame::End);
    }
    if left < HEAD as u64 {
        return Ok(Frame::Torn);
    }
    let length = number(from)?;
    if number(from)? != crc32fast::hash(&length.to_le_bytes()) {
        // A file system that lost power may leave zeros where data was to come.
        return if length == 0 && only_zeros(from)? {
            Ok(Frame::Torn)
        } else {
            Err(Damage::Found("a wrong length"))
        };
    }
    let whole = (HEAD + TAIL) as u64 + u64::from(length);
    if whole > left {
        return Ok(Frame::Torn);
    }
    payload.clear();
    from.take(u64::from(length)).read_to_end(payload).map_err(Damage::Io)?;
    let checksum = number(from)?;
    if checksum == crc32fast::hash(payload) {
        return Ok(Frame::Whole(whole));
    }
    // The last frame may have been on its way to the disk when the power went, which leaves zeros where
    // its end was to come. Anything else is a frame that was complete, and so may be acknowledged.
    if whole == left && checksum == 0 { Ok(Frame::Torn) } else { Err(Damage::Found("a wrong checksum")) }
}

fn number(from: &mut impl BufRead) -> Result<u32, Damage> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes).map_err(Damage::Io)?;
    Ok(u32::from_le_bytes(bytes))
}

fn only_zeros(from: &mut impl BufRead) -> Result<bool, Damage> {
    for byte in from.bytes() {
        if byte.map_err(Damage::Io)? != 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Goes through the changes of a payload; `None` when they can't be read.
pub(super) fn each_change<'a>(payload: &'a [u8], mut take: impl FnMut(Owned<'a>)) -> Option<()> {
    let mut reader = Reader(std::str::from_utf8(payload).ok()?);
    while !reader.0.is_empty() {
        let (kind, rest) = reader.0.split_at_checked(1)?;
        reader.0 = rest;
        let text = reader.text()?;
        match kind {
            "P" => take(Owned::Put(Packed::from_text(text)?)),
            "R" => take(Owned::Remove(text)),
            _ => return None,
        }
    }
    Some(())
}
