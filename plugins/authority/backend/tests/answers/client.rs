//! Asks a server, and takes its answer apart.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use domain::base::opt::UnknownOptData;
use domain::base::rdata::ComposeRecordData as _;
use domain::base::{Message, ParsedName, Record, Rtype};
use domain::rdata::AllRecordData;

use crate::questions::{Question, Way};

/// How long an answer may take. Only a machine that is busy beyond all reason needs so much.
const LIMIT: Duration = Duration::from_secs(30);

/// Sockets to one server.
pub(crate) struct Client {
    server: SocketAddr,
    udp: UdpSocket,
    tcp: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        udp.connect(server).expect("a server");
        udp.set_read_timeout(Some(LIMIT)).expect("a time limit");
        Self { server, udp, tcp: connect(server), buffer: vec![0; 1 << 16] }
    }

    pub(crate) fn ask(&mut self, question: &Question) -> Reply {
        let message = question.message();
        let length = match question.way {
            Way::Udp => self.by_udp(&message).unwrap_or_else(|error| panic!("{question}: {error}")),
            // A server may end a connection after as many questions as it likes, but not before the first.
            Way::Tcp => self.by_tcp(&message).unwrap_or_else(|_| {
                self.tcp = connect(self.server);
                self.by_tcp(&message).expect("an answer by TCP")
            }),
        };
        let asked = &message[12..12 + question.name.len() + 4];
        let octets = &self.buffer[..length];
        let reply = Reply::read(octets).unwrap_or_else(|| panic!("{question}: {octets:x?}"));
        assert!(
            !reply.has_question || octets[12..].starts_with(asked),
            "{question}: it comes back as it was asked"
        );
        reply
    }

    fn by_udp(&mut self, message: &[u8]) -> std::io::Result<usize> {
        self.udp.send(message)?;
        let length = self.udp.recv(&mut self.buffer)?;
        assert_eq!(self.buffer[..2], message[..2], "the answer to another question");
        Ok(length)
    }

    fn by_tcp(&mut self, message: &[u8]) -> std::io::Result<usize> {
        let length = u16::try_from(message.len()).expect("a short question").to_be_bytes();
        self.tcp.write_all(&[&length, message].concat())?;
        let mut length = [0; 2];
        self.tcp.read_exact(&mut length)?;
        let length = usize::from(u16::from_be_bytes(length));
        self.tcp.read_exact(&mut self.buffer[..length])?;
        assert_eq!(self.buffer[..2], message[..2], "the answer to another question");
        Ok(length)
    }
}

fn connect(server: SocketAddr) -> TcpStream {
    let tcp = TcpStream::connect(server).expect("a connection");
    tcp.set_read_timeout(Some(LIMIT)).expect("a time limit");
    tcp.set_nodelay(true).expect("no delay");
    tcp
}

/// Records of one owner and type; data sorted, since their order means nothing (RFC 2181, section 5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rrset {
    pub(crate) owner: String,
    pub(crate) rtype: Rtype,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    pub(crate) data: Vec<String>,
    /// Of its data, with names that are not compressed, and of what stands before them.
    pub(crate) octets: usize,
}

/// What EDNS says in an answer, with the codes of its options and their data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edns {
    version: u8,
    payload: u16,
    dnssec: bool,
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

/// An answer, of which everything can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// With the upper bits that EDNS has.
    pub(crate) rcode: u16,
    pub(crate) authoritative: bool,
    pub(crate) truncated: bool,
    /// The other bits of the header: response, opcode, RD, RA, Z, AD, CD.
    pub(crate) others: u16,
    /// Whether the question comes back.
    pub(crate) has_question: bool,
    /// In their order, which readers of aliases may rely on.
    pub(crate) answer: Vec<Rrset>,
    /// Sorted, as is what follows.
    pub(crate) authority: Vec<Rrset>,
    pub(crate) additional: Vec<Rrset>,
    pub(crate) edns: Option<Edns>,
}

/// Bits of the header that have a field of their own.
const AA: u16 = 0x0400;
const TC: u16 = 0x0200;
const RCODE: u16 = 0x000f;

