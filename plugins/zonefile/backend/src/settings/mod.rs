//! The settings of the plugin.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zonemux_master_file::dialect::Dialect;
use zonemux_master_file::ttl;
use zonemux_plugin::Fault;
use zonemux_plugin::dns::canonical;
use zonemux_plugin::schemars::{self, JsonSchema};

use crate::serial::Policy;

/// The settings of the plugin.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The folder with a zone file for each zone, unless `files` names it.
    pub directory: Option<PathBuf>,
    /// What a zone's file in `directory` is called; `{zone}` stands for the zone's name. `{zone}.zone`
    /// by default.
    pub file_name: Option<String>,
    /// The zone file of each zone; a relative path refers to the folder of the configuration file.
    pub files: BTreeMap<String, PathBuf>,
    /// Whether zonemux writes a file that the zone file includes, or the whole zone file.
    pub mode: Mode,
    /// The server that reads the files.
    pub server: Server,
    /// How to reach the server's control channel.
    pub control: Control,
    /// A command to run instead of the server's own reload: words, of which `{zone}` is replaced by the
    /// zone's name and `{file}` by its file. With neither, it is run once for all zones.
    pub reload: Option<Vec<String>>,
    /// A command to check a zone file with instead of the server's own checker: words, of which `{zone}`
    /// and `{file}` are replaced. An empty list leaves zonemux's own checks only.
    pub checker: Option<Vec<String>>,
    /// Where the server answers queries: it is asked for the new serial after each reload.
    /// `127.0.0.1:53` by default, where a server is named; `none` trusts the reload command.
    pub verify: Option<String>,
    /// How long the server may take to serve a change, such as `30s`; 10 seconds by default.
    pub verify_timeout: Option<String>,
    /// What becomes of the SOA's serial with each change.
    pub serial: Policy,
    /// The TTL of records for which none was asked, such as `5m`; 5 minutes by default.
    pub default_ttl: Option<String>,
    /// Where the relative paths of `$INCLUDE` begin: the server's working folder. By default the folder
    /// of the zone file.
    pub include_base: Option<PathBuf>,
    /// A git repository with the zone files, where each change is committed.
    pub git: Option<PathBuf>,
    /// Mode `whole`: the zone's name servers, each with its addresses where its name lies in the zone:
    /// `ns1.example.org 192.0.2.53`. Without them the file's own are kept.
    pub nameservers: Vec<String>,
    /// Mode `whole`: the mailbox of whoever looks after the zone, such as `hostmaster@example.org`.
    pub hostmaster: Option<String>,
    /// Mode `whole`: the SOA's times of a zone that is new.
    pub soa: SoaTimes,
}

/// What zonemux writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A file of its own, which the operator's zone file includes.
    #[default]
    Include,
    /// The zone file.
    Whole,
}

/// Which server reads the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Server {
    /// BIND's `named`.
    Bind,
    /// NSD.
    Nsd,
    /// Knot DNS.
    Knot,
    /// Another one, or none.
    #[default]
    None,
}

/// The server's control channel.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// BIND and NSD: the address with its port, where it is not the one of the server's own settings.
    pub address: Option<String>,
    /// BIND: the file with the key of `rndc`.
    pub key_file: Option<PathBuf>,
    /// NSD and Knot: the control socket.
    pub socket: Option<PathBuf>,
    /// The configuration file of `rndc`, NSD or Knot, where it is not at its usual place.
    pub config: Option<PathBuf>,
    /// BIND: the view of the zones.
    pub view: Option<String>,
}

/// Times of an SOA.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SoaTimes {
    /// How often secondaries ask, such as `1h`; the default.
    pub refresh: Option<String>,
    /// How soon they ask again in vain, 10 minutes by default.
    pub retry: Option<String>,
    /// How long they serve what they can't refresh, two weeks by default.
    pub expire: Option<String>,
    /// How long resolvers remember that a name is not there, 5 minutes by default.
    pub minimum: Option<String>,
}

/// A name server of a zone that zonemux owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameServer {
    pub(crate) name: String,
    pub(crate) addresses: Vec<IpAddr>,
}

