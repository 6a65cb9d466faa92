//! What the daemon and a plugin's process say to each other, in frames over one byte stream.
//!
//! `docs/plugin-frames.md` describes the format for authors of executable backends. A frame is a header of
//! twelve bytes and a payload: the length of all that follows the length, the kind, three bytes of zero, the
//! number of the call that it belongs to (numbers are little-endian). What is said once for each call is JSON;
//! endpoints, of which there may be hundreds of thousands, are [columns](columns).

pub(super) mod columns;
pub(super) mod message;

/// The version of all this.
pub(super) const PROTOCOL: u32 = 1;

/// Bytes before a payload.
pub(super) const HEADER: usize = 12;
/// The longest payload that is taken: a configuration and a single record fit by far.
pub(super) const LONGEST: usize = 8 << 20;
/// Endpoints are sent on when there are so many bytes of them.
pub(super) const CHUNK: usize = 128 << 10;

/// What a frame says. Kinds below 64 go to the plugin, the others come from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// How the process is to be set up ([`message::Setup`]); its descriptor comes with it.
    Setup = 1,
    /// The backend's settings ([`message::Configure`]).
    Configure = 2,
    /// Connect ([`message::Call`]).
    Open = 3,
    /// List everything ([`message::Call`]).
    Records = 4,
    /// Apply changes ([`message::Apply`]).
    Apply = 5,
    /// Bring endpoints into their form ([`message::Adjust`]).
    Adjust = 6,
    /// Does the backend work? ([`message::Call`])
    Check = 7,
    /// Finish what is open ([`message::Call`]).
    Close = 8,
    /// The endpoints that were asked for: [`Piece`] and columns.
    Piece = 9,
    /// Nobody waits for this call any more.
    Cancel = 10,
    /// What are the settings? Only our own process is asked, instead of being given any.
    Describe = 11,

    /// The settings are accepted ([`message::Configured`]).
    Configured = 64,
    /// The plugin or its settings are refused ([`message::Refused`]).
    Refused = 65,
    /// The call is done ([`message::Done`]).
    Done = 66,
    /// The call failed ([`message::Failure`]).
    Failed = 67,
    /// Some endpoints of a list: columns.
    Endpoints = 68,
    /// The list is complete.
    Complete = 69,
    /// Asks for endpoints of the call's own ([`Wanted`]).
    Next = 70,
    /// One change was not done ([`message::Unapplied`]).
    Unapplied = 71,
    /// Nothing of a cancelled call runs any more.
    Ended = 72,
    /// A log line ([`message::Log`]).
    Log = 73,
    /// A metric moves ([`message::Metric`]).
    Metric = 74,
    /// What the process may do though it should not; said by our own code, before any of the plugin's runs.
    Restricted = 76,
    /// JSON Schema of the settings.
    Description = 75,
}

impl Kind {
    const ALL: [Self; 24] = [
        Self::Setup,
        Self::Configure,
        Self::Open,
        Self::Records,
        Self::Apply,
        Self::Adjust,
        Self::Check,
        Self::Close,
        Self::Piece,
        Self::Cancel,
        Self::Describe,
        Self::Configured,
        Self::Refused,
        Self::Done,
        Self::Failed,
        Self::Endpoints,
        Self::Complete,
        Self::Next,
        Self::Unapplied,
        Self::Ended,
        Self::Log,
        Self::Metric,
        Self::Restricted,
        Self::Description,
    ];

    fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == code)
    }
}

/// What can't be read as frames. Whoever sends such is cut off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of kind {0}, which this version does not know")]
    Kind(u8),
    #[error("a frame of {0} bytes, more than {LONGEST}")]
    TooLong(usize),
    #[error("a frame shorter than its header")]
    TooShort,
    #[error("a {0:?} frame that can't be read: {1}")]
    Payload(&'static str, String),
    #[error("a {0} that nobody asked for")]
    Unexpected(&'static str),
}

/// A frame: its header, its payload, and how many bytes it took.
pub(super) type Whole<'a> = (Header, &'a [u8], usize);

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) call: u32,
    /// Bytes of payload.
    pub(super) length: usize,
}

impl Header {
    /// Reads a header.
    pub(super) fn decode(bytes: [u8; HEADER]) -> Result<Self, FrameError> {
        let [l0, l1, l2, l3, kind, _, _, _, c0, c1, c2, c3] = bytes;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let length = length.checked_sub(HEADER - 4).ok_or(FrameError::TooShort)?;
        if length > LONGEST {
            return Err(FrameError::TooLong(length));
        }
        let kind = Kind::of(kind).ok_or(FrameError::Kind(kind))?;
        Ok(Self { kind, call: u32::from_le_bytes([c0, c1, c2, c3]), length })
    }

    /// The first frame of some bytes; `None` where it is not whole yet.
    pub(super) fn split(bytes: &[u8]) -> Result<Option<Whole<'_>>, FrameError> {
        let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let header = Self::decode(*header)?;
        let end = HEADER + header.length;
        Ok(bytes.get(HEADER..end).map(|payload| (header, payload, end)))
    }

    /// Writes a header.
    pub(super) fn encode(self) -> Result<[u8; HEADER], FrameError> {
        if self.length > LONGEST {
            return Err(FrameError::TooLong(self.length));
        }
        let length = u32::try_from(self.length + HEADER - 4).map_err(|_| FrameError::TooLong(self.length))?;
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4] = self.kind as u8;
        bytes[8..].copy_from_slice(&self.call.to_le_bytes());
        Ok(bytes)
    }
}

