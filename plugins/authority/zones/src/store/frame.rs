//! Frames: what is written at once, and either there as a whole or not at all.
//!
//! ```text
//! length of the payload   4 bytes, little endian
//! checksum of the length  4 bytes (CRC-32): tells a torn end from a damaged length
//! payload
//! checksum of the payload 4 bytes
//! ```

use std::io;

/// What a frame takes in front of its payload and behind it.
const HEAD: usize = 8;
const TAIL: usize = 4;

/// A frame of a payload. It is written by one call: a long one that meets a full disk is cut back.
pub(super) fn frame(payload: &[u8]) -> io::Result<Vec<u8>> {
    let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a batch of more than 4 GiB");
    let length = u32::try_from(payload.len()).map_err(too_long)?.to_le_bytes();
    let mut frame = Vec::with_capacity(HEAD + payload.len() + TAIL);
    frame.extend(length);
    frame.extend(crc32fast::hash(&length).to_le_bytes());
    frame.extend_from_slice(payload);
    frame.extend(crc32fast::hash(payload).to_le_bytes());
    Ok(frame)
}

/// What stands at a place of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A payload, and what follows its frame.
    Whole(&'a [u8], &'a [u8]),
    /// The start of a frame that was never written to its end.
    Torn,
    /// The bytes can't be what was written.
    Damaged(&'static str),
}

/// Reads the frame that a file's rest begins with.
pub(super) fn read(rest: &[u8]) -> Found<'_> {
    let Some((head, after)) = rest.split_first_chunk::<HEAD>() else { return Found::Torn };
    let [length, length_checksum] = [0, 4].map(|at| number(&head[at..]));
    if crc32fast::hash(&head[..4]) != length_checksum {
        // A file system that lost power may leave zeros where data was to come.
        let only_zeros = rest.iter().all(|&byte| byte == 0);
        return if only_zeros { Found::Torn } else { Found::Damaged("a wrong length") };
    }
    let Some((payload, after)) = after.split_at_checked(length as usize) else { return Found::Torn };
    let Some((tail, after)) = after.split_first_chunk::<TAIL>() else { return Found::Torn };
    let checksum = number(tail);
    if checksum == crc32fast::hash(payload) {
        return Found::Whole(payload, after);
    }
    // The last frame may have been on its way to the disk when the power went, which leaves zeros where
    // its end was to come. Anything else is a frame that was complete, and so may be acknowledged.
    if after.is_empty() && checksum == 0 { Found::Torn } else { Found::Damaged("a wrong checksum") }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
