//! Asks a server what it serves, as a resolver would.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::{AllRecordData, Soa};
use zonemux_master_file::lexer::{Entry, Lexer};
use zonemux_master_file::rdata;

/// Why a server did not say what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it answers {0}")]
    Refused(Rcode),
    #[error("its answer can't be read")]
    Malformed,
}

/// The serial of a zone's SOA as a server answers it.
pub(crate) fn serial(server: SocketAddr, zone: &str, limit: Duration) -> Result<u32, QueryError> {
    let answer = ask(server, zone, Rtype::SOA, limit)?;
    if answer.header().rcode() != Rcode::NOERROR {
        return Err(QueryError::Refused(answer.header().rcode()));
    }
    let records = answer.answer().map_err(|_| QueryError::Malformed)?.limit_to::<Soa<_>>();
    let mut serials = records.filter_map(Result::ok).map(|record| record.data().serial().into_int());
    serials.next().ok_or(QueryError::Malformed)
}

/// The targets of an RRset as a server answers it, canonical and sorted; empty where there is none.
pub(crate) fn targets(
    server: SocketAddr,
    name: &str,
    record_type: &str,
    limit: Duration,
) -> Result<Vec<String>, QueryError> {
    let rtype: Rtype = record_type.parse().map_err(|_| QueryError::Malformed)?;
    let answer = ask(server, name, rtype, limit)?;
    match answer.header().rcode() {
        Rcode::NOERROR => {}
        Rcode::NXDOMAIN => return Ok(Vec::new()),
        other => return Err(QueryError::Refused(other)),
    }
    let mut targets = Vec::new();
    let records = answer.answer().map_err(|_| QueryError::Malformed)?;
    for record in records.limit_to::<AllRecordData<_, _>>() {
        let record = record.map_err(|_| QueryError::Malformed)?;
        if record.rtype() != rtype {
            continue;
        }
        let text = record.data().to_string();
        let (mut entry, mut lexer) = (Entry::default(), Lexer::new(text.as_bytes()));
        let read = lexer.next(&mut entry).is_ok_and(|found| found);
        let target = read.then(|| rdata::target(record_type, &entry.tokens, ".").ok()).flatten();
        targets.push(target.ok_or(QueryError::Malformed)?);
    }
    targets.sort();
    targets.dedup();
    Ok(targets)
}

fn ask(
    server: SocketAddr,
    name: &str,
    rtype: Rtype,
    limit: Duration,
) -> Result<Message<Vec<u8>>, QueryError> {
    let deadline = Instant::now() + limit;
    let name: Name<Vec<u8>> = name.parse().map_err(|_| QueryError::Malformed)?;
    let mut query = MessageBuilder::new_vec();
    query.header_mut().set_id(fastrand::u16(..));
    let mut query = query.question();
    query.push((&name, rtype)).map_err(|_| QueryError::Malformed)?;
    let query = query.into_message();
    let answer = over_udp(server, &query, deadline)?;
    if answer.header().tc() { over_tcp(server, &query, deadline) } else { Ok(answer) }
}

fn over_udp(
    server: SocketAddr,
    query: &Message<Vec<u8>>,
    deadline: Instant,
) -> Result<Message<Vec<u8>>, QueryError> {
    let any: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    socket.send(query.as_slice())?;
    let mut buffer = vec![0; 4096];
    loop {
        socket.set_read_timeout(Some(left(deadline)?))?;
        let length = socket.recv(&mut buffer)?;
        // Something else, such as an answer to an earlier question, is waited out.
        if let Ok(answer) = Message::from_octets(buffer[..length].to_vec())
            && answer.is_answer(query)
        {
            return Ok(answer);
        }
    }
}

fn over_tcp(
    server: SocketAddr,
    query: &Message<Vec<u8>>,
    deadline: Instant,
) -> Result<Message<Vec<u8>>, QueryError> {
    let mut stream = TcpStream::connect_timeout(&server, left(deadline)?)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    stream.set_read_timeout(Some(left(deadline)?))?;
    let length = u16::try_from(query.as_slice().len()).map_err(|_| QueryError::Malformed)?;
    stream.write_all(&[&length.to_be_bytes()[..], query.as_slice()].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut buffer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut buffer)?;
    let answer = Message::from_octets(buffer).map_err(|_| QueryError::Malformed)?;
    if answer.is_answer(query) { Ok(answer) } else { Err(QueryError::Malformed) }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
