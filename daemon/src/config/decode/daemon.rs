//! The sections about the daemon itself.

use super::super::model::{Admin, Control, Journal, Log, Plugins, Reload, Shutdown, State, Webhook};
use super::super::origin::Origin;
use super::super::value::{ByteSize, Duration, Listen, ListenSet, Trust};
use super::section::Section;
use super::{Located, Reader};

/// ExternalDNS's own limit for a call.
const CLIENT_TIMEOUT: Duration = Duration::from_seconds(15);
/// A body is held in memory while it is decoded.
const LARGEST_BODY: ByteSize = ByteSize::from_bytes(1 << 30);

impl Reader<'_> {
    pub(super) fn webhook(&mut self, root: &mut Section<'_>) -> Option<Webhook> {
        let mut section = self.section(root, "webhook")?;
        let listen = self.listen(&mut section);
        let max_body = self.required_located::<ByteSize>(&mut section, "max_body");
        if let Some(size) = &max_body
            && (size.value.bytes() == 0 || size.value > LARGEST_BODY)
        {
            self.refuse(
                size,
                format!("expected a size above 0 and up to \"{LARGEST_BODY}\", got \"{}\"", size.value),
            );
        }
        let deadline = self.required_located::<Duration>(&mut section, "deadline");
        if let Some(deadline) = &deadline
            && !(Duration::ZERO < deadline.value && deadline.value < CLIENT_TIMEOUT)
        {
            let message = format!(
                "expected a duration above 0 and below the \"{CLIENT_TIMEOUT}\" after which ExternalDNS gives up, \
                 got \"{}\"",
                deadline.value
            );
            self.refuse(deadline, message);
        }
        let gzip = self.required(&mut section, "gzip");
        let socket_mode = self.required(&mut section, "socket_mode");
        let tls = self.tls(&mut section);
        self.finish(&section);
        Some(Webhook {
            listen: listen?,
            max_body: max_body?.value,
            deadline: deadline?.value,
            gzip: gzip?,
            socket_mode: socket_mode?,
            tls,
        })
    }

    pub(super) fn admin(&mut self, root: &mut Section<'_>) -> Option<Admin> {
        let mut section = self.section(root, "admin")?;
        let listen = self.listen(&mut section);
        self.finish(&section);
        Some(Admin { listen: listen? })
    }

    fn listen(&mut self, section: &mut Section<'_>) -> Option<ListenSet> {
        let list = self.filled_list::<Listen>(section, "listen", "at least one address")?;
        self.addresses.extend(list.iter().cloned());
        let is_default = list.iter().all(|address| address.origin == Origin::Default);
        Some(ListenSet { addresses: list.into_iter().map(|address| address.value).collect(), is_default })
    }

    pub(super) fn control(&mut self, root: &mut Section<'_>) -> Option<Control> {
        let mut section = self.section(root, "control")?;
        let listen = self.required_located::<Listen>(&mut section, "listen");
        self.finish(&section);
        let listen = listen?;
        let Listen::Unix(socket) = &listen.value else {
            // Who may use it is decided by the socket's mode and the caller's account.
            let message = format!(
                "expected a unix socket such as \"unix:/run/zonemux/control.sock\", got \"{}\"",
                listen.value
            );
            self.refuse(&listen, message);
            return None;
        };
        let socket = socket.clone();
        self.addresses.push(listen);
        Some(Control { socket })
    }

    pub(super) fn shutdown(&mut self, root: &mut Section<'_>) -> Option<Shutdown> {
        let mut section = self.section(root, "shutdown")?;
        let grace = self.required(&mut section, "grace");
        self.finish(&section);
        Some(Shutdown { grace: grace? })
    }

    pub(super) fn reload(&mut self, root: &mut Section<'_>) -> Option<Reload> {
        let mut section = self.section(root, "reload")?;
        let watch = self.required(&mut section, "watch");
        self.finish(&section);
        Some(Reload { watch: watch? })
    }

    pub(super) fn log(&mut self, root: &mut Section<'_>) -> Option<Log> {
        let mut section = self.section(root, "log")?;
        let level = self.required(&mut section, "level");
        let format = self.required(&mut section, "format");
        self.finish(&section);
        Some(Log { level: level?, format: format? })
    }

    pub(super) fn plugins(&mut self, root: &mut Section<'_>) -> Option<Plugins> {
        let mut section = self.section(root, "plugins")?;
        let path = self.list(&mut section, "path");
        let isolation = self.required(&mut section, "isolation");
        let trust = self.required(&mut section, "trust");
        let public_key = section.take("public_key").and_then(|(path, value)| self.public_keys(path, value));
        if trust == Some(Trust::Signature) && section.lacks("public_key") {
            self.missing(
                &section,
                "public_key",
                "the key that checks signatures, because `trust` is \"signature\"",
            );
        }
        self.finish(&section);
        let path = path?.into_iter().map(|folder: Located<_>| folder.value).collect();
        Some(Plugins { path, isolation: isolation?, trust: trust?, public_key })
    }

    pub(super) fn state(&mut self, root: &mut Section<'_>) -> Option<State> {
        let mut section = self.section(root, "state")?;
        let directory = self.required(&mut section, "directory");
        self.finish(&section);
        Some(State { directory: directory? })
    }

    pub(super) fn journal(&mut self, root: &mut Section<'_>) -> Option<Journal> {
        let mut section = self.section(root, "journal")?;
        let max_size = self.required_located::<ByteSize>(&mut section, "max_size");
        if let Some(size) = &max_size
            && size.value.bytes() == 0
        {
            self.refuse(size, "expected a size above 0");
        }
        let keep = self.required(&mut section, "keep");
        self.finish(&section);
        Some(Journal { max_size: max_size?.value, keep: keep? })
    }
}
