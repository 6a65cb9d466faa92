//! The zonemux plugin `{{name}}`.
//!
//! It works as it stands, and keeps records in memory. To make it yours, replace `server.rs` by a
//! client of your DNS server; then let [`Settings`] say what that client needs. What a backend has to
//! do is told by the documentation of `zonemux-plugin`, and tried by the battery in
//! `tests/behaviour.rs`.

mod server;

use zonemux_plugin::schemars::{self, JsonSchema};
use zonemux_plugin::{
    Backend, Call, Capabilities, Change, Changes, ErrorKind, Fault, Host, Outcome, PluginOptions,
    Records, Result, Secret, export_plugin,
};

use server::Server;

/// The highest TTL that DNS knows, in seconds (RFC 2181, section 8).
const HIGHEST_TTL: u32 = i32::MAX.unsigned_abs();

/// The settings of {{name}}: the table `[backends.NAME.settings]`.
// `zonemux plugin schema` prints the comments with three slashes.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
// A mistyped key is an error with its name, and not a setting without effect.
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The lowest TTL that the server stores, in seconds; 0: any.
    pub min_ttl: u32,
    /// What the server knows this client by.
    // `Secret` is never printed, and may come from a file, the environment or a credential.
    pub token: Option<Secret>,
}

/// One configured instance: there may be several in one daemon.
pub struct {{type_name}}Backend {
    server: Server,
    min_ttl: u32,
}

impl Backend for {{type_name}}Backend {
    type Config = Settings;

    // Also called by `zonemux check`, where the server need not be there: no I/O.
    fn validate(settings: &Settings) -> Vec<Fault> {
        let mut faults = Vec::new();
        if settings.min_ttl > HIGHEST_TTL {
            faults.push(Fault::new(
                "min_ttl",
                format!("expected at most {HIGHEST_TTL} seconds"),
            ));
        }
        if settings
            .token
            .as_ref()
            .is_some_and(|token| token.expose().is_empty())
        {
            let fault = Fault::new("token", "it is empty");
            faults.push(fault.with_hint("leave it out where the server wants none"));
        }
        faults
    }

    // Connect here. When it fails, it is called again after a while.
    async fn open(settings: Settings, host: Host) -> Result<Self> {
        let server = Server::connect(settings.token.as_ref(), settings.min_ttl).await?;
        tracing::info!(zones = ?host.zones(), token = settings.token.is_some(), "connected");
        Ok(Self {
            server,
            min_ttl: settings.min_ttl,
        })
    }

    fn capabilities(&self) -> Capabilities {
        // Units are atomic because the server below writes each in one step. Leave that out where
        // yours does not. The daemon keeps TTLs within the range before ExternalDNS compares: it
        // would else ask for a TTL of 1 again and again, and be shown the one that is stored.
        Capabilities::default()
            .with_atomic_units()
            .with_ttl_range(self.min_ttl, 0)
    }

    // The whole list or an error: ExternalDNS takes what is missing for deleted.
    async fn records(&self, _: &Call, out: &mut Records) -> Result<()> {
        // A server that answers in pages needs no `Vec`: push each page as it arrives.
        out.extend(&self.server.list().await?)
    }

    async fn apply_changes(&self, call: &Call, changes: Changes) -> Result<Outcome> {
        let mut outcome = Outcome::applied();
        // A unit is what must be done together or not at all, such as a record and its ownership.
        for unit in changes.units() {
            let members: Vec<Change<'_>> = unit
                .changes
                .iter()
                .filter_map(|&id| changes.get(id))
                .collect();
            match self.server.write(&members, call.is_dry_run()).await {
                Ok(()) => {}
                // The record's own fault, which stays until somebody changes it. The others are
                // applied all the same.
                Err(error) if error.kind() == ErrorKind::Permanent => {
                    for &id in &unit.changes {
                        outcome.refuse(id, error.message());
                    }
                }
                // The server's fault. ExternalDNS will ask again for what is not done.
                Err(error) => return Err(error),
            }
        }
        Ok(outcome)
    }
}

export_plugin!(
    {{type_name}}Backend,
    // `zonemux config show` hides these settings, and shows the others.
    PluginOptions {
        secret_settings: Some(&["token"]),
        ..PluginOptions::DEFAULT
    }
);
