//! Attempts with wrong credentials: counted, logged, and answered ever later.
//!
//! Only the answer to a wrong attempt waits. A right one is never asked for here, so that nobody's
//! guesses can slow or shut out who has the password.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::accept::Peer;
use super::auth::Refused;
use crate::telemetry::log_limit::LogLimit;
use crate::telemetry::metrics;

/// The wait after a first wrong attempt; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Below a call's deadline as long as nobody shortens that.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A client that has not failed for so long begins anew.
const FORGET: Duration = Duration::from_secs(15 * 60);
/// The most clients that are remembered; beyond, the one that has failed longest ago is forgotten.
const REMEMBERED: usize = 1024;
/// The most answers that wait at a time. Each holds a connection, of which others need some.
const WAITING: usize = 64;

/// The failed attempts of all views.
#[derive(Debug)]
pub(super) struct Attempts {
    failures: Mutex<HashMap<(String, Client), Failures>>,
    waiting: Semaphore,
    log: LogLimit,
}

/// Whose attempts are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    Ipv4([u8; 4]),
    /// The network: a host has 2^64 addresses in it.
    Ipv6([u16; 4]),
    Unix(u32),
}

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Client {
    fn of(peer: &Peer) -> Self {
        match peer {
            Peer::Tcp(address) => match address.ip().to_canonical() {
                IpAddr::V4(address) => Self::Ipv4(address.octets()),
                IpAddr::V6(address) => {
                    let [a, b, c, d, ..] = address.segments();
                    Self::Ipv6([a, b, c, d])
                }
            },
            Peer::Unix { uid, .. } => Self::Unix(*uid),
        }
    }
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self { failures: Mutex::default(), waiting: Semaphore::new(WAITING), log: LogLimit::new() }
    }

    /// Counts and logs an attempt, and returns when it may be answered: at `deadline` at the latest.
    pub(super) async fn failed(&self, view: &str, peer: &Peer, refused: &Refused, deadline: Instant) {
        metrics::auth_failure(view);
        if let Some(suppressed) = self.log.line() {
            let (reason, user) = (refused.reason(), refused.user());
            tracing::warn!(view, %peer, user, reason, suppressed, "authentication failed");
        }
        // Who sends no credentials guesses nothing.
        if *refused == Refused::Missing {
            return;
        }
        let wait = self.wait(view, peer);
        // Where too many wait, the rest is answered at once.
        let Ok(_permit) = self.waiting.try_acquire() else { return };
        tokio::time::sleep_until((Instant::now() + wait).min(deadline)).await;
    }

    /// Counts one more failure of a client, and says how long its answer waits.
    fn wait(&self, view: &str, peer: &Peer) -> Duration {
        let now = Instant::now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (view.to_owned(), Client::of(peer));
        if failures.len() >= REMEMBERED && !failures.contains_key(&key) {
            let longest_ago = failures.iter().min_by_key(|(_, own)| own.last).map(|(key, _)| key.clone());
            longest_ago.and_then(|key| failures.remove(&key));
        }
        let own = failures.entry(key).or_insert(Failures { count: 0, last: now });
        if now.duration_since(own.last) >= FORGET {
            own.count = 0;
        }
        own.last = now;
        own.count = own.count.saturating_add(1);
        FIRST_WAIT.saturating_mul(1 << (own.count - 1).min(20)).min(LONGEST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::Tcp(address.parse().unwrap())
    }

    fn wrong() -> Refused {
        Refused::Wrong { user: "u".to_owned() }
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(12)
    }

    async fn time_of(attempts: &Attempts, view: &str, from: &str) -> Duration {
        let start = Instant::now();
        attempts.failed(view, &peer(from), &wrong(), later()).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_of_a_client_waits_twice_as_long_up_to_a_limit() {
        let attempts = Attempts::new();
        let mut waits = Vec::new();
        for port in 1..=8 {
            waits.push(time_of(&attempts, "a", &format!("192.0.2.1:{port}")).await.as_millis());
        }
        // The timer's clock has milliseconds, and rounds up.
        let expected = [100, 200, 400, 800, 1600, 3200, 5000, 5000];
        for (wait, expected) in waits.into_iter().zip(expected) {
            assert!((expected..=expected + 2).contains(&wait), "{wait} for {expected}");
        }
        for (view, from) in [("b", "192.0.2.1:1"), ("a", "192.0.2.2:1"), ("a", "[2001:db8::1]:1")] {
            assert!(time_of(&attempts, view, from).await < Duration::from_millis(103), "{view} {from}");
        }
        let of_one_network = time_of(&attempts, "a", "[2001:db8::2:2]:1").await;
        assert!(of_one_network >= Duration::from_millis(200));
        tokio::time::advance(FORGET).await;
        assert!(time_of(&attempts, "a", "192.0.2.1:1").await < Duration::from_millis(103));
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_waits_beyond_its_deadline() {
        let attempts = Attempts::new();
        for _ in 0..8 {
            attempts.wait("a", &peer("192.0.2.1:1"));
        }
        let start = Instant::now();
        let deadline = start + Duration::from_millis(50);
        attempts.failed("a", &peer("192.0.2.1:1"), &wrong(), deadline).await;
        assert!(start.elapsed() < Duration::from_millis(60));
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_wait_and_the_rest_is_answered_at_once() {
        let attempts = Arc::new(Attempts::new());
        let start = Instant::now();
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..2 * WAITING {
            let attempts = Arc::clone(&attempts);
            let from = peer(&format!("192.0.2.{}:1", number % 250));
            waiting.spawn(async move {
                attempts.failed("a", &from, &wrong(), later()).await;
                start.elapsed()
            });
        }
        let times = waiting.join_all().await;
        assert_eq!(times.iter().filter(|time| **time >= FIRST_WAIT).count(), WAITING);
        assert_eq!(times.iter().filter(|time| time.is_zero()).count(), WAITING);
        assert_eq!(attempts.waiting.available_permits(), WAITING);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_without_credentials_does_not_wait() {
        let attempts = Attempts::new();
        let start = Instant::now();
        for _ in 0..100 {
            attempts.failed("a", &peer("192.0.2.1:1"), &Refused::Missing, later()).await;
        }
        assert!(start.elapsed().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_clients_are_remembered() {
        let attempts = Attempts::new();
        for number in 0..2_000_u32 {
            tokio::time::advance(Duration::from_millis(1)).await;
            attempts.wait("a", &Peer::Unix { pid: None, uid: number, gid: 0, plugin: None });
        }
        let failures = attempts.failures.lock().unwrap();
        assert_eq!(failures.len(), REMEMBERED);
        assert!(failures.contains_key(&("a".to_owned(), Client::Unix(1_999))));
        assert!(!failures.contains_key(&("a".to_owned(), Client::Unix(0))));
    }
}
