//! BIND's configuration.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;

use super::{Builder, Key, Role};

/// The command that runs it in the foreground. `rndc -c FOLDER/rndc.conf` controls it.
pub(super) fn command(builder: &Builder) -> Command {
    let file = builder.write("named.conf", &config(builder));
    builder.write("rndc.conf", &rndc(builder));
    let mut command = Command::new("named");
    command.args(["-g", "-4", "-n", "1", "-c"]).arg(file);
    command
}

/// The key of the control channel, which listens on the loopback alone.
const CONTROL_KEY: &str =
    "key \"rndc-key\" { algorithm hmac-sha256; secret \"dGVzdHMgb2YgYSBuYW1lIHNlcnZlciBvbiBsb28=\"; };\n";

fn rndc(builder: &Builder) -> String {
    let control = builder.control_port.number;
    format!(
        "{CONTROL_KEY}options {{ default-key \"rndc-key\"; default-server 127.0.0.1; default-port {control}; }};\n"
    )
}

fn config(builder: &Builder) -> String {
    let (port, control, options) = (builder.port.number, builder.control_port.number, &builder.options);
    let folder = builder.folder.display();
    let mut text = String::from(CONTROL_KEY);
    for Key { name, algorithm, secret } in &builder.keys {
        let _infallible = writeln!(text, "key \"{name}\" {{ algorithm {algorithm}; secret \"{secret}\"; }};");
    }
    // Without limits for how often a primary is asked, since tests change zones many times a second.
    let _infallible = writeln!(
        text,
        "controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.0/8; }} keys {{ \"rndc-key\"; }}; }};\n\
         options {{ directory \"{folder}\"; pid-file \"{folder}/named.pid\"; session-keyfile \"{folder}/session.key\";\n\
         managed-keys-directory \"{folder}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
         recursion no; dnssec-validation no; empty-zones-enable no; notify no; allow-transfer {{ 127.0.0.0/8; }};\n\
         allow-notify {{ 127.0.0.0/8; }}; serial-query-rate 1000; masterfile-format text; {options}"
    );
    for zone in &builder.zones {
        if let Role::Catalog(from, key) = &zone.role {
            let primary = primary(*from, key.as_ref());
            let _infallible = writeln!(
                text,
                "catalog-zones {{ zone \"{}\" default-primaries {{ {primary} }} min-update-interval 1; }};",
                zone.name
            );
        }
    }
    text.push_str("};\n");
    for zone in &builder.zones {
        let name = &zone.name;
        let role = match &zone.role {
            Role::Primary(file) => format!("type primary; file \"{}\";", file.display()),
            Role::Secondary(from, key) | Role::Catalog(from, key) => format!(
                "type secondary; file \"{name}.secondary\"; primaries {{ {} }};",
                primary(*from, key.as_ref())
            ),
        };
        let _infallible = writeln!(text, "zone \"{name}\" {{ {role} {} }};", zone.options);
    }
    text
}

fn primary(from: SocketAddr, key: Option<&Key>) -> String {
    let key = key.map(|key| format!(" key \"{}\"", key.name)).unwrap_or_default();
    format!("{} port {}{key};", from.ip(), from.port())
}