/// A whole frame of some parts of a payload.
pub(super) fn frame(kind: Kind, call: u32, parts: &[&[u8]]) -> Result<Vec<u8>, FrameError> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut bytes = Vec::with_capacity(HEADER + length);
    bytes.extend_from_slice(&Header { kind, call, length }.encode()?);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    Ok(bytes)
}

/// A whole frame whose payload is JSON.
pub(super) fn json(kind: Kind, call: u32, message: &impl serde::Serialize) -> Result<Vec<u8>, FrameError> {
    let text = serde_json::to_vec(message).map_err(|error| FrameError::Payload("JSON", error.to_string()))?;
    frame(kind, call, &[&text])
}

/// Reads the JSON of a payload; `what` names it in the error.
pub(super) fn decode<'a, T: serde::Deserialize<'a>>(
    what: &'static str,
    payload: &'a [u8],
) -> Result<T, FrameError> {
    // serde's words name values that it found; a plugin's own words, but none of them are secrets of ours.
    serde_json::from_slice(payload).map_err(|error| FrameError::Payload(what, error.to_string()))
}

/// Which endpoints of a call's own are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// One of [`zonemux_plugin_abi::list`]'s numbers.
    pub(super) list: u32,
    /// The first one's position.
    pub(super) from: u32,
}

impl Wanted {
    pub(super) fn encode(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.list.to_le_bytes());
        bytes[4..].copy_from_slice(&self.from.to_le_bytes());
        bytes
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, FrameError> {
        let (&list, rest) = payload.split_first_chunk::<4>().ok_or_else(|| short("next"))?;
        let &from = rest.first_chunk::<4>().ok_or_else(|| short("next"))?;
        Ok(Self { list: u32::from_le_bytes(list), from: u32::from_le_bytes(from) })
    }
}

/// What stands before the columns of a [`Kind::Piece`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) wanted: Wanted,
    /// How many endpoints follow.
    pub(super) count: u32,
    /// Whether the list ends with them.
    pub(super) last: bool,
}

/// Bytes of a [`Piece`].
const PIECE: usize = 16;

impl Piece {
    pub(super) fn encode(self) -> [u8; PIECE] {
        let mut bytes = [0; PIECE];
        bytes[..8].copy_from_slice(&self.wanted.encode());
        bytes[8..12].copy_from_slice(&self.count.to_le_bytes());
        bytes[12..].copy_from_slice(&u32::from(self.last).to_le_bytes());
        bytes
    }

    /// The piece, and the columns behind it.
    pub(super) fn decode(payload: &[u8]) -> Result<(Self, &[u8]), FrameError> {
        let (head, columns) = payload.split_first_chunk::<PIECE>().ok_or_else(|| short("piece"))?;
        let wanted = Wanted::decode(head)?;
        let number = |at: usize| head[at..].first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        Ok((Self { wanted, count: number(8), last: number(12) != 0 }, columns))
    }
}

fn short(what: &'static str) -> FrameError {
    FrameError::Payload(what, "it is too short".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written_however_it_is_cut() {
        let whole =
            [frame(Kind::Records, 7, &[b"ab", b"c"]).unwrap(), frame(Kind::Complete, u32::MAX, &[]).unwrap()]
                .concat();
        for cut in 0..whole.len() {
            let first = Header::split(&whole[..cut]).unwrap();
            assert_eq!(first.is_some(), cut >= HEADER + 3, "{cut}");
        }
        let (header, payload, used) = Header::split(&whole).unwrap().unwrap();
        assert_eq!((header.kind, header.call, payload), (Kind::Records, 7, &b"abc"[..]));
        let (header, payload, used) = Header::split(&whole[used..]).unwrap().unwrap();
        assert_eq!((header.kind, header.call, payload, used), (Kind::Complete, u32::MAX, &b""[..], HEADER));
    }

    #[test]
    fn what_is_no_frame_is_an_error_and_never_a_wait() {
        let header = |length: u32, kind: u8| {
            let mut bytes = [0; HEADER];
            bytes[..4].copy_from_slice(&length.to_le_bytes());
            bytes[4] = kind;
            Header::decode(bytes)
        };
        assert_eq!(header(7, 66), Err(FrameError::TooShort));
        assert_eq!(header(8, 200), Err(FrameError::Kind(200)));
        assert!(matches!(header(u32::MAX, 66), Err(FrameError::TooLong(_))));
        assert!(frame(Kind::Records, 0, &[&vec![0; LONGEST + 1]]).is_err());
    }

    #[test]
    fn what_is_asked_for_and_given_survive_the_way() {
        let wanted = Wanted { list: 3, from: 100_000 };
        assert_eq!(Wanted::decode(&wanted.encode()), Ok(wanted));
        let piece = Piece { wanted, count: 17, last: true };
        let payload = [&piece.encode()[..], b"columns"].concat();
        assert_eq!(Piece::decode(&payload), Ok((piece, &b"columns"[..])));
        assert!(Wanted::decode(&[0; 7]).is_err());
        assert!(Piece::decode(&[0; 15]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_at_all_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _frame = Header::split(&bytes);
            let _wanted = Wanted::decode(&bytes);
            let _piece = Piece::decode(&bytes);
        }
    }
}