impl Reply {
    fn read(octets: &[u8]) -> Option<Self> {
        let message = Message::from_octets(octets).ok()?;
        let flags = u16::from_be_bytes([octets[2], octets[3]]);
        let (_, answer, authority, additional) = message.sections().ok()?;
        let (mut authority, mut additional) = (rrsets(authority)?, rrsets(additional)?);
        authority.sort();
        additional.sort();
        let edns = message.opt().map(|opt| Edns {
            version: opt.version(),
            payload: opt.udp_payload_size(),
            dnssec: opt.dnssec_ok(),
            options: opt
                .opt()
                .iter::<UnknownOptData<_>>()
                .flatten()
                .map(|option| (option.code().to_int(), option.as_slice().to_vec()))
                .collect(),
        });
        let upper = message.opt().map_or(0, |opt| opt.rcode(message.header()).to_int() & !RCODE);
        Some(Self {
            rcode: upper | flags & RCODE,
            authoritative: flags & AA != 0,
            truncated: flags & TC != 0,
            others: flags & !(AA | TC | RCODE),
            has_question: message.header_counts().qdcount() > 0,
            answer: rrsets(answer)?,
            authority,
            additional,
            edns,
        })
    }

    /// Which parts are not alike.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        [
            ("rcode", self.rcode != other.rcode),
            ("AA", self.authoritative != other.authoritative),
            ("TC", self.truncated != other.truncated),
            ("other flags", self.others != other.others),
            ("question", self.has_question != other.has_question),
            ("answer", self.answer != other.answer),
            ("authority", self.authority != other.authority),
            ("additional", self.additional != other.additional),
            ("EDNS", self.edns != other.edns),
        ]
        .into_iter()
        .filter_map(|(part, differs)| differs.then_some(part))
        .collect()
    }
}

/// The records of a section but for OPT, by their RRsets; `None` where one can't be read.
fn rrsets(section: domain::base::message::RecordSection<'_, &[u8]>) -> Option<Vec<Rrset>> {
    let mut all: Vec<Rrset> = Vec::new();
    for record in section {
        let record = record.ok()?;
        if record.rtype() == Rtype::OPT {
            continue;
        }
        let rtype = record.rtype();
        let record: Record<ParsedName<_>, AllRecordData<_, _>> = record.into_any_record().ok()?;
        let mut text = record.data().to_string();
        // Names are compressed to what has the question's letters; texts are never.
        if rtype != Rtype::TXT {
            text.make_ascii_lowercase();
        }
        let octets = 12 + usize::from(record.data().rdlen(false).unwrap_or_default());
        let owner = record.owner().to_string().to_ascii_lowercase();
        let (class, ttl) = (record.class().to_int(), record.ttl().as_secs());
        let same = |there: &&mut Rrset| (there.rtype, &there.owner, there.class) == (rtype, &owner, class);
        match all.iter_mut().find(same) {
            Some(there) => {
                assert_eq!(there.ttl, ttl, "an RRset has one TTL (RFC 2181, section 5.2)");
                there.data.push(text);
                there.octets += octets;
            }
            None => all.push(Rrset { owner, rtype, class, ttl, data: vec![text], octets }),
        }
    }
    for rrset in &mut all {
        rrset.data.sort();
    }
    Some(all)
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rcode, authoritative, truncated, others, has_question, edns, .. } = self;
        writeln!(
            f,
            "    rcode {rcode} AA {authoritative} TC {truncated} others {others:04x} question {has_question} {edns:?}"
        )?;
        let sections =
            [("answer", &self.answer), ("authority", &self.authority), ("additional", &self.additional)];
        for (name, section) in sections {
            for Rrset { owner, rtype, class, ttl, data, .. } in section {
                let more = data.len().saturating_sub(4);
                let data = data.iter().take(4).map(String::as_str).collect::<Vec<_>>().join(" | ");
                writeln!(f, "    {name}: {owner} {ttl} {class} {rtype} {data:.300} (+{more})")?;
            }
        }
        Ok(())
    }
}

/// A name as text.
pub(crate) fn text(wire: &[u8]) -> String {
    domain::base::Name::from_slice(wire).expect("a name").to_string()
}
