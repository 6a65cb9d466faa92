//! Answers a request, whichever way it came.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use domain::tsig::Key;
use zonemux_authority_zones::{Answer, Entry, Name, Rcode as Found, Table, lookup};
use zonemux_rdata::Rtype;

use super::writer::Flags;
use super::{CHAOS, HEADER, IN, Opcode, Query, Rcode, Refusal, Section, Writer, read};
use crate::cookies::{self, Cookies};
use crate::rate::{Kind, Rate, Verdict};
use crate::settings::ServerSettings;
use crate::signed::room_for;

/// The largest answer without EDNS (RFC 1035, section 4.2.1).
const PLAIN: usize = 512;
/// Octets of an OPT record without options, and of the head of an option.
const OPT: usize = 11;
const OPTION: usize = 4;
/// The type and the class behind the name of a question.
const QUESTION: usize = 4;
/// Names of an answer that others may point to.
const NAMES: usize = 256;
/// Extended errors (RFC 8914): prohibited, not authoritative.
const PROHIBITED: u16 = 18;
const NOT_AUTHORITATIVE: u16 = 20;

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Outcome<'m> {
    /// Nothing is sent: it is no request.
    Silence,
    /// The answer is in the [`Writer`].
    Answer(Done),
    /// The answer was held back, since there were too many like it.
    Limited,
    /// It is for who transfers zones; nothing is written.
    Transfer(Query<'m>),
    /// It is signed, so it is checked before it is answered by [`Responder::answer`].
    Signed(Query<'m>),
}

/// An answer, for the metrics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) rtype: Rtype,
    pub(crate) rcode: Rcode,
    pub(crate) truncated: bool,
}

/// Answers requests, one at a time; each thread and each connection has its own.
#[derive(Debug)]
pub(crate) struct Responder {
    settings: Arc<ServerSettings>,
    cookies: Cookies,
    rate: Option<Rate>,
    pub(crate) writer: Writer,
    /// Room for the options of an answer, used again for each.
    options: Vec<u8>,
}

/// What EDNS adds to an answer.
#[derive(Debug, Default)]
struct Extra {
    has_edns: bool,
    dnssec: bool,
    identity: bool,
    cookie: Option<cookies::Answer>,
    error: Option<u16>,
}

impl Responder {
    pub(crate) fn new(settings: Arc<ServerSettings>, cookies: Cookies, limits_rate: bool) -> Self {
        let rate = settings.rate.filter(|_| limits_rate).map(Rate::new);
        Self { settings, cookies, rate, writer: Writer::new(NAMES), options: Vec::new() }
    }

