//! Takes in what a process says.

use std::io;
use std::sync::{Arc, PoisonError};

use tokio::net::UnixStream;
use zonemux_plugin::ChangeId;

use super::link::Link;
use crate::backend::{BackendError, Failure};
use crate::plugin::frames::{self, CHUNK, FrameError, Header, Kind, columns, message};
use crate::telemetry::words::beginning;

/// Room for what is read, once larger frames have passed.
const ROOM: usize = 2 * CHUNK;

/// Bytes of a reason or a message.
const LONGEST_WORDS: usize = 2048;

/// Why reading ended.
#[derive(Debug)]
pub(super) enum ReadEnd {
    /// The process closed its end.
    Closed,
    /// What it said can't be read.
    Unreadable(FrameError),
}

/// Reads frames until the process closes its end, or says what can't be read.
pub(super) async fn read(link: Arc<Link>, socket: Arc<UnixStream>) -> ReadEnd {
    let mut buffer = Vec::with_capacity(ROOM);
    let mut since_others_ran = 0;
    loop {
        match take_all(&link, &mut buffer) {
            Ok(()) => {}
            Err(error) => return ReadEnd::Unreadable(error),
        }
        if socket.readable().await.is_err() {
            return ReadEnd::Closed;
        }
        match socket.try_read_buf(&mut buffer) {
            Ok(0) => return ReadEnd::Closed,
            Ok(read) => {
                since_others_ran += read;
                // There may be more to read without end: waiting for it never lets another task run.
                if since_others_ran >= CHUNK {
                    since_others_ran = 0;
                    tokio::task::yield_now().await;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return ReadEnd::Closed,
        }
    }
}

/// Takes every whole frame out of the buffer.
fn take_all(link: &Link, buffer: &mut Vec<u8>) -> Result<(), FrameError> {
    let mut used = 0;
    while let Some((header, payload, length)) = Header::split(&buffer[used..])? {
        take(link, header, payload)?;
        used += length;
    }
    buffer.drain(..used);
    if buffer.is_empty() && buffer.capacity() > ROOM {
        buffer.shrink_to(ROOM);
    }
    buffer.reserve(CHUNK);
    Ok(())
}

fn take(link: &Link, header: Header, payload: &[u8]) -> Result<(), FrameError> {
    let (calls, number) = (&link.calls, header.call);
    match header.kind {
        Kind::Endpoints => {
            let Some(sink) = calls.sink(number)? else { return Ok(()) };
            let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
            let mut rows = columns::Reader::new(payload)?;
            while let Some(row) = rows.next()? {
                // Where nobody reads the list any more, its call is about to be left.
                if !sink.push(&row) {
                    break;
                }
            }
            Ok(())
        }
        Kind::Complete => {
            if let Some(sink) = calls.sink(number)? {
                sink.lock().unwrap_or_else(PoisonError::into_inner).finish();
            }
            Ok(())
        }
        Kind::Next => calls.want(number, frames::Wanted::decode(payload)?),
        Kind::Unapplied => calls.unapplied(number, failure(frames::decode("failure", payload)?)),
        Kind::Done => calls.answer(number, Ok(frames::decode("answer", payload)?)),
        Kind::Failed => calls.answer(number, Err(error(frames::decode("error", payload)?))),
        Kind::Ended => calls.left(number),
        Kind::Log => {
            let logged: message::Log = frames::decode("log line", payload)?;
            link.host.take_log(&logged);
            link.output.push(logged.message);
            Ok(())
        }
        Kind::Metric => {
            link.host.take_metric(&frames::decode("metric", payload)?);
            Ok(())
        }
        Kind::Restricted => {
            let restrictions = frames::decode("restrictions", payload)?;
            let mut known = link.restrictions.lock().unwrap_or_else(PoisonError::into_inner);
            // Our own code says it before there is any other; the plugin has no say in it.
            if known.is_some() {
                return Err(FrameError::Unexpected("word of its restrictions"));
            }
            *known = Some(restrictions);
            Ok(())
        }
        Kind::Configured => tell(link, Ok(frames::decode("answer", payload)?)),
        Kind::Refused => tell(link, Err(frames::decode("refusal", payload)?)),
        _ => Err(FrameError::Unexpected("frame of the daemon's own kind")),
    }
}

fn tell(link: &Link, outcome: Result<message::Configured, message::Refused>) -> Result<(), FrameError> {
    if link.tell_configured(outcome) { Ok(()) } else { Err(FrameError::Unexpected("second start")) }
}

/// Words are for people: what is longer than a page of them is not kept.
fn cut(mut words: String) -> String {
    words.truncate(beginning(&words, LONGEST_WORDS).len());
    words.shrink_to_fit();
    words
}

fn failure(unapplied: message::Unapplied) -> Failure {
    let index = unapplied.index;
    Failure {
        change: match unapplied.list {
            message::ListName::Create => ChangeId::Create(index),
            message::ListName::Update => ChangeId::Update(index),
            message::ListName::Delete => ChangeId::Delete(index),
        },
        kind: message::error_kind(&unapplied.kind),
        reason: cut(unapplied.reason),
    }
}

fn error(failure: message::Failure) -> BackendError {
    let error = BackendError::new(message::error_kind(&failure.kind), cut(failure.message));
    error.after_ms(failure.retry_after_ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_without_end_are_not_kept() {
        let words = "ü".repeat(LONGEST_WORDS);
        let told = json!({ "list": "create", "index": 3, "kind": "permanent", "reason": words });
        let reason = failure(serde_json::from_value(told).unwrap()).reason;
        let told = json!({ "kind": "retryable", "message": words });
        let message = error(serde_json::from_value(told).unwrap()).message;
        for kept in [reason, message] {
            assert_eq!(kept.len(), LONGEST_WORDS);
            assert!(kept.capacity() < 2 * LONGEST_WORDS, "{}", kept.capacity());
        }
    }
}