impl Settings {
    /// Checks what types can't say.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |path: &str, message: String, hint: &str| {
            let fault = Fault::new(path, message);
            faults.push(if hint.is_empty() { fault } else { fault.with_hint(hint) });
        };
        if self.directory.is_none() && self.files.is_empty() {
            let hint = "name the folder of the zone files, or each zone's file below `files`";
            fault("directory", "no zone file is named".to_owned(), hint);
        }
        if self.file_name.as_deref().is_some_and(|name| !name.contains("{zone}") || name.contains('/')) {
            fault(
                "file_name",
                "it is not a file's name with `{zone}` in it".to_owned(),
                "for example `db.{zone}`",
            );
        }
        for (zone, path) in &self.files {
            if canonical(zone).is_err() {
                fault(&format!("files.{zone}"), format!("`{zone}` is not a zone's name"), "");
            }
            if path.file_name().is_none() || path.as_os_str().to_string_lossy().ends_with('/') {
                let message = format!("`{}` is not the path of a file", path.display());
                fault(&format!("files.{zone}"), message, "for example `/etc/bind/db.example.org`");
            }
        }
        for (key, words) in [("reload", &self.reload), ("checker", &self.checker)] {
            let Some(words) = words else { continue };
            let empty = words.first().is_some_and(String::is_empty) || (key == "reload" && words.is_empty());
            if empty {
                fault(
                    key,
                    "the command has no program".to_owned(),
                    "for example `[\"systemctl\", \"reload\", \"named\"]`",
                );
            }
            if key == "checker" && !words.is_empty() && !words.iter().any(|word| word.contains("{file}")) {
                fault(key, "no word has `{file}` in it, so nothing would be checked".to_owned(), "");
            }
        }
        if let Some(verify) = &self.verify
            && verify != "none"
            && address(verify, 53).is_none()
        {
            fault(
                "verify",
                format!("`{verify}` is no address with a port"),
                "for example `127.0.0.1:53`, or `none`",
            );
        }
        if let Some(control) = &self.control.address
            && address(control, 953).is_none()
        {
            fault(
                "control.address",
                format!("`{control}` is no address with a port"),
                "for example `127.0.0.1:953`",
            );
        }
        self.control_faults(&mut fault);
        let times = [
            ("verify_timeout", &self.verify_timeout),
            ("default_ttl", &self.default_ttl),
            ("soa.refresh", &self.soa.refresh),
            ("soa.retry", &self.soa.retry),
            ("soa.expire", &self.soa.expire),
            ("soa.minimum", &self.soa.minimum),
        ];
        for (key, time) in times {
            let Some(time) = time else { continue };
            if ttl::read(time.as_bytes()).is_none_or(|seconds| seconds == 0 || seconds > ttl::MAX) {
                fault(key, format!("`{time}` is no time"), "seconds, or numbers with units such as `1h30m`");
            }
        }
        if self.serial == Policy::Keep && self.server == Server::Nsd {
            let message = "NSD counts no serial by itself".to_owned();
            fault("serial", message, "`increment`, `unixtime` or `date`");
        }
        self.whole_faults(&mut fault);
        faults
    }

    fn control_faults(&self, fault: &mut impl FnMut(&str, String, &str)) {
        let control = &self.control;
        let used = [
            ("address", control.address.is_some(), &[Server::Bind, Server::Nsd][..]),
            ("key_file", control.key_file.is_some(), &[Server::Bind]),
            ("socket", control.socket.is_some(), &[Server::Nsd, Server::Knot]),
            ("config", control.config.is_some(), &[Server::Bind, Server::Nsd, Server::Knot]),
            ("view", control.view.is_some(), &[Server::Bind]),
        ];
        for (key, given, servers) in used {
            if given && !servers.contains(&self.server) {
                let message = format!("it means nothing with `server = \"{}\"`", self.server.name());
                fault(&format!("control.{key}"), message, "");
            }
        }
        if control.address.is_some() && control.socket.is_some() {
            fault(
                "control.socket",
                "`control.address` names another place".to_owned(),
                "leave one of them out",
            );
        }
    }

    fn whole_faults(&self, fault: &mut impl FnMut(&str, String, &str)) {
        if self.mode == Mode::Include {
            for (key, given) in
                [("nameservers", !self.nameservers.is_empty()), ("hostmaster", self.hostmaster.is_some())]
            {
                if given {
                    let hint = "the zone file has its own; or say `mode = \"whole\"`";
                    fault(key, "it means nothing with `mode = \"include\"`".to_owned(), hint);
                }
            }
        }
        for server in &self.nameservers {
            if let Err(reason) = name_server(server) {
                fault(
                    "nameservers",
                    format!("`{server}`: {reason}"),
                    "for example `ns1.example.org 192.0.2.53`",
                );
            }
        }
        if let Some(hostmaster) = &self.hostmaster
            && mailbox(hostmaster).is_none()
        {
            let hint = "for example `hostmaster@example.org`";
            fault("hostmaster", format!("`{hostmaster}` is no mailbox"), hint);
        }
    }

    /// The zone file of a zone, as the settings name it.
    pub(crate) fn file(&self, zone: &str) -> Option<PathBuf> {
        let named = self.files.iter().find(|(name, _)| canonical(name).is_ok_and(|name| name == zone));
        if let Some((_, path)) = named {
            return Some(path.clone());
        }
        let template = self.file_name.as_deref().unwrap_or("{zone}.zone");
        // `/` stands in names of reverse zones (RFC 2317), and in no file's name.
        let file = template.replace("{zone}", &zone.replace('/', "-"));
        Some(self.directory.as_ref()?.join(file))
    }

    pub(crate) fn verify_address(&self) -> Option<SocketAddr> {
        match &self.verify {
            Some(verify) => address(verify, 53),
            None if self.server == Server::None => None,
            None => Some(SocketAddr::from(([127, 0, 0, 1], 53))),
        }
    }

    pub(crate) fn verify_limit(&self) -> Duration {
        Duration::from_secs(seconds(self.verify_timeout.as_deref(), 10).into())
    }

    pub(crate) fn default_ttl(&self) -> u32 {
        seconds(self.default_ttl.as_deref(), 300)
    }

    /// Refresh, retry, expire and minimum of a new zone, in seconds.
    pub(crate) fn soa_times(&self) -> [u32; 4] {
        let soa = &self.soa;
        [(&soa.refresh, 3600), (&soa.retry, 600), (&soa.expire, 1_209_600), (&soa.minimum, 300)]
            .map(|(time, default)| seconds(time.as_deref(), default))
    }
}

