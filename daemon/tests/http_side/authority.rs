//! An authority of its own for each test: it signs certificates of a server and of clients.

use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use zonemux::config::load_text;

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, folder: tempfile::tempdir().unwrap() }
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// What the daemon makes of a new certificate for `name`, through files and configuration.
    pub(crate) fn server(&self, name: &str, wants_client: bool) -> Arc<rustls::ServerConfig> {
        let (cert, key) = self.sign(name, ExtendedKeyUsagePurpose::ServerAuth);
        let write = |file: &str, content: String| std::fs::write(self.folder.path().join(file), content);
        write("tls.crt", cert.pem()).unwrap();
        write("tls.key", key.serialize_pem()).unwrap();
        write("clients.pem", self.issuer.pem()).unwrap();
        let client_ca = if wants_client { "client_ca = \"clients.pem\"\n" } else { "" };
        let text = format!(
            "version = 1\n[webhook.tls]\ncert = \"tls.crt\"\nkey = \"tls.key\"\n{client_ca}\
             [backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\n"
        );
        let loaded = load_text(&self.folder.path().join("config.toml"), &text).unwrap();
        loaded.config.webhook.tls.unwrap().certificates.unwrap().server_config()
    }

    /// A client that trusts this authority, and is certified by it if it shall be.
    pub(crate) fn client(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        certified: bool,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        if !certified {
            return builder.with_no_client_auth();
        }
        let (cert, key) = self.sign("client", ExtendedKeyUsagePurpose::ClientAuth);
        let chain: Vec<CertificateDer<'static>> = vec![cert.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        builder.with_client_auth_cert(chain, key).unwrap()
    }
}
