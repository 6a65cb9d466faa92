//! What is counted, and passed on to the daemon once a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use zonemux_plugin::Host;
use zonemux_rdata::Rtype;

use crate::message::{Done, Rcode, Transport};

const PERIOD: Duration = Duration::from_secs(1);

const TRANSPORTS: [(Transport, &str); 2] = [(Transport::Udp, "udp"), (Transport::Tcp, "tcp")];
/// Types that are counted under their own name; a label's values must stay few.
const TYPES: [(u16, &str); 21] = [
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (39, "DNAME"),
    (43, "DS"),
    (48, "DNSKEY"),
    (52, "TLSA"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (257, "CAA"),
    (0, "other"),
];
const RCODES: [Rcode; 11] = [
    Rcode::NOERROR,
    Rcode::FORMERR,
    Rcode::SERVFAIL,
    Rcode::NXDOMAIN,
    Rcode::NOTIMP,
    Rcode::REFUSED,
    Rcode::YXDOMAIN,
    Rcode::NOTAUTH,
    Rcode::BADVERS,
    Rcode::BADCOOKIE,
    Rcode(u16::MAX),
];

/// What is transferred, and how that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    Whole,
    Steps,
    UpToDate,
    Refused,
    Broken,
}

const TRANSFERS: [(Transfer, &str, &str); 5] = [
    (Transfer::Whole, "axfr", "done"),
    (Transfer::Steps, "ixfr", "done"),
    (Transfer::UpToDate, "ixfr", "up_to_date"),
    (Transfer::Refused, "any", "refused"),
    (Transfer::Broken, "any", "broken"),
];

/// A counter, and how much of it was passed on.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Counter {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// All counters of a server.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// By transport, type and response code.
    queries: Box<[Counter]>,
    truncated: Counter,
    limited: Counter,
    transfers: [Counter; TRANSFERS.len()],
}

impl Default for Metrics {
    fn default() -> Self {
        let queries =
            (0..TRANSPORTS.len() * TYPES.len() * RCODES.len()).map(|_| Counter::default()).collect();
        Self {
            queries,
            truncated: Counter::default(),
            limited: Counter::default(),
            transfers: Default::default(),
        }
    }
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn answered(&self, transport: Transport, done: Done) {
        let rtype =
            TYPES.iter().position(|(rtype, _)| Rtype(*rtype) == done.rtype).unwrap_or(TYPES.len() - 1);
        let rcode = RCODES.iter().position(|rcode| *rcode == done.rcode).unwrap_or(RCODES.len() - 1);
        let transport = usize::from(transport == Transport::Tcp);
        self.queries[(transport * TYPES.len() + rtype) * RCODES.len() + rcode].add();
        if done.truncated {
            self.truncated.add();
        }
    }

    /// Counts an answer that was held back.
    pub(crate) fn limited(&self) {
        self.limited.add();
    }

    /// Counts a transfer.
    pub(crate) fn transfer(&self, transfer: Transfer) {
        self.transfers[transfer as usize].add();
    }

    fn pass_on(&self, host: &Host) {
        let count = |name: &str, labels: &[(&str, &str)], counter: &Counter| match counter.take() {
            0 => {}
            more => host.count(name, labels, more),
        };
        let labels = TRANSPORTS.iter().flat_map(|(_, transport)| {
            TYPES.iter().flat_map(move |(_, rtype)| {
                RCODES.iter().map(move |rcode| (*transport, *rtype, rcode.name()))
            })
        });
        for ((transport, rtype, rcode), counter) in labels.zip(&self.queries) {
            let labels = [("transport", transport), ("type", rtype), ("rcode", rcode)];
            count("dns_queries_total", &labels, counter);
        }
        count("dns_truncated_total", &[], &self.truncated);
        count("dns_rate_limited_total", &[], &self.limited);
        for ((_, kind, outcome), counter) in TRANSFERS.iter().zip(&self.transfers) {
            count("dns_transfers_total", &[("kind", *kind), ("outcome", *outcome)], counter);
        }
    }

    /// Passes on what was counted, for ever.
    pub(crate) async fn report(&self, host: &Host, connections: impl Fn() -> usize) {
        let mut ticks = tokio::time::interval(PERIOD);
        let mut shown = None;
        loop {
            ticks.tick().await;
            self.pass_on(host);
            let now = connections();
            if shown.replace(now) != Some(now) {
                #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
                host.gauge("dns_tcp_connections", &[], now as f64);
            }
        }
    }
}
