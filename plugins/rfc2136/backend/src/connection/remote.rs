//! The servers of a zone: which is asked, over which connection, and what of its answers is believed.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zonemux_plugin::{Host, Result};

use super::stream::{Connection, connect};
use super::tls;
use super::transfer::Transfer;
use crate::clock::now;
use crate::failure::{Asked, Context, Failure};
use crate::message::{Header, Rcode, header};
use crate::settings::{Access, Place, Tls, Transport};
use crate::tsig::{Check, Key, TsigError};

/// What fits into a datagram everywhere (RFC 9715, appendix A).
const DATAGRAM: usize = 1232;
/// How long a connection is kept for later: servers close those that are idle (Knot after 10 s).
const IDLE: Duration = Duration::from_secs(4);
/// How many connections are kept.
const KEPT: usize = 8;
/// How long another server is asked before the first is tried again.
const AWAY: Duration = Duration::from_secs(60);

/// The servers of one zone or several.
#[derive(Debug)]
pub(crate) struct Remote {
    places: Vec<Place>,
    key: Option<Key>,
    transport: Transport,
    tls: Option<(Tls, Arc<ClientConfig>)>,
    source: Option<IpAddr>,
    limit: Duration,
    idle: Mutex<Vec<Connection>>,
    /// The server that is asked first, and since when that is not the first one.
    preferred: Mutex<(usize, Instant)>,
    /// What the server says that it is, once it was asked.
    pub(crate) version: OnceCell<String>,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It may be sent again, to another server too.
    Question,
    /// It must not be sent twice without looking.
    Update,
}

/// An answer that is believed: signed, where a key is set, or an unsigned no.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) message: Vec<u8>,
    pub(crate) rcode: Rcode,
    pub(crate) server: usize,
    /// Whether it carries a signature that was checked.
    pub(crate) is_signed: bool,
}

impl Remote {
    pub(crate) fn new(places: Vec<Place>, access: &Access, key: Option<Key>, host: &Host) -> Result<Self> {
        let tls = match access.transport {
            Transport::Tls => Some((access.tls.clone(), tls::config(&access.tls, host)?)),
            _ => None,
        };
        Ok(Self {
            places,
            key,
            transport: access.transport,
            tls,
            source: access.source.as_deref().and_then(|source| source.parse().ok()),
            limit: access.limit(),
            idle: Mutex::default(),
            preferred: Mutex::new((0, Instant::now())),
            version: OnceCell::new(),
        })
    }

    pub(crate) fn place(&self, server: usize) -> &Place {
        &self.places[server]
    }

