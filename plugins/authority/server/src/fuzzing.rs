//! What fuzz targets call.

use std::sync::Arc;

use zonemux_authority_zones::{Name, Origin, Rrset, Soa, Zone, Zones};
use zonemux_rdata::Rtype;

use crate::cookies::Cookies;
use crate::message::{Outcome, Responder, Transport};
use crate::settings::{MAX_UDP, ServerSettings};
use crate::signed;

/// Answers a made-up message as one that came by UDP and as one that came by TCP.
///
/// # Panics
///
/// When an answer is none, or larger than it may be.
pub fn request(message: &[u8]) {
    let zones = Zones::new();
    zones.publish(zone());
    let settings = ServerSettings { identity: Some("fuzzed".into()), ..ServerSettings::default() };
    let keys = signed::keys(&settings);
    let mut responder = Responder::new(Arc::new(settings), Cookies::new(), true);
    let client = ([192, 0, 2, 1], 53).into();
    for (transport, most) in [(Transport::Udp, usize::from(MAX_UDP)), (Transport::Tcp, usize::from(u16::MAX))]
    {
        match responder.respond(message, client, transport, &zones.table()) {
            Outcome::Answer(_) => {
                let answer = responder.writer.as_slice();
                assert!(answer.len() <= most && answer.len() >= 12, "{} octets", answer.len());
                assert_eq!(answer[..2], message[..2], "the number of the request");
                assert!(answer[2] & 0x80 != 0, "an answer says that it is one");
            }
            Outcome::Signed(_) => {
                assert!(signed::check(&keys, message).is_err(), "there is no key");
            }
            Outcome::Silence | Outcome::Limited | Outcome::Transfer(_) => {}
        }
    }
}

/// A zone `example` with a name, an alias, a wildcard and a delegation.
fn zone() -> Option<Arc<Zone>> {
    let name = b"\x02ns\x07example\0".to_vec();
    let soa =
        Soa { mname: name.clone(), rname: name.clone(), refresh: 1, retry: 1, expire: 1, minimum: 1, ttl: 1 };
    let mut draft = Arc::new(Zone::new(Name::from_wire(b"\x07example\0")?, &soa, 1)).draft();
    let address = vec![192, 0, 2, 1];
    let records: [(&[u8], Rtype, Vec<u8>); 5] = [
        (b"\x07example\0", Rtype::NS, name.clone()),
        (b"\x02ns\x07example\0", Rtype::A, address.clone()),
        (b"\x01a\x07example\0", Rtype::CNAME, name.clone()),
        (b"\x01*\x07example\0", Rtype::A, address),
        (b"\x01d\x07example\0", Rtype::NS, name),
    ];
    for (owner, rtype, rdata) in records {
        let rrset = Rrset::new(rtype, 1, Origin::Managed, [rdata], b"").ok()?;
        draft.put(&Name::from_wire(owner)?, &rrset);
    }
    Some(draft.finish(&soa, 2)?.zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_answers_and_made_up_messages_do_no_harm() {
        assert!(zone().is_some());
        let mut message = vec![1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(b"\x01x\x07example\0\0\x01\0\x01");
        for length in 0..=message.len() {
            request(&message[..length]);
        }
        for at in 0..message.len() {
            for octet in 0..=255 {
                let mut changed = message.clone();
                changed[at] = octet;
                request(&changed);
            }
        }
    }
}
