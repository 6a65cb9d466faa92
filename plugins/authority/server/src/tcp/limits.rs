//! How many connections there are, in all and from one network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::settings::{TcpLimits, network};

/// The shortest time that a connection may say nothing, however many there are.
const SHORTEST: Duration = Duration::from_secs(1);

/// The connections of a server.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: TcpLimits,
    count: AtomicUsize,
    by_network: Mutex<HashMap<u64, usize>>,
    transfers: Semaphore,
    /// Those of one client, so that one that reads slowly leaves turns to others.
    transfers_by_client: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

/// A turn to transfer a zone; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    _of_client: OwnedSemaphorePermit,
    _of_all: SemaphorePermit<'a>,
}

/// A connection's place; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    connections: Arc<Connections>,
    network: u64,
}

impl Connections {
    pub(crate) fn new(limits: TcpLimits) -> Arc<Self> {
        let transfers = Semaphore::new(limits.transfers);
        Arc::new(Self {
            limits,
            count: AtomicUsize::new(0),
            by_network: Mutex::default(),
            transfers,
            transfers_by_client: Mutex::default(),
        })
    }

    /// A place for one more, unless there are too many. Our secondaries always have one.
    pub(crate) fn take(self: &Arc<Self>, client: IpAddr, is_secondary: bool) -> Option<Slot> {
        let network = network(client);
        let mut by_network = self.networks();
        let there = by_network.entry(network).or_default();
        let is_full = self.count() >= self.limits.connections || *there >= self.limits.per_client;
        if is_full && !is_secondary {
            if *there == 0 {
                by_network.remove(&network);
            }
            return None;
        }
        *there += 1;
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(Slot { connections: Arc::clone(self), network })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// For how long one may say nothing: all of `idle` while half of the places are free, then less and less.
    pub(crate) fn patience(&self, idle: Duration) -> Duration {
        let free = self.limits.connections.saturating_sub(self.count()) * 2;
        if free >= self.limits.connections {
            return idle;
        }
        let share = u32::try_from(free).unwrap_or(u32::MAX);
        let whole = u32::try_from(self.limits.connections).unwrap_or(u32::MAX).max(1);
        (idle.saturating_mul(share) / whole).max(SHORTEST.min(idle))
    }

    /// A turn to transfer a zone. One client has a quarter of them at most.
    pub(crate) async fn transfer(&self, client: IpAddr) -> Option<Turn<'_>> {
        // They are never closed.
        let of_client = self.transfers_of(client.to_canonical()).acquire_owned().await.ok()?;
        let of_all = self.transfers.acquire().await.ok()?;
        Some(Turn { _of_client: of_client, _of_all: of_all })
    }

    fn transfers_of(&self, client: IpAddr) -> Arc<Semaphore> {
        let mut by_client = self.transfers_by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = by_client.get(&client).and_then(Weak::upgrade) {
            return there;
        }
        // Whoever neither transfers nor waits is forgotten.
        by_client.retain(|_, there| there.strong_count() > 0);
        let made = Arc::new(Semaphore::new((self.limits.transfers / 4).max(1)));
        by_client.insert(client, Arc::downgrade(&made));
        made
    }

    fn networks(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.by_network.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.count.fetch_sub(1, Ordering::Relaxed);
        let mut by_network = self.connections.networks();
        if let Some(there) = by_network.get_mut(&self.network) {
            *there -= 1;
            if *there == 0 {
                by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_given_back() {
        let limits = TcpLimits { connections: 3, per_client: 2, ..TcpLimits::default() };
        let connections = Connections::new(limits);
        let take = |client: &str| connections.take(client.parse().unwrap(), false);
        let (first, _second) = (take("192.0.2.1").unwrap(), take("192.0.2.2").unwrap());
        assert!(take("192.0.2.3").is_none());
        let third = take("198.51.100.1").unwrap();
        assert!(take("203.0.113.1").is_none());
        assert!(connections.take("203.0.113.1".parse().unwrap(), true).is_some(), "a secondary");
        assert_eq!(connections.count(), 3);
        assert_eq!(connections.patience(Duration::from_secs(10)), SHORTEST);
        drop((first, third));
        assert!(take("192.0.2.3").is_some());
        assert_eq!((connections.count(), connections.networks().len()), (1, 1));
        assert_eq!(connections.patience(Duration::from_secs(10)), Duration::from_secs(10));
    }

    #[tokio::test]
    async fn one_client_leaves_turns_to_others() {
        let connections = Connections::new(TcpLimits { transfers: 8, ..TcpLimits::default() });
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = connections.transfer(one).await.unwrap();
        let _second = connections.transfer(one).await.unwrap();
        let mut third = std::pin::pin!(connections.transfer(one));
        assert!(futures_util::poll!(&mut third).is_pending());
        assert!(futures_util::poll!(std::pin::pin!(connections.transfer(other))).is_ready());
        drop(first);
        assert!(third.await.is_some());
        assert_eq!(connections.transfers_by_client.lock().unwrap().len(), 2);
    }
}
