//! Ports of tests' servers, which a test must know before the server binds them.

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that the kernel gives to clients and to who binds port 0, so that none of those takes
/// one of ours while a server is started again.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// A port of the loopback, free for UDP and TCP, which no other test on this machine takes as long as this
/// or a clone of it lives.
#[derive(Debug, Clone)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// Its lock is released with the last clone, or with the process.
    _claim: Arc<File>,
}

impl Port {
    /// Claims a port.
    ///
    /// # Panics
    ///
    /// When none is free.
    pub fn claim() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let folder = env::temp_dir().join("zonemux-test-ports");
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        // Processes that start together begin far from each other.
        let first = process::id().wrapping_mul(211) % u32::from(PORTS.end - PORTS.start);
        let first = u16::try_from(first).expect("it is less than the number of ports");
        let found = PORTS.clone().find_map(|_| {
            let offset = (u32::from(first) + u32::from(NEXT.fetch_add(1, Ordering::Relaxed)))
                % u32::from(PORTS.end - PORTS.start);
            let number = PORTS.start + u16::try_from(offset).ok()?;
            let claim =
                File::options().create(true).append(true).open(folder.join(number.to_string())).ok()?;
            claim.try_lock().ok()?;
            let _tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
            let _udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
            Some(Self { number, _claim: Arc::new(claim) })
        });
        found.expect("a free port of the loopback")
    }
}
