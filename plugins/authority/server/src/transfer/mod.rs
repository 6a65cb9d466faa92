//! Zones for secondaries: whole (AXFR, RFC 5936) or what changed (IXFR, RFC 1995).

mod messages;

use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::AsyncWrite;
use zonemux_authority_zones::{Name, Zone};
use zonemux_rdata::{Rtype, is_later};

use crate::message::{Done, Flags, Query, Rcode, Responder, Section};
use crate::metrics::Transfer;
use crate::shared::Shared;
use crate::signed::Signer;
use messages::Messages;
pub(crate) use messages::{frame, send};

/// What a client gets.
enum Wanted {
    Refused(Rcode),
    /// The serial alone: it has all, or asks by UDP.
    Serial(Arc<Zone>),
    Whole(Arc<Zone>),
    /// The steps from a serial on.
    Steps(Arc<Zone>, u32),
}

fn wanted(shared: &Shared, query: &Query<'_>, client: IpAddr, signer: Option<&Signer>) -> Wanted {
    if query.edns.is_some_and(|edns| edns.version > 0) {
        return Wanted::Refused(Rcode::BADVERS);
    }
    if !shared.settings.may_transfer(client, signer.map(Signer::key)) {
        return Wanted::Refused(Rcode::REFUSED);
    }
    // The apex itself, not a name in the zone (RFC 5936, section 2.2.1).
    let zone = Name::from_wire(query.name).and_then(|name| shared.zones.table().get(&name).cloned());
    let Some(zone) = zone else { return Wanted::Refused(Rcode::NOTAUTH) };
    if query.rtype == Rtype::AXFR {
        return Wanted::Whole(zone);
    }
    match query.serial {
        None => Wanted::Refused(Rcode::FORMERR),
        // Also one that is ahead of ours: it keeps what it has (RFC 1995, section 2).
        Some(serial) if serial == zone.serial() || is_later(serial, zone.serial()) => Wanted::Serial(zone),
        Some(serial) if zone.steps_since(serial).is_some() => Wanted::Steps(zone, serial),
        Some(_) => Wanted::Whole(zone),
    }
}

/// Answers by UDP: the serial for IXFR, so that the client sees whether it has to ask by TCP.
pub(crate) fn by_datagram(
    shared: &Shared,
    responder: &mut Responder,
    query: &Query<'_>,
    client: IpAddr,
    signer: Option<&Signer>,
) -> Done {
    match wanted(shared, query, client, signer) {
        Wanted::Refused(rcode) => {
            shared.metrics.transfer(Transfer::Refused);
            responder.refuse(query, client, rcode)
        }
        // There is none by UDP (RFC 5936, section 4.2).
        _ if query.rtype == Rtype::AXFR => responder.refuse(query, client, Rcode::FORMERR),
        Wanted::Serial(zone) | Wanted::Whole(zone) | Wanted::Steps(zone, _) => {
            serial(responder, query, &zone)
        }
    }
}

fn serial(responder: &mut Responder, query: &Query<'_>, zone: &Zone) -> Done {
    let soa = zone.soa();
    let writer = &mut responder.writer;
    writer.begin(query.message, usize::from(u16::MAX));
    writer.question(query.name, query.rtype, query.class);
    writer.rrset(Section::Answer, zone.apex_wire(), Rtype::SOA, soa.ttl(), soa.rdatas());
    writer.finish(Rcode::NOERROR, Flags { authoritative: true, truncated: false });
    Done { rtype: query.rtype, rcode: Rcode::NOERROR, truncated: false }
}

/// Sends a transfer over a stream, message by message as the client takes them.
///
/// # Errors
///
/// When the stream is broken, or the client reads too slowly.
pub(crate) async fn over_stream(
    shared: &Shared,
    responder: &mut Responder,
    query: &Query<'_>,
    client: IpAddr,
    signer: Option<Signer>,
    stream: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<Done> {
    let wanted = wanted(shared, query, client, signer.as_ref());
    let (kind, zone) = match &wanted {
        Wanted::Refused(_) => (Transfer::Refused, None),
        Wanted::Serial(zone) => (Transfer::UpToDate, Some(zone)),
        Wanted::Whole(zone) => (Transfer::Whole, Some(zone)),
        Wanted::Steps(zone, _) => (Transfer::Steps, Some(zone)),
    };
    let mut messages = Messages::new(query, signer, stream, shared.settings.tcp.write);
    let sent = match &wanted {
        Wanted::Refused(rcode) => {
            let done = responder.refuse(query, client, *rcode);
            let sent = messages.send_other(responder.writer.as_slice()).await;
            shared.metrics.transfer(Transfer::Refused);
            return sent.map(|()| done);
        }
        Wanted::Serial(zone) => serial_alone(&mut messages, zone).await,
        Wanted::Whole(zone) => whole(&mut messages, zone).await,
        Wanted::Steps(zone, from) => steps(&mut messages, zone, *from).await,
    };
    shared.metrics.transfer(if sent.is_ok() { kind } else { Transfer::Broken });
    if let Some(zone) = zone {
        let (zone, serial) = (zone.apex(), zone.serial());
        match &sent {
            Ok(()) => tracing::debug!(%zone, serial, %client, kind = ?kind, "zone transferred"),
            Err(error) => tracing::warn!(%zone, serial, %client, %error, "transfer broke off"),
        }
    }
    sent.map(|()| Done { rtype: query.rtype, rcode: Rcode::NOERROR, truncated: false })
}

async fn serial_alone<S: AsyncWrite + Unpin>(
    messages: &mut Messages<'_, S>,
    zone: &Zone,
) -> std::io::Result<()> {
    messages.push(zone.apex_wire(), zone.soa()).await?;
    messages.finish().await
}

/// The SOA, everything else, and the SOA again (RFC 5936, section 2.2).
async fn whole<S: AsyncWrite + Unpin>(messages: &mut Messages<'_, S>, zone: &Zone) -> std::io::Result<()> {
    let mut owner = Vec::with_capacity(255);
    for (name, rrset) in zone.iter() {
        owner.clear();
        name.write_wire(&mut owner);
        messages.push(&owner, rrset).await?;
    }
    messages.push(zone.apex_wire(), zone.soa()).await?;
    messages.finish().await
}

/// Between two of the new SOA, for each step the old SOA, what goes, the new SOA, what comes (RFC 1995, section 4).
async fn steps<S: AsyncWrite + Unpin>(
    messages: &mut Messages<'_, S>,
    zone: &Zone,
    from: u32,
) -> std::io::Result<()> {
    let apex = zone.apex_wire();
    messages.push(apex, zone.soa()).await?;
    for step in zone.steps_since(from).into_iter().flatten() {
        messages.push(apex, &step.old_soa).await?;
        for removed in &step.removed {
            messages.push(&removed.owner, &removed.rrset).await?;
        }
        messages.push(apex, &step.new_soa).await?;
        for added in &step.added {
            messages.push(&added.owner, &added.rrset).await?;
        }
    }
    messages.push(apex, zone.soa()).await?;
    messages.finish().await
}
