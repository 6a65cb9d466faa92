//! Messages, octet by octet, and what comes back for them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use domain::base::Message;
use zonemux_rdata::{Rtype, name_to_wire};

/// How long an answer may take. Only a machine that is busy beyond all reason needs so much.
const LIMIT: Duration = Duration::from_secs(30);

/// A question of class IN with a number of its own.
pub fn question(name: &str, rtype: Rtype) -> Vec<u8> {
    question_of(&name_to_wire(name), rtype.0, 1)
}

pub fn question_of(wire: &[u8], rtype: u16, class: u16) -> Vec<u8> {
    let id = fastrand::u16(..).to_be_bytes();
    let mut message = vec![id[0], id[1], 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(wire);
    message.extend(rtype.to_be_bytes());
    message.extend(class.to_be_bytes());
    message
}

/// The question with an OPT record.
pub fn with_edns(mut message: Vec<u8>, version: u8, payload: u16, options: &[u8]) -> Vec<u8> {
    message[11] += 1;
    message.extend([0, 0, 41]);
    message.extend(payload.to_be_bytes());
    message.extend([0, version, 0, 0]);
    message.extend(u16::try_from(options.len()).unwrap().to_be_bytes());
    message.extend(options);
    message
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply(pub Vec<u8>);

impl Reply {
    pub fn id(&self) -> [u8; 2] {
        [self.0[0], self.0[1]]
    }

    /// The code in the header and, where there is one, in the OPT record.
    pub fn rcode(&self) -> u16 {
        let upper = self.message().opt().map_or(0, |opt| opt.rcode(self.message().header()).to_int() >> 4);
        upper << 4 | u16::from(self.0[3] & 0xf)
    }

    pub fn is_truncated(&self) -> bool {
        self.0[2] & 2 != 0
    }

    pub fn is_authoritative(&self) -> bool {
        self.0[2] & 4 != 0
    }

    /// How many records are in each section, the question's first.
    pub fn counts(&self) -> [u16; 4] {
        [4, 6, 8, 10].map(|at| u16::from_be_bytes([self.0[at], self.0[at + 1]]))
    }

    pub fn message(&self) -> Message<&[u8]> {
        Message::from_octets(&self.0[..]).unwrap()
    }

    /// Where the question's name lies.
    pub fn question(&self) -> &[u8] {
        let length = zonemux_rdata::name_length(&self.0[12..]).unwrap();
        &self.0[12..12 + length]
    }

    /// The value of an option of the OPT record.
    pub fn option(&self, code: u16) -> Option<Vec<u8>> {
        let opt = self.message().opt()?;
        let options = opt.opt().iter::<domain::base::opt::UnknownOptData<_>>();
        options
            .flatten()
            .find(|option| option.code().to_int() == code)
            .map(|option| option.as_slice().to_vec())
    }

    /// That every octet belongs to a record that can be read.
    pub fn assert_whole(&self) {
        let message = self.message();
        let records = message.sections().unwrap();
        for section in [records.1, records.2, records.3] {
            for record in section {
                let record = record.expect("a record that can be read");
                record.to_any_record::<domain::rdata::AllRecordData<_, _>>().expect("RDATA that can be read");
            }
        }
    }
}

/// A socket that talks to a server by UDP.
pub fn udp_socket(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((if server.is_ipv4() { "127.0.0.1" } else { "::1" }, 0)).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
}

/// Asks by UDP.
#[track_caller]
pub fn udp(server: SocketAddr, message: &[u8]) -> Reply {
    let socket = udp_socket(server);
    socket.send(message).unwrap();
    let reply = receive(&socket);
    assert_eq!(reply.id(), [message[0], message[1]]);
    reply
}

#[track_caller]
pub fn receive(socket: &UdpSocket) -> Reply {
    let mut buffer = vec![0; 65535];
    let length = socket.recv(&mut buffer).expect("an answer by UDP");
    buffer.truncate(length);
    Reply(buffer)
}

/// That a message is not answered: a question that is sent after it on the same socket is answered first.
#[track_caller]
pub fn is_silent(server: SocketAddr, message: &[u8]) -> bool {
    let socket = udp_socket(server);
    socket.send(message).unwrap();
    let after = question("www.example.org", Rtype::A);
    socket.send(&after).unwrap();
    receive(&socket).id() == [after[0], after[1]]
}

/// A connection.
pub fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends messages, all in one piece.
pub fn send(mut stream: &TcpStream, messages: &[Vec<u8>]) {
    let mut all = Vec::new();
    for message in messages {
        all.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        all.extend(message);
    }
    stream.write_all(&all).unwrap();
}

/// The next message; `None` at the end of the connection.
#[track_caller]
pub fn next(mut stream: &TcpStream) -> Option<Reply> {
    let mut length = [0; 2];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("no answer by TCP"),
        Err(_) => return None,
    }
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    Some(Reply(message))
}

/// Asks by TCP.
#[track_caller]
pub fn tcp(server: SocketAddr, message: &[u8]) -> Reply {
    let stream = connect(server);
    send(&stream, &[message.to_vec()]);
    let reply = next(&stream).expect("an answer by TCP");
    assert_eq!(reply.id(), [message[0], message[1]]);
    reply
}
