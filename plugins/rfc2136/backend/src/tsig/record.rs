//! The record that carries a signature (RFC 8945, section 4.2).

use zonemux_rdata::Rtype;

use crate::message::{Class, expand, records};

/// A signature as it stands in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tsig {
    pub(super) name: Vec<u8>,
    pub(super) algorithm: Vec<u8>,
    /// When it was signed, in seconds since 1970.
    pub(crate) time: u64,
    pub(super) fudge: u16,
    pub(super) mac: Vec<u8>,
    pub(super) original_id: [u8; 2],
    /// What is wrong with the request's signature; 0 for nothing.
    pub(crate) error: u16,
    /// With BADTIME, the server's clock.
    pub(super) other: Vec<u8>,
}

impl Tsig {
    /// The signature of a message, and where its record begins. `Ok(None)` where the message has none.
    pub(crate) fn find(message: &[u8]) -> Result<Option<(Self, usize)>, ()> {
        let mut last = None;
        let mut all = records(message).ok_or(())?;
        for record in all.by_ref() {
            last = Some(record.ok_or(())?);
        }
        if !all.is_at_end() {
            return Err(());
        }
        match last {
            Some(record) if record.rtype == Rtype::TSIG => {
                let mut name = Vec::new();
                record.write_owner(&mut name).ok_or(())?;
                let tsig = Self::read(name, record.raw_rdata()).ok_or(())?;
                Ok(Some((tsig, record.start)))
            }
            _ => Ok(None),
        }
    }

    fn read(name: Vec<u8>, rdata: &[u8]) -> Option<Self> {
        let mut algorithm = Vec::new();
        // It is never compressed (RFC 8945, section 4.2).
        let at = expand(rdata, 0, &mut algorithm)?;
        let (fixed, rest) = rdata.get(at..)?.split_first_chunk::<10>()?;
        let time = fixed[..6].iter().fold(0, |time, &octet| time << 8 | u64::from(octet));
        let fudge = u16::from_be_bytes([fixed[6], fixed[7]]);
        let (mac, rest) = rest.split_at_checked(u16::from_be_bytes([fixed[8], fixed[9]]).into())?;
        let (&[id, id_low, error, error_low, length, length_low], other) = rest.split_first_chunk::<6>()?;
        (other.len() == usize::from(u16::from_be_bytes([length, length_low]))).then(|| Self {
            name,
            algorithm,
            time,
            fudge,
            mac: mac.to_vec(),
            original_id: [id, id_low],
            error: u16::from_be_bytes([error, error_low]),
            other: other.to_vec(),
        })
    }

    /// The server's clock, where it says that ours is wrong.
    pub(crate) fn server_time(&self) -> u64 {
        match self.other.len() {
            6 => self.other.iter().fold(0, |time, &octet| time << 8 | u64::from(octet)),
            _ => self.time,
        }
    }

    /// What is signed beside the message (RFC 8945, section 4.3.3).
    pub(super) fn variables(&self, update: &mut impl FnMut(&[u8])) {
        update(&self.name);
        update(&(Class::Any as u16).to_be_bytes());
        update(&[0; 4]);
        update(&self.algorithm);
        self.timers(update);
        update(&self.error.to_be_bytes());
        update(&length(&self.other));
        update(&self.other);
    }

    /// What is signed beside a later message of an answer (RFC 8945, section 5.3.1).
    pub(super) fn timers(&self, update: &mut impl FnMut(&[u8])) {
        update(&self.time.to_be_bytes()[2..]);
        update(&self.fudge.to_be_bytes());
    }

    /// Appends the record to a message.
    pub(super) fn write(&self, message: &mut Vec<u8>, class: Class) {
        message.extend_from_slice(&self.name);
        message.extend(Rtype::TSIG.0.to_be_bytes());
        message.extend((class as u16).to_be_bytes());
        message.extend([0; 4]);
        let mut rdata = self.algorithm.clone();
        self.timers(&mut |octets| rdata.extend_from_slice(octets));
        rdata.extend(length(&self.mac));
        rdata.extend_from_slice(&self.mac);
        rdata.extend(self.original_id);
        rdata.extend(self.error.to_be_bytes());
        rdata.extend(length(&self.other));
        rdata.extend_from_slice(&self.other);
        message.extend(length(&rdata));
        message.extend(rdata);
        let additional = u16::from_be_bytes([message[10], message[11]]).saturating_add(1);
        message[10..12].copy_from_slice(&additional.to_be_bytes());
    }
}

fn length(octets: &[u8]) -> [u8; 2] {
    u16::try_from(octets.len()).unwrap_or(u16::MAX).to_be_bytes()
}
