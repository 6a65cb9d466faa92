//! DNS over TLS (RFC 7858; transfers: RFC 9103).

use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zonemux_plugin::{Error, Host, Result};

use crate::settings::Tls;

/// Where systems keep the certificates of authorities.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What connections need, from files that are read now.
pub(super) fn config(settings: &Tls, host: &Host) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::config(format!("tls: {error}")))?;
    let builder = if let Some(pin) = &settings.pin_sha256 {
        let pin = STANDARD.decode(pin).ok().and_then(|pin| <[u8; 32]>::try_from(pin).ok());
        let pin = pin.ok_or_else(|| Error::config("tls.pin_sha256: it is not the Base64 of 32 bytes"))?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Pinned { pin, provider }))
    } else {
        builder.with_root_certificates(authorities(settings, host)?)
    };
    let mut config = match (&settings.cert, &settings.key) {
        (Some(cert), Some(key)) => {
            let (cert, key) = (host.resolve(cert), host.resolve(key));
            let chain = certificates("tls.cert", &cert)?;
            let fault = |error: &dyn std::fmt::Display| {
                Error::config(format!("tls.key: `{}` can't be used: {error}", key.display()))
            };
            let private = PrivateKeyDer::from_pem_file(&key).map_err(|error| fault(&error))?;
            builder.with_client_auth_cert(chain, private).map_err(|error| fault(&error))?
        }
        _ => builder.with_no_client_auth(),
    };
    // RFC 9103, section 8.1.
    config.alpn_protocols = vec![b"dot".to_vec()];
    Ok(Arc::new(config))
}

fn authorities(settings: &Tls, host: &Host) -> Result<RootCertStore> {
    let path = match &settings.ca {
        Some(ca) => host.resolve(ca),
        None => SYSTEM.iter().map(Path::new).find(|path| path.exists()).map(Path::to_path_buf).ok_or_else(
            || {
                Error::config(
                    "tls: the system has no list of authorities\nhint: say `tls.ca` or `tls.pin_sha256`",
                )
            },
        )?,
    };
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(certificates("tls.ca", &path)?);
    if added == 0 {
        return Err(Error::config(format!(
            "tls.ca: `{}` has no certificate of an authority",
            path.display()
        )));
    }
    Ok(store)
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let fault = |error: &dyn std::fmt::Display| {
        Error::config(format!("{key}: `{}` can't be read: {error}", path.display()))
    };
    let text = fs::read(path).map_err(|error| fault(&error))?;
    let all: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|error| fault(&error))?;
    if all.is_empty() { Err(fault(&"it has no certificate in PEM")) } else { Ok(all) }
}

/// The name that a server's certificate has to have.
pub(super) fn server_name(settings: &Tls, host: &str) -> Result<ServerName<'static>, String> {
    let name = settings.server_name.as_deref().unwrap_or(host).trim_end_matches('.');
    ServerName::try_from(name.to_owned()).map_err(|_| format!("`{name}` is no name of a certificate"))
}

/// Takes the server whose certificate has one public key, whoever has signed it.
#[derive(Debug)]
struct Pinned {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let (_, certificate) = X509Certificate::from_der(end_entity)
            .map_err(|_| rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding))?;
        let found = Sha256::digest(certificate.public_key().raw);
        if found[..] == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(format!(
            "the server's public key has the pin {}, not the one of `tls.pin_sha256`",
            STANDARD.encode(found)
        )))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
