//! What is wrong with settings, all of it at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zonemux_plugin::Fault;
use zonemux_plugin::dns::canonical;

use super::{Place, Settings, Tls, Transport, Tsig, ZoneSettings, duration};
use crate::tsig::Algorithm;

pub(super) fn faults(settings: &Settings) -> Vec<Fault> {
    let mut faults = Vec::new();
    let common = ZoneSettings {
        server: settings.server.clone(),
        servers: settings.servers.clone(),
        tsig: settings.tsig.clone(),
        transport: settings.transport,
        tls: settings.tls.clone(),
        source: settings.source.clone(),
        timeout: settings.timeout.clone(),
    };
    access(&common, settings, "", &mut faults);
    time("default_ttl", settings.default_ttl.as_deref(), &mut faults);
    time("full_transfer", settings.full_transfer.as_deref(), &mut faults);
    let highest = i32::MAX.unsigned_abs();
    if settings.default_ttl.is_some() && !(1..=highest).contains(&settings.default_ttl()) {
        faults.push(Fault::new("default_ttl", format!("it is not from 1 to {highest} seconds")));
    }
    for (zone, own) in &settings.zone {
        let path = format!("zone.{zone}");
        if let Err(error) = canonical(zone) {
            faults.push(Fault::new(&*path, format!("`{zone}` is not a zone's name: {error}")));
        }
        access(own, settings, &format!("{path}."), &mut faults);
    }
    faults
}

fn access(own: &ZoneSettings, settings: &Settings, path: &str, faults: &mut Vec<Fault>) {
    let at = |key: &str| format!("{path}{key}");
    let transport = own.transport.or(settings.transport).unwrap_or_default();
    if own.server.is_some() && !own.servers.is_empty() {
        let fault = Fault::new(at("servers"), "`server` names one as well");
        faults.push(fault.with_hint("write all of them into `servers`, and leave `server` out"));
    }
    let named = own.server.iter().map(|server| ("server", server));
    for (key, server) in named.chain(own.servers.iter().map(|server| ("servers", server))) {
        let default = if transport == Transport::Tls { 853 } else { 53 };
        match Place::read(server, default) {
            Err(reason) => {
                let fault = Fault::new(at(key), format!("`{server}` is no server: {reason}"));
                faults.push(
                    fault.with_hint("for example `ns1.example.org`, `192.0.2.53:53` or `[2001:db8::53]:53`"),
                );
            }
            Ok(place) if place.port == 853 && transport != Transport::Tls => {
                let fault = Fault::new(at(key), format!("`{server}` has the port of DNS over TLS"));
                faults.push(fault.with_hint("say `transport = \"tls\"`, or port 53"));
            }
            Ok(place) if place.port == 53 && transport == Transport::Tls => {
                let fault = Fault::new(at(key), format!("`{server}` has the port of DNS without TLS"));
                faults.push(fault.with_hint("DNS over TLS has port 853; leave the port out"));
            }
            Ok(_) => {}
        }
    }
    if let Some(source) = &own.source
        && source.parse::<std::net::IpAddr>().is_err()
    {
        let fault = Fault::new(at("source"), format!("`{source}` is no address"));
        faults.push(fault.with_hint("an address of this machine without a port, for example `192.0.2.7`"));
    }
    time(&at("timeout"), own.timeout.as_deref(), faults);
    if own.timeout.as_deref().and_then(duration::read).is_some_and(|limit| limit.is_zero()) {
        faults.push(Fault::new(at("timeout"), "it leaves no time to answer"));
    }
    if let Some(tls) = &own.tls {
        tls_faults(tls, transport, &at("tls"), faults);
    }
    if let Some(tsig) = &own.tsig {
        tsig_faults(tsig, &at("tsig"), faults);
    }
}

fn time(path: &str, text: Option<&str>, faults: &mut Vec<Fault>) {
    if let Some(text) = text
        && duration::read(text).is_none()
    {
        let fault = Fault::new(path, format!("`{text}` is no duration"));
        faults.push(fault.with_hint("for example `30s` or `1h30m`"));
    }
}

