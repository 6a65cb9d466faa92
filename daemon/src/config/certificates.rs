//! Certificates and keys out of their files, checked before anything listens with them.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, Error, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;
use zeroize::Zeroizing;

/// Far above any chain; keeps a wrong path (a device) from filling the memory.
const LARGEST_FILE: u64 = 1 << 20;

/// A server's certificates with their key, ready to be used. Two are equal if their files had the
/// same content.
#[derive(Clone)]
pub struct Certificates {
    server: Arc<ServerConfig>,
    digest: [u8; 32],
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl PartialEq for Certificates {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Certificates {}

/// The files that [`Certificates`] are read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'a> {
    pub(crate) cert: &'a Path,
    pub(crate) key: &'a Path,
    pub(crate) client_ca: Option<&'a Path>,
}

/// What is wrong with a file, and under which key it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) key: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
}

impl Problem {
    fn new(key: &'static str, message: String) -> Self {
        Self { key, message, hint: None }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

const UNREADABLE: &str = "the account that runs zonemux must be able to read it; a relative path starts at the \
                          folder of the configuration file";
const NOT_PEM: &str = "the file must be PEM text with `-----BEGIN CERTIFICATE-----` in it; \
                       `openssl x509 -inform der -in FILE` makes it from DER";
const NO_KEY: &str = "the file must be PEM text with `-----BEGIN PRIVATE KEY-----` in it, and not encrypted: \
                      `openssl pkcs8 -topk8 -nodes -in FILE` makes it from most others";

impl Certificates {
    /// What rustls takes: TLS 1.2 and 1.3, HTTP/1.1.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// Reads and checks the files; `now` is in seconds since 1970. The second list is of warnings.
    pub(crate) fn load(files: Files<'_>, now: i64) -> (Result<Self, Vec<Problem>>, Vec<Problem>) {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let mut digest = Sha256::new();
        let mut file = |key, path| {
            let content = read(key, path).map_err(|problem| problems.push(problem)).ok()?;
            digest.update(Sha256::digest(&*content));
            Some(content)
        };
        let cert = file("cert", files.cert);
        let key = file("key", files.key);
        let client_ca = files.client_ca.map(|path| file("client_ca", path));
        let mut keep = |problem| problems.push(problem);
        let chain = cert.and_then(|pem| certificates("cert", files.cert, &pem).map_err(&mut keep).ok());
        let key = key.and_then(|pem| private_key(files.key, &pem).map_err(&mut keep).ok());
        let client_ca = client_ca.map(|pem| {
            pem.and_then(|pem| certificates("client_ca", files.client_ca?, &pem).map_err(&mut keep).ok())
        });
        if let Some(chain) = &chain {
            warnings.extend(validity(chain, now));
        }
        let server = match (chain, key, client_ca) {
            (Some(chain), Some(key), None) => server(files, chain, key, None).map_err(keep).ok(),
            (Some(chain), Some(key), Some(Some(client_ca))) => {
                server(files, chain, key, Some(client_ca)).map_err(keep).ok()
            }
            _ => None,
        };
        let loaded = match server {
            Some(server) if problems.is_empty() => {
                Ok(Self { server: Arc::new(server), digest: digest.finalize().into() })
            }
            _ => Err(problems),
        };
        (loaded, warnings)
    }
}

fn read(key: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let shown = path.display();
    let unreadable =
        |error: &std::io::Error| Problem::new(key, format!("can't read `{shown}`: {error}")).hint(UNREADABLE);
    let mut content = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut content).map_err(|error| unreadable(&error))?;
    if content.len() as u64 > LARGEST_FILE {
        return Err(Problem::new(key, format!("`{shown}` is larger than 1 MiB")));
    }
    Ok(content)
}

fn certificates(key: &'static str, path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let found: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(Problem::new(key, format!("`{}` holds no certificate", path.display())).hint(NOT_PEM)),
        Err(_) => Err(Problem::new(key, format!("`{}` is not valid PEM", path.display())).hint(NOT_PEM)),
    }
}

/// The parser's own words are left out: they may repeat a line of the file.
fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, Problem> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let path = path.display();
        let message = match error {
            PemError::NoItemsFound => format!("`{path}` holds no private key that can be used"),
            _ => format!("`{path}` is not valid PEM"),
        };
        Problem::new("key", message).hint(NO_KEY)
    })
}

fn server(
    files: Files<'_>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    client_ca: Option<Vec<CertificateDer<'static>>>,
) -> Result<ServerConfig, Problem> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (cert_file, key_file) = (files.cert.display(), files.key.display());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Problem::new("cert", error.to_string()))?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let unusable = |error: &dyn fmt::Display| {
                let path = files.client_ca.unwrap_or(Path::new("")).display();
                Problem::new("client_ca", format!("`{path}` can't be used: {error}")).hint(
                    "it must hold the certificates of the authorities that have signed those of clients",
                )
            };
            let mut roots = RootCertStore::empty();
            for authority in authorities {
                roots.add(authority).map_err(|error| unusable(&error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| unusable(&error))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
        Error::InconsistentKeys(_) => Problem::new(
            "key",
            format!("`{key_file}` does not belong to the first certificate in `{cert_file}`"),
        )
        .hint("the server's own certificate comes first in `cert`, those of its issuers after it"),
        Error::InvalidCertificate(CertificateError::BadEncoding) => {
            Problem::new("cert", format!("the first certificate in `{cert_file}` can't be read"))
                .hint("it must be of X.509 version 3; `openssl x509 -text -noout -in FILE` shows what it is")
        }
        Error::InvalidCertificate(error) => {
            Problem::new("cert", format!("the first certificate in `{cert_file}` can't be used: {error}"))
        }
        _ => Problem::new("key", format!("`{key_file}` holds a key that can't be used"))
            .hint("RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384 and Ed25519 can be"),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Certificates that clients will refuse for their dates. The daemon serves with them all the same: a
/// refused start would take more away than a refused handshake.
fn validity(chain: &[CertificateDer<'static>], now: i64) -> Vec<Problem> {
    let Ok(now) = ASN1Time::from_timestamp(now) else { return Vec::new() };
    // Without the second space that it puts before a day of one digit.
    let shown = |time: ASN1Time| time.to_string().replace("  ", " ");
    let warning = |(index, der): (usize, &CertificateDer<'static>)| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let (validity, number) = (certificate.validity(), index + 1);
        let message = if now > validity.not_after {
            format!("certificate {number} expired at {}", shown(validity.not_after))
        } else if now < validity.not_before {
            format!("certificate {number} is not valid before {}", shown(validity.not_before))
        } else {
            return None;
        };
        Some(Problem::new("cert", message).hint("clients will refuse it; renew it, and look at the clock"))
    };
    chain.iter().enumerate().filter_map(warning).collect()
}
