//! A proxy between the backend and a server, which does to messages what networks and broken servers do.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Says what becomes of an answer; the question comes first.
pub type Rule = Box<dyn FnMut(&[u8], Vec<u8>) -> Reply + Send>;

/// What becomes of an answer.
#[derive(Debug)]
pub enum Reply {
    /// It is sent.
    Send(Vec<u8>),
    /// The first octets are sent, then the connection is cut.
    Cut(Vec<u8>),
    /// The connection is cut before any of it arrives.
    Swallow,
    /// It is sent after some time.
    Late(Vec<u8>, Duration),
}

/// A proxy for messages over TCP.
pub struct Proxy {
    address: SocketAddr,
    rule: Arc<Mutex<Rule>>,
}

impl Proxy {
    /// A proxy that does nothing to messages.
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
        let address = listener.local_addr().expect("it is bound");
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(|_, answer| Reply::Send(answer))));
        let proxy = Self { address, rule: Arc::clone(&rule) };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let rule = Arc::clone(&rule);
                // Either end may go at any time: that is what it is for.
                thread::spawn(move || drop(serve(client, server, &rule)));
            }
        });
        proxy
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what becomes of each answer from now on: the question comes first.
    pub fn set(&self, rule: impl FnMut(&[u8], Vec<u8>) -> Reply + Send + 'static) {
        *self.rule.lock().expect("no rule panics") = Box::new(rule);
    }

    /// Lets all pass again.
    pub fn pass(&self) {
        self.set(|_, answer| Reply::Send(answer));
    }
}

/// Whether a question is an update.
pub fn is_update(question: &[u8]) -> bool {
    opcode(question) == 5 && question[8..10] != [0, 0]
}

/// Whether a question is one for a transfer.
pub fn is_transfer(question: &[u8]) -> bool {
    // The type stands behind the name, which is `example.org` in all tests.
    opcode(question) == 0 && matches!(question.get(25..27), Some([0, 251 | 252]))
}

fn opcode(question: &[u8]) -> u8 {
    question[2] >> 3 & 0xf
}

fn serve(mut client: TcpStream, server: SocketAddr, rule: &Mutex<Rule>) -> io::Result<()> {
    let mut upstream = TcpStream::connect(server)?;
    while let Ok(question) = receive(&mut client) {
        send(&mut upstream, &question)?;
        loop {
            let answer = receive(&mut upstream)?;
            let is_transfer = is_transfer(&question);
            let reply = (rule.lock().expect("no rule panics"))(&question, answer);
            match reply {
                Reply::Send(answer) => send(&mut client, &answer)?,
                Reply::Cut(octets) => {
                    client.write_all(&octets)?;
                    return client.shutdown(Shutdown::Both);
                }
                Reply::Swallow => return client.shutdown(Shutdown::Both),
                Reply::Late(answer, time) => {
                    thread::sleep(time);
                    send(&mut client, &answer)?;
                }
            }
            if !is_transfer {
                break;
            }
            // Other messages of the same answer follow, or the next question does.
            upstream.set_nonblocking(true)?;
            client.set_nonblocking(true)?;
            let more = loop {
                let mut octet = [0];
                match (upstream.peek(&mut octet), client.peek(&mut octet)) {
                    (Ok(_), _) => break true,
                    (_, Ok(_)) => break false,
                    _ => thread::yield_now(),
                }
            };
            upstream.set_nonblocking(false)?;
            client.set_nonblocking(false)?;
            if !more {
                break;
            }
        }
    }
    Ok(())
}

fn receive(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut message)?;
    Ok(message)
}

fn send(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], message].concat())
}