fn tls_faults(tls: &Tls, transport: Transport, path: &str, faults: &mut Vec<Fault>) {
    let at = |key: &str| format!("{path}.{key}");
    if transport != Transport::Tls {
        let fault = Fault::new(path, "it means nothing without `transport = \"tls\"`");
        faults.push(fault.with_hint("say so, or leave the table out"));
    }
    if tls.cert.is_some() != tls.key.is_some() {
        let missing = if tls.cert.is_some() { "key" } else { "cert" };
        faults.push(Fault::new(at(missing), "`cert` and `key` come together, and this one is missing"));
    }
    if tls.ca.is_some() && tls.pin_sha256.is_some() {
        let fault = Fault::new(at("pin_sha256"), "a pinned key needs no `ca`");
        faults.push(fault.with_hint("leave one of them out"));
    }
    if let Some(pin) = &tls.pin_sha256
        && STANDARD.decode(pin).ok().is_none_or(|pin| pin.len() != 32)
    {
        let fault = Fault::new(at("pin_sha256"), "it is not the Base64 of 32 bytes");
        faults.push(fault.with_hint(
            "`openssl x509 -in CERT -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`",
        ));
    }
}

/// Checks a key; also one that comes from a file.
pub(super) fn tsig_faults(tsig: &Tsig, path: &str, faults: &mut Vec<Fault>) {
    let at = |key: &str| format!("{path}.{key}");
    if tsig.gss {
        let fault = Fault::new(at("gss"), "GSS-TSIG (RFC 3645) is not supported");
        faults.push(fault.with_hint(
            "let the server take a key of TSIG; on Windows, which has none, let it take updates from zonemux's address",
        ));
        return;
    }
    if let Some(algorithm) = &tsig.algorithm
        && let Err(reason) = algorithm.parse::<Algorithm>()
    {
        let fault = Fault::new(at("algorithm"), reason);
        faults.push(fault.with_hint("the server's configuration of the key says which it is"));
    }
    if let Some(name) = &tsig.name
        && let Err(error) = canonical(name)
    {
        faults.push(Fault::new(at("name"), format!("`{name}` is no name of a key: {error}")));
    }
    if tsig.key_file.is_some() {
        for (key, given) in [("secret", tsig.secret.is_some()), ("algorithm", tsig.algorithm.is_some())] {
            if given {
                let fault = Fault::new(at(key), "`key_file` has one as well");
                faults.push(fault.with_hint("leave one of them out"));
            }
        }
        return;
    }
    if tsig.name.is_none() {
        let fault = Fault::new(at("name"), "the key has no name");
        faults.push(
            fault.with_hint("as the server's configuration has it: `key \"NAME\" { … };`; or say `key_file`"),
        );
    }
    match &tsig.secret {
        None => {
            let fault = Fault::new(at("secret"), "the key has no secret");
            faults.push(fault.with_hint("write the secret in Base64, or say `key_file`"));
        }
        Some(secret) => {
            if let Err(reason) = decode_secret(secret.0.expose()) {
                let fault = Fault::new(at("secret"), reason);
                faults.push(fault.with_hint("as `tsig-keygen NAME` prints it, without the quotes"));
            }
        }
    }
}

/// The octets of a secret. The reason for a refusal does not hold any of it.
pub(crate) fn decode_secret(text: &str) -> Result<Vec<u8>, String> {
    let octets = STANDARD.decode(text.trim()).map_err(|error| {
        let place = match error {
            base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => {
                format!(": character {} does not belong there", at + 1)
            }
            base64::DecodeError::InvalidLength(_) => ": its length is not a multiple of 4".to_owned(),
            base64::DecodeError::InvalidPadding => ": the `=` at its end are missing".to_owned(),
        };
        format!("it is not Base64{place}")
    })?;
    if octets.is_empty() { Err("it is empty".to_owned()) } else { Ok(octets) }
}
