//! From settings to zones with their servers.

use std::sync::Arc;

use zonemux_plugin::dns::{ZoneMap, canonical, is_at_or_below};
use zonemux_plugin::{Error, Host, Result};
use zonemux_rdata::name_to_wire;

use crate::connection::{Remote, primary};
use crate::settings::{Access, Place, Settings, Tsig, decode_secret, read_key_file};
use crate::tsig::{Algorithm, Key};
use crate::zone::Zone;

/// Everything of one backend.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) zones: Vec<Zone>,
    /// Positions of zones.
    pub(crate) map: ZoneMap<usize>,
    /// Seconds.
    pub(crate) default_ttl: u32,
}

impl Site {
    pub(crate) async fn open(settings: &Settings, host: &Host) -> Result<Self> {
        let names = names(settings, host)?;
        let mut known: Vec<(Access, Vec<Place>, Arc<Remote>)> = Vec::new();
        let mut zones = Vec::with_capacity(names.len());
        for name in &names {
            let access = settings.access(name);
            let mut places = Vec::with_capacity(access.servers.len());
            for server in &access.servers {
                let read = Place::read(server, access.port());
                places.push(read.map_err(|reason| Error::config(format!("server: `{server}`: {reason}")))?);
            }
            if places.is_empty() {
                let place = primary(name, access.port(), host).await?;
                tracing::info!(zone = name, server = %place, "the zone's SOA names this primary");
                places.push(place);
            }
            let same = known.iter().find(|(other, at, _)| *other == access && *at == places);
            let remote = if let Some((_, _, remote)) = same {
                Arc::clone(remote)
            } else {
                let key = access.tsig.as_ref().map(|tsig| key(tsig, host)).transpose()?;
                let remote = Arc::new(Remote::new(places.clone(), &access, key, host)?);
                known.push((access, places, Arc::clone(&remote)));
                remote
            };
            zones.push(Zone::new(name, remote, settings.full_transfer(), host.clone()));
        }
        for zone in &mut zones {
            let below =
                names.iter().filter(|other| **other != zone.name && is_at_or_below(other, &zone.name));
            zone.below = below.map(|below| name_to_wire(below)).collect();
        }
        let map = names.iter().enumerate().map(|(index, zone)| (zone, index)).collect();
        Ok(Self { zones, map, default_ttl: settings.default_ttl() })
    }

    /// Whether one zone lies in another, so that a record and its ownership TXT may lie in two.
    pub(crate) fn is_nested(&self) -> bool {
        self.zones.iter().any(|zone| !zone.below.is_empty())
    }
}

fn names(settings: &Settings, host: &Host) -> Result<Vec<String>> {
    let own = settings.zone.keys().filter_map(|zone| Some(canonical(zone).ok()?.into_owned()));
    if host.zones().is_empty() {
        let names: Vec<String> = own.collect();
        if names.is_empty() {
            return Err(Error::config(
                "no zone is named\nhint: say `zones = [\"example.org\"]` of the backend",
            ));
        }
        return Ok(names);
    }
    for zone in own {
        if !host.zones().contains(&zone) {
            return Err(Error::config(format!(
                "zone.{zone}: it is not among the backend's zones\nhint: add it to `zones`, or leave its settings out"
            )));
        }
    }
    Ok(host.zones().to_vec())
}

fn key(tsig: &Tsig, host: &Host) -> Result<Key> {
    let from_file;
    let tsig = if let Some(file) = &tsig.key_file {
        let path = host.resolve(file);
        let fault = |reason: String| Error::config(format!("tsig.key_file: `{}`: {reason}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|error| {
            fault(format!("it can't be read: {error}\nhint: zonemux's account has to be able to read it"))
        })?;
        from_file = read_key_file(&text, tsig.name.as_deref()).map_err(fault)?;
        &from_file
    } else {
        tsig
    };
    let fault = |key: &str, reason: &dyn std::fmt::Display| Error::config(format!("tsig.{key}: {reason}"));
    let name = tsig.name.as_deref().unwrap_or_default();
    let name = canonical(name).map_err(|error| fault("name", &error))?;
    let algorithm = tsig.algorithm.as_deref().map_or(Ok(Algorithm::Sha256), str::parse);
    let algorithm: Algorithm = algorithm.map_err(|reason| fault("algorithm", &reason))?;
    let secret = tsig.secret.as_ref().map_or("", |secret| secret.0.expose());
    let secret = decode_secret(secret).map_err(|reason| fault("secret", &reason))?;
    if algorithm.is_weak() {
        tracing::warn!(key = %name, %algorithm, "the key's algorithm is no longer safe: make one by `tsig-keygen -a hmac-sha256`");
    }
    Ok(Key::new(&name, algorithm, &secret))
}
