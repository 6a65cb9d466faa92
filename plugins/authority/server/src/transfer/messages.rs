//! The messages of a transfer: as many records in each as fit.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use zonemux_authority_zones::Rrset;

use crate::message::{Flags, Query, Rcode, Writer};
use crate::signed::{Signer, room_for};

/// Octets of a message. Names can be pointed to in the first sixteen thousand alone, and a signature is made for each.
const SIZE: usize = 32 * 1024;
/// Names that others may point to.
const NAMES: usize = 4096;

/// Messages that are sent one after the other, so that never more than one is in memory.
pub(super) struct Messages<'a, S> {
    query: &'a Query<'a>,
    signer: Option<Signer>,
    stream: &'a mut S,
    patience: Duration,
    writer: Writer,
    /// The length of a message without records.
    empty: usize,
    /// What is sent: the length, then the message.
    frame: Vec<u8>,
}

impl<'a, S: AsyncWrite + Unpin> Messages<'a, S> {
    pub(super) fn new(
        query: &'a Query<'a>,
        signer: Option<Signer>,
        stream: &'a mut S,
        patience: Duration,
    ) -> Self {
        let mut messages =
            Self { query, signer, stream, patience, writer: Writer::new(NAMES), empty: 0, frame: Vec::new() };
        messages.begin(SIZE);
        messages
    }

    fn begin(&mut self, size: usize) {
        let signature = self.signer.as_ref().map_or(0, |signer| room_for(signer.key()));
        self.writer.begin(self.query.message, size - signature);
        // In each: some clients look at it in all (RFC 5936, section 2.2.1).
        self.writer.question(self.query.name, self.query.rtype, self.query.class);
        self.empty = self.writer.len();
    }

    /// Adds the records of an RRset.
    pub(super) async fn push(&mut self, owner: &[u8], rrset: &Rrset) -> io::Result<()> {
        let mut written = 0;
        loop {
            written = self.writer.records(owner, rrset, written);
            if written == rrset.len() {
                return Ok(());
            }
            if self.writer.len() > self.empty {
                self.flush().await?;
                self.begin(SIZE);
                continue;
            }
            // One record may be larger than what messages have otherwise.
            self.begin(usize::from(u16::MAX));
            let before = written;
            written = self.writer.records(owner, rrset, before);
            if written == before {
                return Err(io::Error::other("a record is too large for a message"));
            }
        }
    }

    /// Sends what is left.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        self.flush().await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.writer.finish(Rcode::NOERROR, Flags { authoritative: true, truncated: false });
        if let Some(signer) = &mut self.signer {
            signer.sign(self.writer.buffer_mut());
        }
        frame(&mut self.frame, self.writer.as_slice())?;
        send(self.stream, &self.frame, self.patience).await
    }

    /// Sends a message of somebody else's making.
    pub(super) async fn send_other(&mut self, message: &[u8]) -> io::Result<()> {
        let mut message = message.to_vec();
        if let Some(signer) = &mut self.signer {
            signer.sign(&mut message);
        }
        frame(&mut self.frame, &message)?;
        send(self.stream, &self.frame, self.patience).await
    }
}

/// A message as it goes over a stream (RFC 1035, section 4.2.2).
pub(crate) fn frame(to: &mut Vec<u8>, message: &[u8]) -> io::Result<()> {
    let length =
        u16::try_from(message.len()).map_err(|_| io::Error::other("a message of more than 65535 octets"))?;
    to.clear();
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(message);
    Ok(())
}

/// Writes all of it; whoever does not read for too long is cut off.
pub(crate) async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    mut octets: &[u8],
    patience: Duration,
) -> io::Result<()> {
    while !octets.is_empty() {
        let written =
            timeout(patience, stream.write(octets)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        octets = &octets[written..];
    }
    Ok(())
}
