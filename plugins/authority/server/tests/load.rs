//! Many connections, and clients that do not read: memory stays bounded, and others are served.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::client::{connect, next, question, send, tcp, udp};
use common::{Site, ZONE, example, large, settings};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use zonemux_authority_server::{ServerSettings, TcpLimits};
use zonemux_rdata::Rtype;
use zonemux_test_support::eventually;

/// Connections that are begun.
const MANY: usize = 10_000;

/// What is measured is of the whole process, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    raise_limit();
    turn
}

/// As many descriptors as this process may have.
fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    assert!(maximum.is_none_or(|most| most > MANY as u64 + 500), "too few descriptors: {maximum:?}");
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// Octets of memory that this process has.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// A connection from an address of the loopback network.
fn connect_from(source: Ipv4Addr, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Whether the server has closed a connection on which nothing is to come.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0; 1]);
    stream.set_nonblocking(false).unwrap();
    !matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn ten_thousand_half_open_connections_take_little() {
    let _turn = alone();
    // Twice as many places, so that nobody is hurried.
    let tcp_limits = TcpLimits {
        connections: 3 * MANY,
        per_client: 3 * MANY,
        idle: Duration::from_secs(600),
        ..TcpLimits::default()
    };
    let site = Site::new(ServerSettings { tcp: tcp_limits, ..settings() }, [example()]);
    assert_eq!(tcp(site.address(), &question("www.example.org", Rtype::A)).counts()[1], 2);
    let before = resident();
    // In a process of its own, which has as many descriptors again.
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "hold_connections", "--ignored", "--nocapture"]);
    command.env(SERVER, site.address().to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut holder = command.spawn().unwrap();
    let mut said = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.ends_with("held")));
    // All of them were accepted before this one.
    assert_eq!(tcp(site.address(), &question("www.example.org", Rtype::A)).counts()[1], 2);
    let taken = resident().saturating_sub(before);
    assert!(taken < MANY * 8192, "{} octets for each connection", taken / MANY);
    // The holder ends with its input, and says whether all connections were still there.
    drop(holder.stdin.take());
    assert!(said.any(|line| line == "all were open") && holder.wait().unwrap().success());
}

/// Where the process finds the server that holds the connections.
const SERVER: &str = "ZONEMUX_TEST_SERVER";

#[test]
#[ignore = "a process that another test starts"]
fn hold_connections() {
    let Ok(server) = env::var(SERVER) else { return };
    raise_limit();
    let server: SocketAddr = server.parse().unwrap();
    let mut streams = Vec::with_capacity(MANY);
    for number in 0..MANY {
        let mut stream = connect(server);
        // A length, of which half is there, or a request of which half is there.
        stream.write_all(if number % 2 == 0 { &[0] } else { &[0, 33, 1, 2, 3] }).unwrap();
        streams.push(stream);
    }
    say("held");
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    assert!(streams.iter().all(|stream| !is_closed(stream)));
    // One of them goes on where it was.
    let mut late = &streams[0];
    let message = question("www.example.org", Rtype::A);
    late.write_all(&u16::try_from(message.len()).unwrap().to_be_bytes()[1..]).unwrap();
    late.write_all(&message).unwrap();
    assert_eq!(next(late).unwrap().counts()[1], 2);
    say("all were open");
}

/// To whoever started this process.
fn say(line: &str) {
    let mut output = io::stdout().lock();
    output.write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

#[test]
fn one_network_takes_no_place_from_others() {
    let _turn = alone();
    let limits = TcpLimits { idle: Duration::from_secs(600), ..TcpLimits::default() };
    let site = Site::new(ServerSettings { tcp: limits, ..settings() }, [example()]);
    let streams: Vec<TcpStream> =
        (0..MANY).map(|_| connect_from(Ipv4Addr::new(127, 0, 0, 9), site.address())).collect();
    let open = || streams.iter().filter(|stream| !is_closed(stream)).count();
    eventually("all beyond the limit are closed", || (open() == limits.per_client).then_some(()));
    let other = connect_from(Ipv4Addr::new(127, 1, 2, 3), site.address());
    let message = question("www.example.org", Rtype::A);
    send(&other, std::slice::from_ref(&message));
    assert_eq!(next(&other).unwrap().counts()[1], 2);
    assert_eq!(udp(site.address(), &message).counts()[1], 2);
}

#[test]
fn who_says_nothing_is_hurried_where_places_are_few() {
    let _turn = alone();
    let limits =
        TcpLimits { connections: 50, per_client: 50, idle: Duration::from_secs(600), ..TcpLimits::default() };
    let site = Site::new(ServerSettings { tcp: limits, ..settings() }, [example()]);
    // All places are taken, each by somebody who has sent half a request.
    let _half: Vec<TcpStream> = (0..limits.connections)
        .map(|_| {
            let stream = connect(site.address());
            (&stream).write_all(&[0, 33, 1]).unwrap();
            stream
        })
        .collect();
    let message = question("www.example.org", Rtype::A);
    eventually("a place is free again", || {
        let stream = connect_from(Ipv4Addr::new(127, 1, 2, 3), site.address());
        let framed = [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat();
        (&stream).write_all(&framed).ok()?;
        next(&stream).map(|reply| assert_eq!(reply.counts()[1], 2))
    });
}

#[test]
fn transfers_that_nobody_reads_take_little_and_end() {
    const READERS: usize = 100;
    let _turn = alone();
    let limits = TcpLimits {
        per_client: READERS + 10,
        idle: Duration::from_secs(600),
        write: Duration::from_secs(2),
        transfers: READERS / 2,
        ..TcpLimits::default()
    };
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    // Several times what the buffers of a connection take.
    let zone = large(100_000);
    let site = Site::new(ServerSettings { tcp: limits, transfer_from: allowed, ..settings() }, [zone]);
    let before = resident();
    let axfr = question(ZONE, Rtype::AXFR);
    let stalled: Vec<TcpStream> = (0..READERS)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            // A small window, so that the server can't get rid of much.
            socket.set_recv_buffer_size(4096).unwrap();
            socket.connect(&site.address().into()).unwrap();
            let stream = TcpStream::from(socket);
            send(&stream, std::slice::from_ref(&axfr));
            stream
        })
        .collect();
    let mut most = 0;
    // Who reads gets the zone, as soon as the others' turns are over.
    let reader = connect(site.address());
    send(&reader, std::slice::from_ref(&axfr));
    let mut records = 0;
    let mut first = true;
    while records < 100_003 {
        let reply = next(&reader).expect("the zone");
        records += u32::from(reply.counts()[1]);
        if std::mem::take(&mut first) {
            most = most.max(resident());
        }
    }
    assert_eq!(records, 100_003, "SOA, NS, the hosts, and the SOA again");
    most = most.max(resident());
    let taken = most.saturating_sub(before);
    assert!(taken < READERS * 384 * 1024, "{} octets for each transfer", taken / READERS);
    // Most were cut off for that: the reader's turn came after those of half of them were over.
    let mut cut = 0;
    for mut stream in stalled {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut sink = vec![0; 1 << 16];
        let mut taken = 0;
        while let Ok(length @ 1..) = stream.read(&mut sink) {
            taken += length;
        }
        // What was on its way, less than a part of the zone.
        cut += usize::from(taken < 1 << 20);
    }
    assert!(cut > READERS / 2, "{cut} of {READERS}");
}
