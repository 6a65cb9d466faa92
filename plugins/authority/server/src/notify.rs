//! Tells secondaries of changes (NOTIFY, RFC 1996), until each has said that it heard.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::base::Message;
use domain::rdata::tsig::Time48;
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout, timeout_at};
use zonemux_authority_zones::{Name, Zone};
use zonemux_plugin::Host;
use zonemux_rdata::Rtype;

use crate::message::{Flags, HEADER, IN, Rcode, Section, Writer};
use crate::settings::Secondary;
use crate::shared::Shared;
use crate::signed;

/// For how long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pause after a try that failed, and the longest after many (RFC 1996, section 3.6, has 60 s and five tries; a
/// secondary that was down for an hour is told all the same).
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Changes within so long are told of once.
const COALESCE: Duration = Duration::from_millis(100);
/// Notifications that wait for an answer at the same time, of one secondary.
const AT_ONCE: usize = 16;

/// What a secondary was told of one zone.
#[derive(Debug, Default)]
struct Told {
    serial: Option<u32>,
    /// Tries that failed since.
    failures: u32,
    /// Before that it is not tried again.
    not_before: Option<Instant>,
}

/// Tells one secondary of every change, for ever.
pub(crate) async fn keep_told(secondary: Secondary, shared: Arc<Shared>, host: Host) {
    let address = secondary.address.to_string();
    let labels = [("secondary", address.as_str())];
    let mut changes = shared.zones.subscribe();
    let mut told: HashMap<Name, Told> = HashMap::new();
    loop {
        changes.mark_unchanged();
        let (pending, waiting, next) = pending(&shared, &mut told);
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        host.gauge("dns_notify_pending", &labels, waiting as f64);
        if pending.is_empty() {
            let again = async { tokio::time::sleep_until(next.unwrap_or_else(far_ahead)).await };
            tokio::select! {
                // The sender lives as long as `shared`.
                _alive = changes.changed() => tokio::time::sleep(COALESCE).await,
                () = again => {}
            }
            continue;
        }
        let results = stream::iter(pending)
            .map(|zone| {
                let secondary = &secondary;
                async move { (tell(secondary, &zone).await, zone) }
            })
            .buffer_unordered(AT_ONCE);
        let results: Vec<_> = results.collect().await;
        for (result, zone) in results {
            let outcome = if result.is_ok() { "acknowledged" } else { "failed" };
            host.count("dns_notify_total", &[labels[0], ("outcome", outcome)], 1);
            let told = told.entry(zone.apex().clone()).or_default();
            match result {
                Ok(()) => *told = Told { serial: Some(zone.serial()), ..Told::default() },
                Err(error) => {
                    told.failures += 1;
                    told.not_before = Some(Instant::now() + pause(told.failures));
                    // Once, and again when it has been so for long.
                    if matches!(told.failures, 1 | 10) {
                        let (zone, tries) = (zone.apex(), told.failures);
                        tracing::warn!(secondary = %address, %zone, %error, tries, "secondary was not told of a change");
                    }
                }
            }
        }
    }
}

fn far_ahead() -> Instant {
    Instant::now() + LONGEST_PAUSE
}

fn pause(failures: u32) -> Duration {
    let pause = PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    // Not all secondaries at the same moment.
    pause.mul_f64(0.8 + 0.4 * fastrand::f64())
}

/// The zones that it is to be told of now, how many there are with those that have to wait, and when the next of those
/// comes; forgets those that are gone.
fn pending(shared: &Shared, told: &mut HashMap<Name, Told>) -> (Vec<Arc<Zone>>, usize, Option<Instant>) {
    let (table, now) = (shared.zones.table(), Instant::now());
    told.retain(|apex, _| table.get(apex).is_some());
    let (mut pending, mut waiting, mut next) = (Vec::new(), 0, None);
    for zone in table.iter() {
        let told = told.entry(zone.apex().clone()).or_default();
        if told.serial == Some(zone.serial()) {
            continue;
        }
        waiting += 1;
        match told.not_before.filter(|not_before| *not_before > now) {
            Some(later) => next = Some(next.map_or(later, |next: Instant| next.min(later))),
            None => pending.push(Arc::clone(zone)),
        }
    }
    (pending, waiting, next)
}

/// Sends one notification and waits for its answer.
async fn tell(secondary: &Secondary, zone: &Zone) -> io::Result<()> {
    let any: IpAddr = match secondary.address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(secondary.address).await?;
    let id = fastrand::u16(..);
    let mut message = notification(id, zone);
    let transaction = match &secondary.key {
        Some(key) => Some(
            signed::request(key, &mut message).ok_or_else(|| io::Error::other("it could not be signed"))?,
        ),
        None => None,
    };
    timeout(PATIENCE, socket.send(&message)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let end = Instant::now() + PATIENCE;
    let mut buffer = vec![0; 4096];
    loop {
        let received = timeout_at(end, socket.recv(&mut buffer)).await;
        let length = received.map_err(|_| io::Error::other("no answer"))??;
        // Of another question, or of nobody: the right one may still come.
        let Some(rcode) = acknowledged(&buffer[..length], id) else { continue };
        if let Some(transaction) = &transaction {
            let mut answer = Message::from_octets(buffer[..length].to_vec()).map_err(io::Error::other)?;
            transaction.answer(&mut answer, Time48::now()).map_err(io::Error::other)?;
        }
        return match rcode {
            0 => Ok(()),
            _ => Err(io::Error::other(format!("it answered with response code {rcode}"))),
        };
    }
}

/// A NOTIFY with the present SOA (RFC 1996, section 3.7).
fn notification(id: u16, zone: &Zone) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    let mut request = [0; HEADER];
    (request[0], request[1], request[2]) = (high, low, 4 << 3);
    let mut writer = Writer::new(16);
    writer.begin(&request, usize::from(u16::MAX));
    writer.question(zone.apex_wire(), Rtype::SOA, IN);
    let soa = zone.soa();
    writer.rrset(Section::Answer, zone.apex_wire(), Rtype::SOA, soa.ttl(), soa.rdatas());
    writer.finish(Rcode::NOERROR, Flags { authoritative: true, truncated: false });
    let mut message = writer.as_slice().to_vec();
    // A request, not an answer.
    message[2] &= 0x7f;
    message
}

/// The response code of an answer to the notification of that number.
fn acknowledged(answer: &[u8], id: u16) -> Option<u8> {
    let header = answer.first_chunk::<HEADER>()?;
    let is_ours = header[..2] == id.to_be_bytes() && header[2] & 0xf8 == 0x80 | 4 << 3;
    is_ours.then_some(header[3] & 0xf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        assert!((800..=1200).contains(&pause(1).as_millis()));
        assert!(pause(5) > pause(1));
        assert!(pause(40) <= LONGEST_PAUSE.mul_f64(1.2));
    }

    #[test]
    fn only_the_answer_to_it_acknowledges_a_notification() {
        let mut answer = vec![1, 2, 0xa4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(acknowledged(&answer, 0x0102), Some(0));
        assert_eq!(acknowledged(&answer, 0x0103), None);
        answer[3] = 5;
        assert_eq!(acknowledged(&answer, 0x0102), Some(5));
        answer[2] = 0x24;
        assert_eq!(acknowledged(&answer, 0x0102), None, "a request");
        assert_eq!(acknowledged(&answer[..11], 0x0102), None);
    }
}