    /// Answers a message, or says who does.
    pub(crate) fn respond<'m>(
        &mut self,
        message: &'m [u8],
        client: SocketAddr,
        transport: Transport,
        table: &Table,
    ) -> Outcome<'m> {
        let query = match read(message) {
            Ok(query) => query,
            Err(Refusal::Silence) => return Outcome::Silence,
            Err(Refusal::Answer(rcode)) => {
                self.writer.begin(message, PLAIN);
                self.writer.finish(rcode, Flags::default());
                return self.limit(client.ip(), Kind::Error, done(Rtype(0), rcode, false));
            }
        };
        if query.has_tsig {
            return Outcome::Signed(query);
        }
        if is_transfer(&query) {
            return Outcome::Transfer(query);
        }
        self.answer(&query, client, transport, table, None)
    }

    /// Answers a question that asks for no transfer.
    pub(crate) fn answer<'m>(
        &mut self,
        query: &Query<'m>,
        client: SocketAddr,
        transport: Transport,
        table: &Table,
        signed: Option<&Key>,
    ) -> Outcome<'m> {
        let (mut extra, is_known) = self.extra(query, client.ip());
        let room = self.room(query, transport) - signed.map_or(0, room_for);
        let mut kept_free = self.size(&extra);
        // A name of ours that leaves no room for the question is not worth it.
        if extra.identity && HEADER + query.name.len() + QUESTION + kept_free > room {
            extra.identity = false;
            kept_free = self.size(&extra);
        }
        self.writer.begin(query.message, room.saturating_sub(kept_free));
        self.writer.question(query.name, query.rtype, query.class);
        let mut flags = Flags::default();
        let is_hidden = self.is_of_catalog(query) && !self.settings.may_transfer(client.ip(), signed);
        let (rcode, kind) = match refused(query) {
            Some(rcode) => (rcode, Kind::Error),
            None if is_hidden => {
                extra.error = Some(PROHIBITED);
                (Rcode::REFUSED, Kind::Error)
            }
            None if query.class == CHAOS => (self.chaos(query), Kind::Error),
            None => {
                if let Some(answer) = lookup(table, query.name, query.rtype) {
                    self.write(&answer, &mut flags)
                } else {
                    extra.error = Some(NOT_AUTHORITATIVE);
                    (Rcode::REFUSED, Kind::Error)
                }
            }
        };
        self.writer.free(kept_free);
        self.close(&extra, rcode, flags);
        let done = done(query.rtype, rcode, flags.truncated);
        if signed.is_none() && !is_known && transport == Transport::Udp {
            return self.limit(client.ip(), kind, done);
        }
        Outcome::Answer(done)
    }

    /// Answers with an error; why is said to who understands it.
    pub(crate) fn refuse(&mut self, query: &Query<'_>, client: IpAddr, rcode: Rcode) -> Done {
        let (mut extra, _) = self.extra(query, client);
        extra.error = (rcode == Rcode::REFUSED).then_some(PROHIBITED);
        self.writer.begin(query.message, usize::from(u16::MAX));
        self.writer.question(query.name, query.rtype, query.class);
        self.close(&extra, rcode, Flags::default());
        done(query.rtype, rcode, false)
    }

    /// Whether the names of all zones would be told, which is for those who may transfer them (RFC 9432, section 6).
    fn is_of_catalog(&self, query: &Query<'_>) -> bool {
        let Some(catalog) = &self.settings.catalog else { return false };
        Name::from_wire(query.name).is_some_and(|name| name.is_at_or_below(catalog))
    }

    /// The octets that an answer may have.
    fn room(&self, query: &Query<'_>, transport: Transport) -> usize {
        match (transport, query.edns) {
            (Transport::Tcp, _) => usize::from(u16::MAX),
            (Transport::Udp, None) => PLAIN,
            (Transport::Udp, Some(edns)) => usize::from(edns.payload.min(self.settings.max_udp)).max(PLAIN),
        }
    }

    fn extra(&self, query: &Query<'_>, client: IpAddr) -> (Extra, bool) {
        let Some(edns) = query.edns else { return (Extra::default(), false) };
        let cookie = edns.cookie.and_then(|cookie| self.cookies.check(cookie, client));
        let is_known = cookie.as_ref().is_some_and(|cookie| cookie.is_known);
        let identity = edns.wants_nsid && self.settings.identity.is_some();
        let cookie = cookie.map(|cookie| cookie.answer);
        (Extra { has_edns: true, dnssec: edns.dnssec, identity, cookie, error: None }, is_known)
    }

    /// The octets that are kept free for EDNS; an extended error included.
    fn size(&self, extra: &Extra) -> usize {
        if !extra.has_edns {
            return 0;
        }
        let identity = self.settings.identity.as_ref().filter(|_| extra.identity).map(String::len);
        let options = [identity, extra.cookie.as_ref().map(|cookie| cookie.as_ref().len()), Some(2)];
        OPT + options.into_iter().flatten().map(|length| OPTION + length).sum::<usize>()
    }

    fn write<'q>(&mut self, answer: &Answer<'q>, flags: &mut Flags) -> (Rcode, Kind<'q>) {
        flags.authoritative = answer.authoritative;
        let rcode = match answer.rcode {
            Found::NoError => Rcode::NOERROR,
            Found::NxDomain => Rcode::NXDOMAIN,
            Found::YxDomain => Rcode::YXDOMAIN,
        };
        flags.truncated = !self.write_sections(answer);
        let kind = match (rcode, answer.answer.is_empty()) {
            (Rcode::NOERROR, false) => Kind::Records(answer.account),
            _ => Kind::Nothing(answer.account),
        };
        (rcode, kind)
    }

    /// Whether all fits that the answer is of no use without.
    fn write_sections(&mut self, answer: &Answer<'_>) -> bool {
        let writer = &mut self.writer;
        let mut put = |section: Section, entry: &Entry<'_>| {
            writer.rrset(section, &entry.owner, entry.rtype, entry.ttl, entry.rdatas())
        };
        answer.answer.iter().all(|entry| put(Section::Answer, entry))
            && answer.authority.iter().all(|entry| put(Section::Authority, entry))
            && answer.additional.iter().all(|entry| put(Section::Additional, entry) || !entry.required)
    }

    /// What is asked of the server itself (RFC 4892).
    fn chaos(&mut self, query: &Query<'_>) -> Rcode {
        let is = |name: &[u8]| query.name.eq_ignore_ascii_case(name);
        let text = if is(b"\x07version\x04bind\0") || is(b"\x07version\x06server\0") {
            self.settings.version.as_ref()
        } else if is(b"\x02id\x06server\0") || is(b"\x08hostname\x04bind\0") {
            self.settings.identity.as_ref()
        } else {
            None
        };
        let Some(text) = text.filter(|_| query.rtype == Rtype::TXT || query.rtype == Rtype::ANY) else {
            return Rcode::REFUSED;
        };
        let text = &text.as_bytes()[..text.len().min(255)];
        let rdata = [&[u8::try_from(text.len()).unwrap_or(u8::MAX)], text].concat();
        self.writer.record(query.name, Rtype::TXT, CHAOS, 0, &rdata);
        self.writer.count(Section::Answer as usize, 1);
        Rcode::NOERROR
    }

    /// Writes what stands at the end of a message, and its header.
    fn close(&mut self, extra: &Extra, rcode: Rcode, flags: Flags) {
        if extra.has_edns {
            let mut options = std::mem::take(&mut self.options);
            options.clear();
            let mut option = |code: u16, value: &[u8]| {
                options.extend(code.to_be_bytes());
                options.extend(u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
                options.extend(value);
            };
            if let Some(identity) = self.settings.identity.as_ref().filter(|_| extra.identity) {
                option(3, identity.as_bytes());
            }
            if let Some(cookie) = &extra.cookie {
                option(10, cookie.as_ref());
            }
            if let Some(error) = extra.error {
                option(15, &error.to_be_bytes());
            }
            // The upper bits of the code, the version, and DNSSEC OK (RFC 6891, section 6.1.3).
            let ttl = u32::from(rcode.0 >> 4) << 24 | u32::from(extra.dnssec) << 15;
            self.writer.record(&[0], Rtype(41), self.settings.max_udp, ttl, &options);
            self.writer.count(Section::Additional as usize, 1);
            self.options = options;
        }
        self.writer.finish(rcode, flags);
    }

    fn limit<'m>(&mut self, client: IpAddr, kind: Kind<'_>, done: Done) -> Outcome<'m> {
        // Nobody floods this host from itself, and measurements come from there.
        let Some(rate) = self.rate.as_mut().filter(|_| !client.to_canonical().is_loopback()) else {
            return Outcome::Answer(done);
        };
        match rate.judge(client, kind, Instant::now()) {
            Verdict::Send => Outcome::Answer(done),
            Verdict::Drop => Outcome::Limited,
            Verdict::Truncate if self.writer.len() == HEADER => Outcome::Limited,
            Verdict::Truncate => {
                self.writer.rewind();
                self.writer.finish(done.rcode, Flags { truncated: true, ..Flags::default() });
                Outcome::Answer(Done { truncated: true, ..done })
            }
        }
    }
}

/// Whether a question asks for a zone as a whole.
pub(crate) fn is_transfer(query: &Query<'_>) -> bool {
    query.opcode == Opcode::Query && query.class == IN && matches!(query.rtype, Rtype::AXFR | Rtype::IXFR)
}

/// What is told before any zone is looked at.
fn refused(query: &Query<'_>) -> Option<Rcode> {
    if query.edns.is_some_and(|edns| edns.version > 0) {
        return Some(Rcode::BADVERS);
    }
    match (query.opcode, query.class) {
        // We are nobody's secondary.
        (Opcode::Notify, _) => return Some(Rcode::NOTAUTH),
        (Opcode::Query, CHAOS) => return None,
        (Opcode::Query, IN) => {}
        (Opcode::Query, _) => return Some(Rcode::REFUSED),
    }
    match query.rtype.0 {
        // Of no zone: OPT, TSIG.
        41 | 250 => Some(Rcode::FORMERR),
        // TKEY, MAILB, MAILA.
        249 | 253 | 254 => Some(Rcode::NOTIMP),
        _ => None,
    }
}

fn done(rtype: Rtype, rcode: Rcode, truncated: bool) -> Done {
    Done { rtype, rcode, truncated }
}
