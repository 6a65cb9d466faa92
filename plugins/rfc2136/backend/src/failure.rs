//! Why a server did not do what it was asked, and what the operator can do about it.

use zonemux_plugin::{Error, ErrorKind};

use crate::message::Rcode;
use crate::settings::Place;
use crate::tsig::TsigError;

/// Why there is no answer that could be used.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// No server was reached, so nothing was sent: what was tried, and how it ended.
    Unreachable(Vec<(Place, String)>),
    /// The message was sent, and no answer that could be used has come: it may have been done.
    Lost(Place, String),
    /// What a server says of our signature, or what is wrong with its own.
    Tsig(Place, TsigError),
    /// An answer that says no.
    Refused {
        place: Place,
        rcode: Rcode,
        asked: Asked,
        /// It is not signed though the message was: servers that don't know the key may say no more.
        doubts_key: bool,
    },
}

/// What a server was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The zone's SOA.
    Serial,
    /// A transfer.
    Transfer,
    /// An update.
    Update,
}

/// What else goes into a message for the operator.
#[derive(Debug, Clone)]
pub(crate) struct Context<'a> {
    pub(crate) zone: &'a str,
    /// The key's name, where there is one.
    pub(crate) key: Option<String>,
}

impl Failure {
    /// Whether the message may have been done though no answer says so.
    pub(crate) fn is_uncertain(&self) -> bool {
        matches!(
            self,
            Self::Lost(..)
                | Self::Tsig(
                    _,
                    TsigError::Unsigned
                        | TsigError::OtherKey
                        | TsigError::Wrong
                        | TsigError::Short
                        | TsigError::Time { .. }
                        | TsigError::Malformed
                )
        )
    }

    /// The error of a call.
    pub(crate) fn to_error(&self, context: &Context<'_>) -> Error {
        let zone = context.zone;
        match self {
            Self::Unreachable(tried) => {
                let tried: Vec<String> =
                    tried.iter().map(|(place, reason)| format!("{place}: {reason}")).collect();
                let hint = "see that the server runs, listens on TCP, and that no firewall is in between";
                Error::retryable(format!(
                    "zone {zone}: no server can be reached: {}\nhint: {hint}",
                    tried.join("; ")
                ))
            }
            Self::Lost(place, reason) => Error::retryable(format!("zone {zone}: {place}: {reason}")),
            Self::Tsig(place, error) => {
                let kind = tsig_kind(*error);
                let hint = tsig_hint(*error, context);
                Error::new(
                    kind,
                    format!(
                        "zone {zone}: {place} refuses the message, or can't be trusted: {error}\nhint: {hint}"
                    ),
                )
            }
            Self::Refused { place, rcode, asked, doubts_key } => {
                let (kind, mut hint) = refused(*rcode, *asked, context);
                if *doubts_key && matches!(*rcode, Rcode::REFUSED | Rcode::NOTAUTH) {
                    let key = context.key.as_deref().unwrap_or_default();
                    let doubt = "the answer is not signed, so the server may not know the key";
                    hint = format!(
                        "{hint}; {doubt} `{key}` with this secret and algorithm (PowerDNS says no more than that)"
                    );
                }
                let what = match asked {
                    Asked::Serial => "the question for the SOA",
                    Asked::Transfer => "the transfer",
                    Asked::Update => "the update",
                };
                let hint = if hint.is_empty() { String::new() } else { format!("\nhint: {hint}") };
                Error::new(kind, format!("zone {zone}: {place} answers {what} with {rcode}{hint}"))
            }
        }
    }
}

fn tsig_kind(error: TsigError) -> ErrorKind {
    match error {
        TsigError::Malformed | TsigError::Time { .. } | TsigError::BadTime { .. } => ErrorKind::Retryable,
        _ => ErrorKind::Config,
    }
}

fn tsig_hint(error: TsigError, context: &Context<'_>) -> String {
    let key = context.key.as_deref().unwrap_or("NAME");
    match error {
        TsigError::BadSig => {
            format!("the secret or the algorithm of the key `{key}` differs from the server's: compare both, as `tsig-keygen` printed them")
        }
        TsigError::BadKey => {
            format!("give the server the key `{key}` (BIND: `key \"{key}\" {{ algorithm …; secret \"…\"; }};`; Knot: an entry of `key:`), or correct `tsig.name` and `tsig.algorithm`")
        }
        TsigError::BadTime { .. } | TsigError::Time { .. } => {
            "set both clocks by NTP: they may be 300 seconds apart".to_owned()
        }
        TsigError::BadTrunc | TsigError::Short => {
            "the server's configuration shortens signatures of the key: write its algorithm without a number of bits".to_owned()
        }
        TsigError::Unsigned => {
            format!("the server may not know the key `{key}`, or something between cuts signatures off: nothing is believed that is not signed")
        }
        TsigError::OtherKey | TsigError::Wrong => {
            "the answer does not come from a server with this key: see who answers at this address".to_owned()
        }
        TsigError::Other(_) | TsigError::Malformed => "the server's log may say more".to_owned(),
    }
}