    pub(crate) fn context<'a>(&self, zone: &'a str) -> Context<'a> {
        Context { zone, key: self.key.as_ref().map(Key::shown_name) }
    }

    /// The octets that a message may have before it is signed.
    pub(crate) fn room(&self) -> usize {
        usize::from(u16::MAX) - self.key.as_ref().map_or(0, Key::room)
    }

    /// Sends a message, signed, and gives the answer.
    pub(crate) async fn ask(&self, message: &[u8], purpose: Purpose) -> Result<Answer, Failure> {
        let by_datagram = self.transport == Transport::Udp
            && message.len() + self.key.as_ref().map_or(0, Key::room) <= DATAGRAM;
        if by_datagram {
            match self.ask_by_datagram(message, purpose).await {
                // What does not fit into a datagram comes by TCP.
                Ok((_, true)) if purpose == Purpose::Question => {}
                Ok((answer, _)) => return Ok(answer),
                Err(failure) => return Err(failure),
            }
        }
        let mut signed = Vec::new();
        let mut lost = None;
        for _ in 0..=self.places.len() {
            let mut connection = match self.connection().await {
                Ok(connection) => connection,
                Err(failure) => return Err(lost.unwrap_or(failure)),
            };
            let server = connection.server;
            signed.clear();
            signed.extend_from_slice(message);
            // Anew for each server and try: the time is part of the signature.
            let mut check = self.key.as_ref().map(|key| key.sign(&mut signed, now()));
            let mut answer = Vec::new();
            let exchanged = async {
                connection.send(&signed).await?;
                connection.receive(&mut answer).await
            };
            match exchanged.await {
                Ok(()) => {
                    let (rcode, is_signed) = self.believe(server, message, &answer, check.as_mut())?;
                    self.keep(connection);
                    return Ok(Answer { message: answer, rcode, server, is_signed });
                }
                Err(error) => {
                    self.avoid(server);
                    let failure = Failure::Lost(self.place(server).clone(), error.to_string());
                    if purpose == Purpose::Update {
                        return Err(failure);
                    }
                    lost = Some(failure);
                }
            }
        }
        Err(lost.unwrap_or(Failure::Unreachable(Vec::new())))
    }

    /// An answer, and whether it was cut off.
    async fn ask_by_datagram(&self, message: &[u8], purpose: Purpose) -> Result<(Answer, bool), Failure> {
        let mut tried = Vec::new();
        let mut lost = None;
        for server in self.order() {
            let place = self.place(server);
            let addresses = match addresses(place).await {
                Ok(addresses) => addresses,
                Err(reason) => {
                    tried.push((place.clone(), reason));
                    continue;
                }
            };
            for address in addresses {
                let mut signed = message.to_vec();
                let mut check = self.key.as_ref().map(|key| key.sign(&mut signed, now()));
                match self.datagram(address, &signed).await {
                    Ok(answer) => {
                        let (rcode, is_signed) = self.believe(server, message, &answer, check.as_mut())?;
                        let is_cut = header(&answer).is_some_and(|header| header.is_truncated);
                        return Ok((Answer { message: answer, rcode, server, is_signed }, is_cut));
                    }
                    Err(error) => {
                        self.avoid(server);
                        let failure = Failure::Lost(place.clone(), error.to_string());
                        if purpose == Purpose::Update {
                            return Err(failure);
                        }
                        lost = Some(failure);
                    }
                }
            }
        }
        Err(lost.unwrap_or(Failure::Unreachable(tried)))
    }

    async fn datagram(&self, address: SocketAddr, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let any = self.source.unwrap_or(if address.is_ipv4() {
            IpAddr::from([0, 0, 0, 0])
        } else {
            IpAddr::from([0_u16; 8])
        });
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
        socket.connect(address).await?;
        socket.send(message).await?;
        let mut answer = vec![0; usize::from(u16::MAX)];
        let receive = async {
            loop {
                let length = socket.recv(&mut answer).await?;
                // An answer to something else is waited out.
                if answer[..length].get(..2) == message.get(..2) {
                    return Ok::<usize, std::io::Error>(length);
                }
            }
        };
        let silent = || std::io::Error::other(format!("no answer within {:?}", self.limit));
        let length = timeout(self.limit, receive).await.map_err(|_| silent())??;
        answer.truncate(length);
        Ok(answer)
    }

    /// Begins a transfer.
    pub(crate) async fn transfer(&self, message: &[u8]) -> Result<Transfer<'_>, Failure> {
        let mut connection = self.connection().await?;
        let server = connection.server;
        let mut signed = message.to_vec();
        let check = self.key.as_ref().map(|key| key.sign(&mut signed, now()));
        if let Err(error) = connection.send(&signed).await {
            self.avoid(server);
            return Err(Failure::Lost(self.place(server).clone(), error.to_string()));
        }
        let id = [message[0], message[1]];
        Ok(Transfer::new(self, connection, check, id))
    }

    /// What an answer says, if it is one to that message and may be believed.
    fn believe(
        &self,
        server: usize,
        asked: &[u8],
        answer: &[u8],
        check: Option<&mut Check<'_>>,
    ) -> Result<(Rcode, bool), Failure> {
        let place = || self.place(server).clone();
        let wrong = |reason: &str| Failure::Lost(place(), reason.to_owned());
        let (Some(read), Some(sent)) = (header(answer), header(asked)) else {
            return Err(wrong("its answer is too short for one"));
        };
        if read.id != sent.id || !read.is_answer || read.opcode != sent.opcode {
            return Err(wrong("its answer is to another message"));
        }
        let tsig = |error| Failure::Tsig(place(), error);
        let Some(check) = check else { return Ok((read.rcode, false)) };
        let is_signed = Self::signed(&read, answer, check).map_err(tsig)?;
        Ok((read.rcode, is_signed))
    }

    pub(super) fn signed(read: &Header, answer: &[u8], check: &mut Check<'_>) -> Result<bool, TsigError> {
        let now = now();
        if let Some(error) = Check::reported(answer, now) {
            return Err(error);
        }
        match check.message(answer, now) {
            // Servers that don't know the key say no without a signature. It is no more than that.
            Err(TsigError::Unsigned) if read.rcode != Rcode::NOERROR && !read.rcode.is_prerequisite() => {
                Ok(false)
            }
            other => other.map(|()| true),
        }
    }

    /// The failure of what a server refuses.
    pub(crate) fn refusal(&self, answer: &Answer, asked: Asked) -> Failure {
        self.refused(answer.server, answer.rcode, asked, answer.is_signed)
    }

    pub(super) fn refused(&self, server: usize, rcode: Rcode, asked: Asked, is_signed: bool) -> Failure {
        let doubts_key = self.key.is_some() && !is_signed;
        Failure::Refused { place: self.place(server).clone(), rcode, asked, doubts_key }
    }

    /// The servers in the order in which they are to be asked.
    fn order(&self) -> Vec<usize> {
        let mut preferred = self.preferred.lock().unwrap_or_else(PoisonError::into_inner);
        if preferred.0 != 0 && preferred.1.elapsed() > AWAY {
            *preferred = (0, Instant::now());
        }
        let count = self.places.len();
        (0..count).map(|at| (at + preferred.0) % count).collect()
    }

    /// Lets the next server be asked first for a while.
    pub(super) fn avoid(&self, server: usize) {
        let mut preferred = self.preferred.lock().unwrap_or_else(PoisonError::into_inner);
        if preferred.0 == server && self.places.len() > 1 {
            *preferred = ((server + 1) % self.places.len(), Instant::now());
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).retain(|kept| kept.server != server);
    }

    pub(super) fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }

    /// A connection that is there already, or a new one.
    async fn connection(&self) -> Result<Connection, Failure> {
        let order = self.order();
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut kept) = kept else { break };
            let is_first = order.first() == Some(&kept.server);
            if is_first && kept.used.elapsed() < IDLE && kept.is_alive() {
                return Ok(kept);
            }
        }
        let mut tried = Vec::new();
        for server in order {
            match self.connect(server).await {
                Ok(connection) => return Ok(connection),
                Err(reason) => {
                    let place = self.place(server).clone();
                    tracing::debug!(server = %place, reason, "no connection");
                    self.avoid(server);
                    tried.push((place, reason));
                }
            }
        }
        Err(Failure::Unreachable(tried))
    }

    async fn connect(&self, server: usize) -> Result<Connection, String> {
        let place = self.place(server);
        let mut last = "it has no address".to_owned();
        for address in addresses(place).await? {
            let fits = self.source.is_none_or(|source| source.is_ipv4() == address.is_ipv4());
            if !fits {
                "`source` is of the other family of addresses".clone_into(&mut last);
                continue;
            }
            match self.connect_to(address, place, server).await {
                Ok(connection) => return Ok(connection),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }

    async fn connect_to(
        &self,
        address: SocketAddr,
        place: &Place,
        server: usize,
    ) -> Result<Connection, String> {
        let stream = connect(address, self.source, self.limit).await.map_err(|error| error.to_string())?;
        let Some((settings, config)) = &self.tls else {
            return Ok(Connection::new(Box::new(stream), self.limit, server));
        };
        let name = tls::server_name(settings, &place.host)?;
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name, stream);
        let stream = timeout(self.limit, handshake)
            .await
            .map_err(|_| format!("no TLS within {:?}", self.limit))?
            .map_err(|error| format!("TLS: {error}"))?;
        Ok(Connection::new(Box::new(stream), self.limit, server))
    }
}

/// The addresses of a server, of which names have several.
async fn addresses(place: &Place) -> Result<Vec<SocketAddr>, String> {
    if let Some(address) = place.address() {
        return Ok(vec![address]);
    }
    let found = lookup_host((place.host.as_str(), place.port)).await;
    let found: Vec<SocketAddr> =
        found.map_err(|error| format!("its name can't be looked up: {error}"))?.collect();
    if found.is_empty() { Err("its name has no address".to_owned()) } else { Ok(found) }
}
