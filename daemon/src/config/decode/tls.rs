//! `[webhook.tls]`.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::certificates::{Certificates, Files, Problem};
use super::super::error::Finding;
use super::super::load::Purpose;
use super::super::model::Tls;
use super::Reader;
use super::section::Section;

impl Reader<'_> {
    pub(super) fn tls(&mut self, webhook: &mut Section<'_>) -> Option<Tls> {
        let mut section = self.section(webhook, "tls")?;
        let section = &mut section;
        let cert = self.required_located::<PathBuf>(section, "cert");
        let key = self.required_located::<PathBuf>(section, "key");
        let (has_client_ca, client_ca) = if section.lacks("client_ca") {
            section.take("client_ca");
            (false, None)
        } else {
            (true, self.required_located::<PathBuf>(section, "client_ca"))
        };
        self.finish(section);
        let (cert, key) = (cert?, key?);
        if has_client_ca && client_ca.is_none() {
            return None;
        }
        let certificates = if self.purpose == Purpose::Inspect {
            None
        } else {
            let of_clients = client_ca.as_ref().map(|path| path.value.as_path());
            let files = Files { cert: &cert.value, key: &key.value, client_ca: of_clients };
            let (loaded, warnings) = Certificates::load(files, now());
            let paths = [Some(&cert), Some(&key), client_ca.as_ref()];
            self.referenced_files.extend(paths.iter().flatten().map(|path| path.value.clone()));
            let finding = |Problem { key, message, hint }| {
                let key = section.path.key(key);
                let path = paths.iter().flatten().find(|path| path.path == key);
                let origin = path.map(|path| path.origin.clone());
                Finding { origin, hint: hint.map(str::to_owned), ..Finding::at(&key, message) }
            };
            self.warnings.extend(warnings.into_iter().map(finding));
            match loaded {
                Ok(certificates) => Some(certificates),
                Err(problems) => {
                    self.faults.extend(problems.into_iter().map(finding));
                    return None;
                }
            }
        };
        let client_ca = client_ca.map(|path| path.value);
        Some(Tls { cert: cert.value, key: key.value, client_ca, certificates })
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
