//! Questions, most of them about names that are there, or beside such.

use std::fmt;

use fastrand::Rng;

use zonemux_rdata::Rtype;

use crate::client::text;
use crate::zone::{LABELS, random_label};

/// The longest name (RFC 1035, section 2.3.4).
const LONGEST: usize = 255;
/// Types that are asked for: those that the zones have, those that mean something, some that nobody knows.
const TYPES: [u16; 30] = [
    1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 43, 48, 52, 64, 65, 255, 257, 65280, 4711, 1, 1, 28, 2, 5, 43,
    255, 6, 47, 99,
];

/// How a question is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Udp,
    Tcp,
}

#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) way: Way,
    pub(crate) id: u16,
    /// Recursion desired, authentic data, checking disabled.
    pub(crate) recursion: bool,
    pub(crate) authentic: bool,
    pub(crate) unchecked: bool,
    /// In wire form.
    pub(crate) name: Vec<u8>,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    /// The largest answer that is wanted, and whether DNSSEC is.
    pub(crate) edns: Option<(u16, bool)>,
}

impl Question {
    pub(crate) fn new(name: Vec<u8>, rtype: Rtype) -> Self {
        let (way, id, class, edns) = (Way::Udp, 0, 1, None);
        let (recursion, authentic, unchecked) = (false, false, false);
        Self { way, id, recursion, authentic, unchecked, name, rtype: rtype.0, class, edns }
    }

    pub(crate) fn message(&self) -> Vec<u8> {
        let [high, low] = self.id.to_be_bytes();
        let flags = u8::from(self.authentic) << 5 | u8::from(self.unchecked) << 4;
        let mut message = vec![high, low, u8::from(self.recursion), flags, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(&self.name);
        message.extend(self.rtype.to_be_bytes());
        message.extend(self.class.to_be_bytes());
        if let Some((payload, dnssec)) = self.edns {
            message[11] = 1;
            message.extend([0, 0, 41]);
            message.extend(payload.to_be_bytes());
            message.extend([0, 0, u8::from(dnssec) << 7, 0, 0, 0]);
        }
        message
    }

    /// The same in each way: by UDP without and with EDNS, and by TCP.
    pub(crate) fn ways(&self, random: &mut Rng) -> [Self; 3] {
        let edns = Some((*random.choice(&[512, 1232, 4096]).expect("sizes"), random.bool()));
        let plain = Self { way: Way::Udp, id: random.u16(..), edns: None, ..self.clone() };
        let with = Self { way: Way::Udp, id: random.u16(..), edns, ..self.clone() };
        let tcp =
            Self { way: Way::Tcp, id: random.u16(..), edns: edns.filter(|_| random.bool()), ..self.clone() };
        [plain, with, tcp]
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, rtype, class, edns, recursion, authentic, unchecked, .. } = self;
        write!(
            f,
            "{} type {rtype} class {class} by {way:?}, EDNS {edns:?}, RD {recursion} AD {authentic} CD {unchecked}",
            text(&self.name)
        )
    }
}

/// A question about one of these names or one near it.
pub(crate) fn random(names: &[Vec<u8>], random: &mut Rng) -> Question {
    let mut name = random.choice(names).expect("names").clone();
    match random.u8(..100) {
        0..40 => {}
        40..60 => name = below(&name, &random_label(random)),
        60..70 => name = below(&parent(&name), &random_label(random)),
        70..80 => name = parent(&name),
        80..90 => {
            for _ in 0..random.u8(2..5) {
                name = below(&name, &random_label(random));
            }
        }
        90..95 => {
            // As long as a name can be.
            while name.len() < LONGEST - 1 {
                let length = random.usize(1..64).min(LONGEST - 1 - name.len());
                name = below(&name, &vec![b'l'; length.max(1)]);
            }
        }
        _ => {
            let outside =
                [&b"\x03com\0"[..], b"\x03org\0", b"\0", b"\x07example\x03com\0", b"\x08xexample\x03org\0"];
            name = (*random.choice(outside).expect("names")).to_vec();
            if random.bool() {
                name = below(&name, LABELS[0]);
            }
        }
    }
    if random.u8(..10) < 3 {
        // Lengths of labels are no letters, so all octets may be told to be large.
        for octet in &mut name {
            if random.bool() {
                *octet = octet.to_ascii_uppercase();
            }
        }
    }
    // Not CHAOS, which BIND answers three times a second and no more.
    let class = if random.u8(..100) < 2 { *random.choice(&[4, 254, 255, 7]).expect("classes") } else { 1 };
    let rtype = Rtype(*random.choice(&TYPES).expect("types"));
    Question {
        recursion: random.bool(),
        authentic: random.u8(..8) == 0,
        unchecked: random.u8(..8) == 0,
        class,
        ..Question::new(name, rtype)
    }
}

/// A name below another; that itself where it would be too long.
fn below(name: &[u8], label: &[u8]) -> Vec<u8> {
    if name.len() + 1 + label.len() > LONGEST {
        return name.to_vec();
    }
    let length = u8::try_from(label.len()).expect("63 octets at most");
    [&[length], label, name].concat()
}

pub(crate) fn parent(name: &[u8]) -> Vec<u8> {
    match name[0] {
        0 => name.to_vec(),
        length => name[1 + usize::from(length)..].to_vec(),
    }
}
