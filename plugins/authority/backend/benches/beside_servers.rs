//! The authority plugin beside BIND and NSD, which transfer its zone of 100,000 records: queries, transfers, changes,
//! start and memory, all in one run on one machine: `cargo bench -p zonemux-authority-backend`.
//!
//! Each server has one thread that answers, on a processor of its own where there are two; the rounds of the three take
//! turns, and medians are compared. Bounds that do not hold end it with an error.

#![allow(clippy::unwrap_used, reason = "what fails here ends it")]
#![allow(clippy::print_stdout, reason = "it prints what it measured")]
#![allow(clippy::cast_precision_loss, reason = "what is measured is far smaller")]

#[path = "beside_servers/load.rs"]
mod load;
#[path = "beside_servers/ours.rs"]
mod ours;
#[path = "beside_servers/system.rs"]
mod system;

use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use ours::Process;
use zonemux_rdata::name_to_wire;
use zonemux_test_support::servers::{Builder, Kind, Server};
use zonemux_test_support::{Bounds, eventually, median};

const ZONE: &str = "example.org";
const HOSTS: u32 = 50_000;
const RECORDS: usize = 2 * HOSTS as usize;
/// With one NS record, and the SOA at both ends.
const TRANSFERRED: usize = RECORDS + 3;
const QUESTIONS: u32 = 200_000;
const ROUNDS: usize = 9;

fn main() {
    if ours::serve() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (full, empty) = (folder.path().join("full"), folder.path().join("empty"));
    for (folder, hosts) in [(&full, HOSTS), (&empty, 0)] {
        let dns = ours::open(folder);
        assert!(dns.apply(&ours::batch(0..hosts, 1)).unwrap().failures().is_empty());
        dns.close().unwrap();
    }
    let mut bounds = Bounds::default();
    starts(&full, &empty, &mut bounds);
    beside(&full, folder.path(), &mut bounds);
    changes(&full, &mut bounds);
    bounds.assert();
}

fn starts(full: &Path, empty: &Path, bounds: &mut Bounds) {
    let start = |folder: &Path| {
        let process = Process::start(folder);
        (process.took.as_secs_f64(), process.memory as f64)
    };
    let (times, memory): (Vec<f64>, Vec<f64>) = (0..5).map(|_| start(full)).unzip();
    let (_, without) = start(empty);
    bounds.at_most("start with 100,000 records, seconds", median(times), 0.15);
    bounds.at_most("memory, octets a record", (median(memory) - without) / RECORDS as f64, 700.0);
}

/// A server, and what was measured of it.
struct Measured {
    name: &'static str,
    address: SocketAddr,
    group: u32,
    /// Answers a second.
    rates: Vec<f64>,
    /// Microseconds of a processor for each answer.
    costs: Vec<f64>,
    /// Seconds.
    transfers: Vec<f64>,
}

impl Measured {
    fn new(name: &'static str, address: SocketAddr, group: u32) -> Self {
        Self { name, address, group, rates: Vec::new(), costs: Vec::new(), transfers: Vec::new() }
    }
}

fn beside(full: &Path, folder: &Path, bounds: &mut Bounds) {
    let ours = Process::start(full);
    let secondary = |kind, options: &str| -> Server {
        let server = Builder::new(kind, folder).options(options).secondary(ZONE, ours.address, None).start();
        eventually("the zone arrives", || server.serial(ZONE).map(drop));
        server
    };
    let bind = secondary(Kind::Bind, "minimal-responses yes;");
    let nsd = secondary(Kind::Nsd, "  minimal-responses: yes\n");
    let mut all = [
        Measured::new("zonemux", ours.address, ours.id()),
        Measured::new("named", bind.address(), bind.process_id()),
        Measured::new("nsd", nsd.address(), nsd.process_id()),
    ];
    system::pin_thread(None, 0);
    for server in &all {
        system::pin(server.group, 1);
    }
    let questions = load::questions(QUESTIONS);
    let no_names = questions.len() / 20;
    for round in 0..=ROUNDS {
        for server in &mut all {
            let busy = system::busy(server.group);
            let run = load::run(server.address, &questions).unwrap();
            let busy = system::busy(server.group).saturating_sub(busy).as_secs_f64();
            assert!(run.answers > questions.len() * 999 / 1000, "{}: {run:?}", server.name);
            assert!(run.no_names.abs_diff(no_names) < no_names / 50, "{}: {run:?}", server.name);
            let transfer = transfer(server.address).as_secs_f64();
            // The first round warms up.
            if round > 0 {
                server.rates.push(run.answers as f64 / run.took.as_secs_f64());
                server.costs.push(busy * 1e6 / run.answers as f64);
                server.transfers.push(transfer);
            }
        }
    }
    println!("{:10} {:>12} {:>16} {:>12}", "", "answers/s", "processor, µs", "AXFR, s");
    for server in &all {
        let (rate, cost) = (median(server.rates.clone()), median(server.costs.clone()));
        println!("{:10} {rate:>12.0} {cost:>16.2} {:>12.3}", server.name, median(server.transfers.clone()));
    }
    let [ours, bind, nsd] = &all;
    bounds.at_least("answers a second beside named", ratio(&ours.rates, &bind.rates), 1.0);
    bounds.at_least("answers a second beside nsd", ratio(&ours.rates, &nsd.rates), 0.5);
    bounds.at_most("AXFR beside named", ratio(&ours.transfers, &bind.transfers), 1.2);
}

/// How long a whole transfer of the zone takes.
fn transfer(server: SocketAddr) -> Duration {
    let mut question = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    question.extend(name_to_wire(ZONE));
    question.extend([0, 252, 0, 1]);
    let length = u16::try_from(question.len()).unwrap().to_be_bytes();
    let started = Instant::now();
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(&[&length[..], &question].concat()).unwrap();
    let mut reader = BufReader::with_capacity(1 << 17, stream);
    let mut message = vec![0; 1 << 16];
    let mut records = 0;
    while records < TRANSFERRED {
        let mut length = [0; 2];
        reader.read_exact(&mut length).unwrap();
        let message = &mut message[..usize::from(u16::from_be_bytes(length))];
        reader.read_exact(message).unwrap();
        assert_eq!(message[3] & 15, 0, "a transfer that is refused");
        records += usize::from(u16::from_be_bytes([message[6], message[7]]));
    }
    assert_eq!(records, TRANSFERRED);
    started.elapsed()
}

fn changes(full: &Path, bounds: &mut Bounds) {
    let dns = ours::open(full);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(ours::address(&dns)).unwrap();
    let mut question = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    question.extend(name_to_wire(&format!("host24999.{ZONE}")));
    question.extend([0, 1, 0, 1]);
    let round = |last: u32| {
        let changes = ours::batch(20_000..25_000, last);
        let started = Instant::now();
        assert!(dns.apply(&changes).unwrap().failures().is_empty());
        socket.send(&question).unwrap();
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).unwrap();
        let took = started.elapsed();
        assert_eq!(u32::from(answer[length - 1]), last, "it is answered at once");
        took.as_secs_f64()
    };
    let times: Vec<f64> = (2..9).map(round).collect();
    bounds.at_most("10,000 records changed, durable and answered, seconds", median(times), 0.2);
}

/// The median of the ratios of each round, whose parts were measured right after each other.
fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
}