impl Server {
    /// How it reads what each reads in another way.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Bind => Dialect::Bind,
            Self::Nsd => Dialect::Nsd,
            Self::Knot => Dialect::Knot,
            Self::None => Dialect::Other,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Nsd => "nsd",
            Self::Knot => "knot",
            Self::None => "none",
        }
    }
}

/// A time that was checked; a default where there is none.
fn seconds(time: Option<&str>, default: u32) -> u32 {
    time.and_then(|time| ttl::read(time.as_bytes())).unwrap_or(default)
}

/// An address, with a port or without.
pub(crate) fn address(text: &str, port: u16) -> Option<SocketAddr> {
    let whole = text.parse::<SocketAddr>().ok();
    whole.or_else(|| text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, port)))
}

/// A name server and its addresses.
pub(crate) fn name_server(text: &str) -> Result<NameServer, String> {
    let mut words = text.split_ascii_whitespace();
    let name = words.next().ok_or("it is empty")?;
    if name.parse::<IpAddr>().is_ok() {
        return Err("the server's name comes first".to_owned());
    }
    let name = canonical(name).map_err(|error| error.to_string())?.into_owned();
    let address = |word: &str| word.parse().map_err(|_| format!("`{word}` is no address"));
    Ok(NameServer { name, addresses: words.map(address).collect::<Result<_, _>>()? })
}

/// A mailbox as a name of an SOA: `john.doe@example.org` is `john\.doe.example.org` (RFC 1035, section 8).
pub(crate) fn mailbox(text: &str) -> Option<String> {
    let name = match text.split_once('@') {
        Some((local, domain)) if local.is_empty() || domain.is_empty() => return None,
        Some((local, domain)) => format!("{}.{domain}", local.replace('.', "\\.")),
        None => text.to_owned(),
    };
    canonical(&name).ok().map(std::borrow::Cow::into_owned)
}

/// Fills in a command's words.
pub(crate) fn fill(words: &[String], zone: &str, file: &Path) -> Vec<String> {
    let file = file.to_string_lossy();
    words.iter().map(|word| word.replace("{zone}", zone).replace("{file}", &file)).collect()
}

#[cfg(test)]
mod tests;
