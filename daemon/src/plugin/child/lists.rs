//! What crosses from here to the daemon and back: sinks, sources and reports of one call.
//!
//! All of it runs on the plugin's threads, and answers `false` rather than unwind. Each holds the call's
//! [`Life`], so that its end is the end of all that the plugin still does for the call.

use std::sync::{Arc, Mutex, PoisonError};

use zonemux_plugin::__private::{Lender, Lent};
use zonemux_plugin::ErrorKind;
use zonemux_plugin_abi::{REndpointRef, RFailureRef, RReport, RSink, RSource, RVisitorMut, list};

use super::handoff::Handoff;
use super::wire::Outlet;
use crate::plugin::contain::contain;
use crate::plugin::frames::{CHUNK, FrameError, Kind, LONGEST, Piece, Wanted, columns, message};

/// A call, for as long as anything of the plugin's works for it.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) call: u32,
    pub(super) outlet: Outlet,
    /// The daemon waits no more, but to be told when it ended; and the pieces that it has sent.
    pub(super) handoff: Handoff,
}

impl Life {
    pub(super) fn new(call: u32, outlet: Outlet) -> Arc<Self> {
        Arc::new(Self { call, outlet, handoff: Handoff::new() })
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if self.handoff.is_cancelled() {
            let _told = self.outlet.frame(Kind::Ended, self.call, &[]);
        }
    }
}

/// A list that the plugin fills.
pub(super) struct Sink {
    pub(super) life: Arc<Life>,
    pub(super) endpoints: columns::Writer,
    pub(super) closed: bool,
}

impl Sink {
    pub(super) fn new(life: &Arc<Life>) -> Self {
        Self { life: Arc::clone(life), endpoints: columns::Writer::default(), closed: false }
    }

    fn push(&mut self, endpoint: &REndpointRef<'_>) -> bool {
        self.closed |= self.life.handoff.is_cancelled();
        if self.closed {
            return false;
        }
        self.endpoints.push(&Lent(endpoint));
        if self.endpoints.size() >= CHUNK { self.flush() } else { true }
    }

    fn flush(&mut self) -> bool {
        if self.endpoints.count() > 0 {
            if self.endpoints.size() > LONGEST {
                let error = FrameError::TooLong(self.endpoints.size());
                tell(&self.life, &format!("a record of its list is too large: {error}"));
                self.closed = true;
            } else {
                self.closed |= self.life.outlet.endpoints(self.life.call, &self.endpoints).is_err();
            }
            self.endpoints.clear();
        }
        !self.closed
    }
}

impl RSink for Sink {
    fn push(&mut self, endpoint: &REndpointRef<'_>) -> bool {
        contain(|| Self::push(self, endpoint))
    }

    fn finish(&mut self) -> bool {
        contain(|| {
            let sent = !self.closed
                && self.flush()
                && self.life.outlet.frame(Kind::Complete, self.life.call, &[]).is_ok();
            self.closed = true;
            sent
        })
    }
}

/// Endpoints of the daemon's that the plugin reads, a piece at a time.
pub(super) struct Source {
    pub(super) life: Arc<Life>,
    /// How many there are in each of [`list`].
    pub(super) lengths: [u32; 4],
    pub(super) text_size: u64,
    /// Pieces come for one reader at a time.
    pub(super) reading: Mutex<()>,
}

impl Source {
    pub(super) fn new(life: &Arc<Life>, lengths: [u32; 4], text_size: u64) -> Self {
        Self { life: Arc::clone(life), lengths, text_size, reading: Mutex::default() }
    }

    fn length(&self, list: u32) -> u32 {
        usize::try_from(list).ok().and_then(|list| self.lengths.get(list)).copied().unwrap_or(0)
    }

    fn ask(&self, list: u32, from: u32) -> bool {
        let wanted = Wanted { list, from }.encode();
        self.life.outlet.frame(Kind::Next, self.life.call, &[&wanted]).is_ok()
    }

    fn each(&self, list: u32, visitor: &mut RVisitorMut<'_>) -> bool {
        let length = self.length(list);
        if length == 0 {
            return true;
        }
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lender = Lender::default();
        if !self.ask(list, 0) {
            return false;
        }
        loop {
            let Some(payload) = self.life.handoff.wait() else { return false };
            let Ok((piece, rows)) = Piece::decode(&payload) else { return false };
            let next = piece.wanted.from.saturating_add(piece.count);
            // What is asked for while this one is read is there when it has been.
            if piece.wanted.list != list || (!piece.last && !self.ask(list, next)) {
                return false;
            }
            let Ok(mut rows) = columns::Reader::new(rows) else { return false };
            loop {
                match rows.next() {
                    Ok(Some(row)) if lender.lend(&row, |lent| visitor.visit(lent)) => {}
                    Ok(None) => break,
                    // The piece that was asked for already belongs to nobody.
                    Ok(Some(_)) | Err(_) => {
                        if !piece.last {
                            self.life.handoff.wait();
                        }
                        return false;
                    }
                }
            }
            if piece.last {
                return next == length;
            }
        }
    }
}

impl RSource for Source {
    fn len(&self, list: u32) -> u64 {
        self.length(list).into()
    }

    fn text_size(&self) -> u64 {
        self.text_size
    }

    fn each(&self, list: u32, visitor: &mut RVisitorMut<'_>) -> bool {
        contain(|| Self::each(self, list, visitor))
    }
}

/// What became of single changes.
pub(super) struct Report(pub(super) Arc<Life>);

impl RReport for Report {
    fn failed(&mut self, failure: &RFailureRef<'_>) -> bool {
        contain(|| {
            let list = match failure.list {
                list::CREATE => message::ListName::Create,
                list::UPDATE_NEW => message::ListName::Update,
                list::DELETE => message::ListName::Delete,
                _ => return false,
            };
            let Ok(index) = usize::try_from(failure.index) else { return false };
            let unapplied = message::Unapplied {
                list,
                index,
                kind: ErrorKind::from_code(failure.kind).as_str().to_owned(),
                reason: failure.reason.as_str().to_owned(),
            };
            !self.0.handoff.is_cancelled()
                && self.0.outlet.json(Kind::Unapplied, self.0.call, &unapplied).is_ok()
        })
    }

    fn progress(&mut self, _: u64) -> bool {
        !self.0.handoff.is_cancelled()
    }
}

/// A line of this process's own.
fn tell(life: &Life, words: &str) {
    let log = message::Log {
        level: 1,
        target: "zonemux".into(),
        message: words.into(),
        fields: Vec::new(),
        file: String::new(),
        line: 0,
    };
    let _told = life.outlet.json(Kind::Log, life.call, &log);
}
