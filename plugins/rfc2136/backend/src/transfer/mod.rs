//! Zone transfers: whole (AXFR, RFC 5936) or what changed (IXFR, RFC 1995).

mod machine;

use std::time::Instant;

use zonemux_rdata::Rtype;

use crate::connection::Remote;
use crate::failure::Failure;
use crate::message::{Class, Rcode, Writer, records};
use crate::store::Store;
use machine::{Machine, Step};
pub(crate) use machine::{is_kept, serial};

/// A zone's records as a server had them at one serial.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) store: Store,
    pub(crate) serial: u32,
    /// The position of the server among those of the settings: another one counts on its own.
    pub(crate) server: usize,
    /// When it was transferred whole.
    pub(crate) whole: Instant,
}

/// What was asked for, and how it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All records.
    Whole,
    /// What changed.
    Steps,
    /// Nothing had changed.
    Nothing,
}

/// Transfers a zone: all of it, or what changed since an earlier copy. Where it fails, that copy is gone: it may
/// be half changed.
pub(crate) async fn transfer(
    remote: &Remote,
    apex: &[u8],
    earlier: Option<Copy>,
) -> Result<(Copy, Kind), Failure> {
    let rtype = if earlier.is_some() { Rtype::IXFR } else { Rtype::AXFR };
    let mut question = Writer::query(apex, rtype, Class::In);
    if let Some(earlier) = &earlier {
        question.change(apex, Rtype::SOA, Class::In, 0, &soa(earlier.serial));
    }
    let mut transfer = remote.transfer(&question.finish()).await?;
    let server = transfer.server;
    let wrong = |reason: String| Failure::Lost(remote.place(server).clone(), reason);
    if earlier.as_ref().is_some_and(|earlier| earlier.server != server) {
        return Err(wrong(
            "another server than the one of the copy has answered, and counts on its own".into(),
        ));
    }
    let whole = earlier.as_ref().map(|earlier| earlier.whole);
    let mut machine = Machine::new(apex, earlier.map(|earlier| (earlier.store, earlier.serial)));
    let mut message = Vec::new();
    loop {
        let rcode = transfer.next(&mut message).await?;
        if rcode != Rcode::NOERROR {
            return Err(transfer.refusal(rcode));
        }
        let mut all =
            records(&message).ok_or_else(|| wrong("a message of the transfer can't be read".into()))?;
        if all.answers == 0 {
            return Err(wrong("a message of the transfer has no records".into()));
        }
        let mut is_done = false;
        for _ in 0..all.answers {
            let record = all.next().flatten();
            let record = record.ok_or_else(|| wrong("a record of the transfer can't be read".into()))?;
            if is_done {
                return Err(wrong("the transfer has records behind its end".into()));
            }
            is_done = machine.record(&record).map_err(&wrong)? == Step::Done;
        }
        // A zone that has nothing new says so in one record; else there would be more.
        if is_done || machine.is_unchanged() {
            break;
        }
        machine.check_serial().map_err(&wrong)?;
    }
    transfer.finish()?;
    let (store, serial, kind) = machine.finish().map_err(wrong)?;
    let whole = whole.filter(|_| kind != Kind::Whole).unwrap_or_else(Instant::now);
    Ok((Copy { store, serial, server, whole }, kind))
}

/// Asks for what changed since the present serial, which is nothing: shows that transfers are allowed.
pub(crate) async fn may_transfer(remote: &Remote, apex: &[u8], serial: u32) -> Result<(), Failure> {
    let mut question = Writer::query(apex, Rtype::IXFR, Class::In);
    question.change(apex, Rtype::SOA, Class::In, 0, &soa(serial));
    let mut transfer = remote.transfer(&question.finish()).await?;
    let mut message = Vec::new();
    match transfer.next(&mut message).await? {
        // Whether more comes or not. Servers without IXFR send the zone, which is not waited for.
        Rcode::NOERROR | Rcode::NOTIMP | Rcode::FORMERR => Ok(()),
        rcode => Err(transfer.refusal(rcode)),
    }
}

/// The RDATA of an SOA of which only the serial counts (RFC 1995, section 3).
fn soa(serial: u32) -> Vec<u8> {
    [&[0, 0][..], &serial.to_be_bytes(), &[0; 16]].concat()
}
