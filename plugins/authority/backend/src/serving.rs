//! What settings tell the DNS server.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zonemux_authority_server::{
    Algorithm as KeyAlgorithm, IpNet, Key, KeyName, RateLimit, Secondary, ServerSettings, TcpLimits,
};
use zonemux_authority_zones::Name;
use zonemux_plugin::dns::{canonical, is_at_or_below};

use crate::settings::{Algorithm, Settings, Transfer, Tsig};

/// What the server is told; else all that is wrong.
pub(crate) fn server_settings(settings: &Settings, zones: &[String]) -> Result<ServerSettings, Vec<String>> {
    let mut faults = Vec::new();
    let mut listen = Vec::new();
    for address in &settings.listen {
        match address.parse() {
            Ok(address) => listen.push(address),
            Err(_) => faults.push(format!("`{address}` is no address with a port")),
        }
    }
    let mut secondaries = Vec::new();
    for transfer in &settings.transfer {
        match secondary(transfer) {
            Ok(secondary) => secondaries.push(secondary),
            Err(reason) => faults.push(format!("secondary `{}`: {reason}", transfer.secondary)),
        }
    }
    let catalog = settings.catalog.as_deref().and_then(|name| canonical(name).ok());
    if let Some(name) = &catalog
        && let Some(zone) = zones.iter().find(|zone| is_at_or_below(zone, name) || is_at_or_below(name, zone))
    {
        faults.push(format!(
            "the catalog `{name}` and the zone `{zone}` lie in each other, so that names of one would hide those of the \
             other\nhint: a name that nobody else has, such as `catalog.invalid`"
        ));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let limits = &settings.limits;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    Ok(ServerSettings {
        listen,
        workers: settings.workers,
        max_udp: limits.udp_size,
        identity: settings.identity.clone(),
        version: settings.version.clone(),
        secondaries,
        transfer_from: settings.transfer_from.iter().filter_map(|network| network_of(network)).collect(),
        rate: (limits.responses_per_second > 0)
            .then_some(RateLimit { responses_per_second: limits.responses_per_second, slip: limits.slip }),
        tcp: TcpLimits {
            connections: limits.tcp_connections,
            per_client: limits.tcp_connections_per_client,
            idle: seconds(limits.tcp_idle.0),
            write: seconds(limits.tcp_write.0),
            transfers: limits.transfers,
        },
        catalog: catalog.and_then(|name| Name::from_canonical(&name)),
        ..ServerSettings::default()
    })
}

fn secondary(transfer: &Transfer) -> Result<Secondary, String> {
    let address = transfer.secondary.parse().map_err(|_| "it is no address with a port")?;
    let key = transfer.tsig.as_ref().map(key).transpose()?.map(Arc::new);
    Ok(Secondary { address, key, notify: transfer.notify })
}

/// A key as signatures are made with it. The reason for a refusal shows nothing of its secret.
pub(crate) fn key(tsig: &Tsig) -> Result<Key, String> {
    let secret = BASE64_STANDARD.decode(tsig.secret.expose()).unwrap_or_default();
    if secret.is_empty() {
        return Err("it is not base64, or empty".to_owned());
    }
    let algorithm = match tsig.algorithm {
        Algorithm::Sha1 => KeyAlgorithm::Sha1,
        Algorithm::Sha256 => KeyAlgorithm::Sha256,
        Algorithm::Sha384 => KeyAlgorithm::Sha384,
        Algorithm::Sha512 => KeyAlgorithm::Sha512,
    };
    let name = canonical(&tsig.name).map_err(|error| error.to_string())?;
    let name: KeyName = name.parse().map_err(|_| format!("`{name}` can't be the name of a key"))?;
    Key::new(algorithm, &secret, name, None, None).map_err(|error| error.to_string())
}

/// A network, or that of one address.
pub(crate) fn network_of(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
