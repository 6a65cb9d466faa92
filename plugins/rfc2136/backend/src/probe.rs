//! Whether servers answer, and what they allow, found out without changing anything.

use futures_util::stream::{self, StreamExt as _};
use zonemux_plugin::{Error, Result};
use zonemux_rdata::{Rtype, decode};

use crate::backend::AT_ONCE;
use crate::connection::Purpose;
use crate::failure::{Asked, Failure};
use crate::message::{Class, Writer, records};
use crate::opening::Site;
use crate::transfer::may_transfer;
use crate::zone::Zone;

/// `version.server.`, and where BIND had it first (RFC 4892).
const VERSION: [&[u8]; 2] = [b"\x07version\x04bind\0", b"\x07version\x06server\0"];

/// The first label of a name that is never made.
const PROBED: &[u8] = b"\x0e_zonemux-probe";

/// What a server allows of a zone.
struct Found {
    serial: u32,
    server: String,
    version: String,
    transfer: Result<(), Failure>,
    update: Result<(), Failure>,
}

/// Asks for each zone; an error where one is out of reach.
pub(crate) async fn open(site: &Site) -> Result<()> {
    each(site, false).await
}

/// Asks for each zone; an error where one is out of reach, or transfers or updates are refused.
pub(crate) async fn check(site: &Site) -> Result<()> {
    each(site, true).await
}

async fn each(site: &Site, is_strict: bool) -> Result<()> {
    let zones = &site.zones;
    let found =
        stream::iter(0..zones.len()).map(|index| async move { (&zones[index], ask(&zones[index]).await) });
    let mut found = found.buffered(AT_ONCE);
    let mut faults: Vec<Error> = Vec::new();
    while let Some((zone, found)) = found.next().await {
        let found = match found {
            Ok(found) => found,
            Err(failure) => {
                faults.push(zone.error(&failure));
                continue;
            }
        };
        let allowed = |result: &Result<(), Failure>| if result.is_ok() { "allowed" } else { "refused" };
        let (transfer, update) = (allowed(&found.transfer), allowed(&found.update));
        let Found { serial, server, version, .. } = &found;
        tracing::info!(zone = zone.name, server, version, serial, transfer, update, "zone found");
        for failure in [found.transfer, found.update].into_iter().filter_map(Result::err) {
            let error = zone.error(&failure);
            if is_strict {
                faults.push(error);
            } else {
                tracing::warn!(zone = zone.name, %error, "the server does not allow all that zonemux does");
            }
        }
    }
    match faults.len() {
        0 => Ok(()),
        1 => Err(faults.remove(0)),
        _ => {
            let messages: Vec<&str> = faults.iter().map(Error::message).collect();
            Err(Error::new(faults[0].kind(), messages.join("\n")))
        }
    }
}

async fn ask(zone: &Zone) -> Result<Found, Failure> {
    let (serial, server) = zone.serial().await?;
    let version = zone.remote.version.get_or_init(|| version(zone)).await.clone();
    let transfer = may_transfer(&zone.remote, &zone.apex, serial).await;
    let update = may_update(zone).await;
    Ok(Found { serial, server: zone.remote.place(server).to_string(), version, transfer, update })
}

/// An update that changes nothing, since its condition, that the zone has no SOA, never holds. BIND says of an update
/// that only has conditions that it is allowed, whatever the key may do; of this one it looks at the rights first.
pub(crate) async fn may_update(zone: &Zone) -> Result<(), Failure> {
    let mut update = Writer::update(&zone.apex);
    update.prerequisite(&zone.apex, Rtype::SOA, Class::None, b"");
    let name = [PROBED, &zone.apex].concat();
    update.change(&name, Rtype::TXT, Class::In, 0, b"\x05probe");
    let answer = zone.remote.ask(&update.finish(), Purpose::Update).await?;
    if answer.rcode.is_prerequisite() { Ok(()) } else { Err(zone.remote.refusal(&answer, Asked::Update)) }
}

/// What a server says that it is; many don't.
async fn version(zone: &Zone) -> String {
    for name in VERSION {
        let question = Writer::query(name, Rtype::TXT, Class::Chaos).finish();
        let Ok(answer) = zone.remote.ask(&question, Purpose::Question).await else { continue };
        let Some(all) = records(&answer.message) else { continue };
        let answers = all.answers;
        let text = all.take(answers).flatten().find(|record| record.rtype == Rtype::TXT);
        if let Some(text) = text {
            return decode(Rtype::TXT, text.raw_rdata()).trim_matches('"').to_owned();
        }
    }
    "not told".to_owned()
}
