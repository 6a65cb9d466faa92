//! A transfer that is under way: many messages for one.

use zonemux_plugin::Result;

use super::remote::Remote;
use super::stream::Connection;
use crate::clock::now;
use crate::failure::{Asked, Failure};
use crate::message::{Rcode, header};
use crate::tsig::Check;

/// A transfer that is under way: message after message.
pub(crate) struct Transfer<'r> {
    remote: &'r Remote,
    connection: Connection,
    check: Option<Check<'r>>,
    id: [u8; 2],
    is_first: bool,
    is_signed: bool,
    pub(crate) server: usize,
}

impl<'r> Transfer<'r> {
    /// `id` is that of the message by which it was asked for.
    pub(super) fn new(
        remote: &'r Remote,
        connection: Connection,
        check: Option<Check<'r>>,
        id: [u8; 2],
    ) -> Self {
        let server = connection.server;
        Self { remote, connection, check, id, is_first: true, is_signed: false, server }
    }

    fn lost(&self, reason: impl Into<String>) -> Failure {
        Failure::Lost(self.remote.place(self.server).clone(), reason.into())
    }

    /// The next message, and what it says of the whole.
    pub(crate) async fn next(&mut self, message: &mut Vec<u8>) -> Result<Rcode, Failure> {
        if let Err(error) = self.connection.receive(message).await {
            self.remote.avoid(self.server);
            return Err(self.lost(format!("the transfer broke off: {error}")));
        }
        let Some(read) = header(message) else {
            return Err(self.lost("a message of the transfer is too short"));
        };
        if message[..2] != self.id || !read.is_answer || read.opcode != 0 {
            return Err(self.lost("a message of the transfer belongs to something else"));
        }
        if let Some(check) = &mut self.check {
            let signed = if self.is_first {
                Remote::signed(&read, message, check)
            } else {
                check.message(message, now()).map(|()| true)
            };
            self.is_signed =
                signed.map_err(|error| Failure::Tsig(self.remote.place(self.server).clone(), error))?;
        }
        self.is_first = false;
        Ok(read.rcode)
    }

    /// The failure of a transfer that the server refuses.
    pub(crate) fn refusal(&self, rcode: Rcode) -> Failure {
        self.remote.refused(self.server, rcode, Asked::Transfer, self.is_signed)
    }

    /// Says that the last message has come; the connection may be used again.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if let Some(check) = &self.check {
            check.finish().map_err(|error| Failure::Tsig(self.remote.place(self.server).clone(), error))?;
        }
        self.remote.keep(self.connection);
        Ok(())
    }
}
