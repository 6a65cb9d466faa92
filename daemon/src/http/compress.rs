//! gzip for large answers.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::HeaderMap;
use hyper::header::ACCEPT_ENCODING;

use super::media_type::weight;

/// Whether a client would rather have gzip than the plain bytes (RFC 9110, 12.5.3).
pub fn wants_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for value in headers.get_all(ACCEPT_ENCODING) {
        let Ok(value) = value.to_str() else { continue };
        for coding in value.split(',') {
            let (coding, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            let quality = parameters
                .split(';')
                .filter_map(|parameter| parameter.split_once('='))
                .find_map(|(name, value)| name.trim().eq_ignore_ascii_case("q").then_some(value));
            let weight = Some(weight(quality));
            match coding.trim().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => gzip = weight,
                "identity" => identity = weight,
                "*" => any = weight,
                _ => {}
            }
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && identity.is_none_or(|identity| gzip >= identity)
}

/// Compresses chunk by chunk into chunks; takes the fastest level, for the wire is mostly a loopback.
pub fn gzip(chunks: &[Bytes]) -> io::Result<Vec<Bytes>> {
    let mut encoder = GzEncoder::new(Chunked::default(), Compression::fast());
    for chunk in chunks {
        encoder.write_all(chunk)?;
    }
    Ok(encoder.finish()?.finish())
}

const CHUNK: usize = 64 * 1024;

/// Collects what is written in chunks of equal size.
#[derive(Default)]
struct Chunked {
    buffer: Vec<u8>,
    chunks: Vec<Bytes>,
}

impl Chunked {
    fn finish(mut self) -> Vec<Bytes> {
        if !self.buffer.is_empty() {
            self.chunks.push(self.buffer.into());
        }
        self.chunks
    }
}

impl Write for Chunked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == CHUNK {
            self.chunks.push(std::mem::take(&mut self.buffer).into());
        }
        if self.buffer.capacity() == 0 {
            self.buffer.reserve_exact(CHUNK);
        }
        let taken = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_want_it() {
        for (accept, wanted) in [
            (&[][..], false),
            (&[""], false),
            (&["gzip"], true),
            (&["GZIP"], true),
            (&["x-gzip"], true),
            (&["deflate, gzip;q=1.0, *;q=0.5"], true),
            (&["br", "gzip"], true),
            (&["*"], true),
            (&["*;q=0"], false),
            (&["gzip;q=0, *"], false),
            (&["gzip; q=0"], false),
            (&["identity"], false),
            (&["identity, gzip;q=0.5"], false),
            (&["identity;q=0.5, gzip"], true),
            (&["identity, gzip"], true),
        ] {
            let headers: HeaderMap =
                accept.iter().map(|value| (ACCEPT_ENCODING, HeaderValue::from_static(value))).collect();
            assert_eq!(wants_gzip(&headers), wanted, "{accept:?}");
        }
    }

    proptest! {
        // Each case compresses some 100 kB, which takes its time without optimisation.
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn what_is_compressed_comes_back(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50_000), 0..6),
        ) {
            let whole = chunks.concat();
            let chunks: Vec<_> = chunks.into_iter().map(Bytes::from).collect();
            let compressed = gzip(&chunks).unwrap();
            prop_assert!(compressed.iter().all(|chunk| chunk.len() <= CHUNK));
            let mut back = Vec::new();
            GzDecoder::new(compressed.concat().as_slice()).read_to_end(&mut back).unwrap();
            prop_assert_eq!(back, whole);
        }
    }
}
