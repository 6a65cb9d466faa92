//! For the fuzz targets alone (`fuzz/`): the readers of frames, which nothing outside can call.

use zonemux_plugin::{Endpoint, EndpointView as _};

use super::child::restrict::Restrictions;
use super::frames::{self, FrameError, Header, Kind, Piece, Wanted, columns, message};

/// Reads bytes as frames of either direction, as far as they are any, with every reader that the frames' kinds ask
/// for.
///
/// # Panics
///
/// When what was read is not read again from what is written of it.
pub fn frames(mut bytes: &[u8]) {
    while let Ok(Some((header, payload, used))) = Header::split(bytes) {
        assert!(used >= frames::HEADER && used <= bytes.len(), "{header:?} takes {used} of {}", bytes.len());
        // What can't be read is an error, which is what there is to find out.
        drop(read(header.kind, payload));
        bytes = &bytes[used..];
    }
}

fn read(kind: Kind, payload: &[u8]) -> Result<(), FrameError> {
    match kind {
        Kind::Setup => frames::decode::<message::Setup>("setup", payload).map(drop),
        Kind::Configure => frames::decode::<message::Configure>("configure", payload).map(drop),
        Kind::Open | Kind::Records | Kind::Check | Kind::Close => {
            frames::decode::<message::Call>("call", payload).map(drop)
        }
        Kind::Apply => frames::decode::<message::Apply>("apply", payload).map(drop),
        Kind::Adjust => frames::decode::<message::Adjust>("adjust", payload).map(drop),
        Kind::Piece => {
            let (piece, rows) = Piece::decode(payload)?;
            let (again, _) = Piece::decode(&piece.encode())?;
            assert_eq!(piece, again);
            endpoints(rows)
        }
        Kind::Configured => frames::decode::<message::Configured>("answer", payload).map(drop),
        Kind::Refused => frames::decode::<message::Refused>("refusal", payload).map(drop),
        Kind::Done => frames::decode::<message::Done>("answer", payload).map(drop),
        Kind::Failed => frames::decode::<message::Failure>("error", payload).map(drop),
        Kind::Endpoints => endpoints(payload),
        Kind::Next => Wanted::decode(payload).map(drop),
        Kind::Unapplied => frames::decode::<message::Unapplied>("failure", payload).map(drop),
        Kind::Log => frames::decode::<message::Log>("log line", payload).map(drop),
        Kind::Metric => frames::decode::<message::Metric>("metric", payload).map(drop),
        Kind::Restricted => frames::decode::<Restrictions>("restrictions", payload).map(drop),
        Kind::Cancel | Kind::Complete | Kind::Ended | Kind::Describe | Kind::Description => Ok(()),
    }
}

fn endpoints(payload: &[u8]) -> Result<(), FrameError> {
    let read = rows(payload)?;
    let mut writer = columns::Writer::default();
    for endpoint in &read {
        writer.push(endpoint);
    }
    let (length, numbers, text) = writer.parts();
    assert_eq!(rows(&[&length, numbers, text].concat())?, read);
    Ok(())
}

fn rows(payload: &[u8]) -> Result<Vec<Endpoint>, FrameError> {
    let mut reader = columns::Reader::new(payload)?;
    let mut endpoints = Vec::new();
    while let Some(row) = reader.next()? {
        endpoints.push(row.to_endpoint());
    }
    Ok(endpoints)
}