fn refused(rcode: Rcode, asked: Asked, context: &Context<'_>) -> (ErrorKind, String) {
    let zone = context.zone;
    let key = context.key.as_deref();
    match (rcode, asked) {
        (Rcode::REFUSED | Rcode::NOTAUTH, Asked::Transfer) => {
            let (bind, knot) = match key {
                Some(key) => (
                    format!("`allow-transfer {{ key \"{key}\"; }};` in zone \"{zone}\""),
                    format!("an `acl` with `key: {key}` and `action: [transfer, update]` in zone {zone}"),
                ),
                None => (
                    format!("`allow-transfer {{ ADDRESS; }};` in zone \"{zone}\""),
                    format!("an `acl` with `address: ADDRESS` and `action: [transfer, update]` in zone {zone}"),
                ),
            };
            let hint = format!("zonemux lists records by zone transfer (AXFR). Allow it in BIND by {bind}, in Knot by {knot}");
            (ErrorKind::Config, hint)
        }
        (Rcode::REFUSED, Asked::Update) => {
            let (bind, knot) = match key {
                Some(key) => (
                    format!("`update-policy {{ grant {key} zonesub ANY; }};` in zone \"{zone}\""),
                    format!("an `acl` with `key: {key}` and `action: [transfer, update]`"),
                ),
                None => (
                    format!("`allow-update {{ ADDRESS; }};` in zone \"{zone}\""),
                    "an `acl` with `address: ADDRESS` and `action: [transfer, update]`".to_owned(),
                ),
            };
            let hint = format!("allow updates in BIND by {bind}, in Knot by {knot}, in PowerDNS by `dnsupdate=yes` and the metadata TSIG-ALLOW-DNSUPDATE; a zone that `rndc freeze` holds refuses them, too, until `rndc thaw {zone}`");
            (ErrorKind::Config, hint)
        }
        (Rcode::NOTAUTH, Asked::Update) => {
            let hint = format!("the server is not the primary of {zone}, has no such zone, or wants a key: see `server` and `tsig`");
            (ErrorKind::Config, hint)
        }
        (Rcode::REFUSED | Rcode::NOTAUTH, Asked::Serial) => {
            let hint = format!("the server does not serve {zone} to this key and address: see `server`, `tsig` and, in BIND, `match-clients` of its views");
            (ErrorKind::Config, hint)
        }
        (Rcode::NOTIMP, Asked::Update) => {
            (ErrorKind::Config, "this server takes no updates at all: NSD, for example, is for the plugin `zonefile`".to_owned())
        }
        (Rcode::NOTZONE, _) => (ErrorKind::Permanent, format!("the server finds a name that is not in {zone}")),
        (Rcode::SERVFAIL, _) => {
            (ErrorKind::Retryable, "the server's log says why: often it can't write its zone or journal (permissions, disk), or has not loaded the zone".to_owned())
        }
        (Rcode::FORMERR, _) => (ErrorKind::Retryable, "the server does not understand the message".to_owned()),
        _ => (ErrorKind::Retryable, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_for_the_operator() {
        let place = || Place::new("192.0.2.53", 53);
        let mut failures = vec![
            Failure::Unreachable(vec![(place(), "connection refused".into()), (place(), "timed out".into())]),
            Failure::Lost(place(), "the connection ended before the answer".into()),
        ];
        let errors = [
            TsigError::BadSig,
            TsigError::BadKey,
            TsigError::BadTime { server: 1000, ours: 1600 },
            TsigError::BadTrunc,
            TsigError::Other(99),
            TsigError::Unsigned,
            TsigError::OtherKey,
            TsigError::Wrong,
            TsigError::Short,
            TsigError::Time { server: 1600, ours: 1000 },
            TsigError::Malformed,
        ];
        failures.extend(errors.map(|error| Failure::Tsig(place(), error)));
        for asked in [Asked::Serial, Asked::Transfer, Asked::Update] {
            let rcodes = [
                Rcode::FORMERR,
                Rcode::SERVFAIL,
                Rcode::NOTIMP,
                Rcode::REFUSED,
                Rcode::NOTAUTH,
                Rcode::NOTZONE,
            ];
            failures.extend(rcodes.map(|rcode| Failure::Refused {
                place: place(),
                rcode,
                asked,
                doubts_key: false,
            }));
        }
        let (rcode, asked) = (Rcode::REFUSED, Asked::Update);
        failures.push(Failure::Refused { place: place(), rcode, asked, doubts_key: true });
        let shown = |key: Option<&str>| {
            let context = Context { zone: "example.org", key: key.map(str::to_owned) };
            let errors = failures.iter().map(|failure| failure.to_error(&context));
            let lines: Vec<String> =
                errors.map(|error| format!("{:?}: {}", error.kind(), error.message())).collect();
            lines.join("\n")
        };
        insta::assert_snapshot!("with_a_key", shown(Some("extdns")));
        insta::assert_snapshot!("without_a_key", shown(None));
    }
}
