//! What 10,000 changes in a zone of 100,000 records take until `named` serves them, beside what
//! `named-checkzone` and `rndc reload` take alone: `cargo bench -p zonemux-zonefile-backend`.

#![allow(clippy::unwrap_used, reason = "what fails here ends it")]
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fmt::Write as _;
use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use common::server::{Kind, Server};
use common::{Folder, ZONE, output, reasons};
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::Soa;
use zonemux_plugin::Endpoint;
use zonemux_plugin::testing::ChangesBuilder;
use zonemux_test_support::median;

const RECORDS: usize = 100_000;
const CHANGES: usize = 10_000;
const ROUNDS: usize = 7;

fn main() {
    let folder = Folder::with_zone();
    let mut managed = String::new();
    for index in 0..RECORDS / 2 {
        let name = format!("service-{index}.team-{}.{ZONE}", index % 100);
        writeln!(managed, "{name}. 300 IN A 10.{}.{}.{}", index >> 16, index >> 8 & 255, index & 255)
            .unwrap();
        let text =
            "heritage=external-dns,external-dns/owner=default,external-dns/resource=service/team/service";
        writeln!(managed, "a-{name}. 300 IN TXT \"{text}-{index}\"").unwrap();
    }
    folder.write("zone.zonemux", &managed);
    let server = Server::start(Kind::Bind, &folder);
    let settings = server.settings();
    let begun = Instant::now();
    let dns = folder.open(settings.clone());
    println!("opening: {:?}", begun.elapsed());
    let begun = Instant::now();
    let listed = dns.records().unwrap().len();
    println!("listing {listed} records: {:?}", begun.elapsed());
    // The file as zonemux writes it, so that both sides check the same.
    assert_eq!(reasons(&dns, &batch(ROUNDS)), [""; 0]);

    let (mut alone, mut ours, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        alone.push(by_hand(&folder, &server));
        // What was edited by hand is read before the clock runs, as it is before each batch.
        dns.records().unwrap();
        let changes = batch(round);
        let (begun, busy) = (Instant::now(), busy_time());
        assert_eq!(reasons(&dns, &changes), [""; 0]);
        let took = begun.elapsed();
        own.push(busy_time().saturating_sub(busy));
        let address = format!("10.99.{round}.1");
        assert_eq!(server.dig(&format!("service-1.team-1.{ZONE}"), "A"), [address]);
        ours.push(took);
    }
    let (alone, ours) = (median(alone), median(ours));
    println!("named-checkzone and rndc reload alone: {alone:?}");
    println!("{CHANGES} changes written, checked, reloaded and verified: {ours:?}");
    println!("of that, the processor was busy with zonemux: {:?}", median(own));
    println!("ratio: {:.2}", ours.as_secs_f64() / alone.as_secs_f64());
}

fn batch(round: usize) -> ChangesBuilder {
    (0..CHANGES).fold(ChangesBuilder::new(), |batch, index| {
        let name = format!("service-{index}.team-{}.{ZONE}", index % 100);
        let address = format!("10.99.{round}.{}", index % 250);
        batch.upsert(Endpoint::new(name, "A", [address]).with_ttl(300))
    })
}

/// What an operator's script takes: another serial, the checker, the reload, and the wait for it.
fn by_hand(folder: &Folder, server: &Server) -> Duration {
    let serial = server.serial();
    let zone =
        folder.read("zone").replace(&format!("{serial} ; serial"), &format!("{} ; serial", serial + 1));
    let settings = server.settings();
    let config = settings["control"]["config"].as_str().unwrap();
    let begun = Instant::now();
    folder.write("zone", &zone);
    output(Command::new("named-checkzone").args(["-i", "local", ZONE]).arg(folder.path("zone")));
    output(Command::new("rndc").args(["-c", config, "reload", ZONE]));
    while served(server.running().address().port()) != Some(serial + 1) {
        std::thread::sleep(Duration::from_millis(1));
    }
    begun.elapsed()
}

fn served(port: u16) -> Option<u32> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let name: Name<Vec<u8>> = ZONE.parse().unwrap();
    let mut query = MessageBuilder::new_vec().question();
    query.push((&name, Rtype::SOA)).unwrap();
    socket.send_to(query.into_message().as_slice(), ("127.0.0.1", port)).unwrap();
    let mut buffer = [0; 1024];
    let length = socket.recv(&mut buffer).ok()?;
    let answer = Message::from_octets(&buffer[..length]).ok()?;
    let record = answer.answer().ok()?.limit_to::<Soa<_>>().next()?.ok()?;
    Some(record.data().serial().into_int())
}

/// How long processors have worked for this process, without the programs that it started.
fn busy_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Fields 14 and 15 of proc_pid_stat(5), in hundredths of a second; the name before them may have spaces.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
    Duration::from_millis(10 * ticks.sum::<u64>())
}
