//! What the servers make of a file where they differ: TTLs that are not on their line, and RRsets whose
//! records have several.

/// Whose reading of a file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// BIND's. An RRset has the TTL of the first record of those that stand together; of several groups, that
    /// of the last one. A `$TTL` holds on behind an `$INCLUDE`.
    Bind,
    /// NSD's. Each record has its own TTL. Without `$TTL` it is an hour.
    Nsd,
    /// Knot's. An RRset has the TTL of its last record. Without `$TTL` it is an hour; that of an included
    /// file ends with it.
    Knot,
    /// Another server's: each record has its own TTL, of which resolvers take the lowest (RFC 2181, section 5.2).
    Other,
}

impl Dialect {
    /// Seconds of a record's TTL that nothing in the file tells.
    pub(crate) fn fallback(self) -> Option<u32> {
        matches!(self, Self::Nsd | Self::Knot).then_some(3600)
    }
}

/// Whether the TTL of a record becomes that of its RRset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlRule {
    /// Only where the RRset has none yet.
    First,
    /// It replaces the one that the RRset has.
    Last,
    /// It replaces a higher one.
    Lowest,
}

/// Which records stand together, as BIND collects them: those of one name without others between, but
/// for the addresses of the servers in a delegation.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    current: Group,
    glue: Group,
    /// Targets of the NS records of the current group.
    servers: Vec<String>,
}

#[derive(Debug, Default)]
struct Group {
    /// Empty where there is none.
    name: String,
    types: Vec<String>,
}

impl Group {
    /// Whether it had no record of that type.
    fn add(&mut self, record_type: &str) -> bool {
        let new = !self.types.iter().any(|known| known == record_type);
        if new {
            self.types.push(record_type.to_owned());
        }
        new
    }

    fn begin(&mut self, name: &str) {
        self.end();
        self.name.push_str(name);
    }

    fn end(&mut self) {
        self.name.clear();
        self.types.clear();
    }
}

impl Groups {
    /// The rule for the next record.
    pub(crate) fn next(&mut self, name: &str, record_type: &str, target: &str) -> TtlRule {
        let group = if name == self.current.name {
            self.glue.end();
            if record_type == "NS" {
                self.servers.push(target.to_owned());
            }
            &mut self.current
        } else if self.servers.iter().any(|server| server == name) {
            if self.glue.name != name {
                self.glue.begin(name);
            }
            &mut self.glue
        } else {
            self.end();
            self.current.begin(name);
            if record_type == "NS" {
                self.servers.push(target.to_owned());
            }
            &mut self.current
        };
        if group.add(record_type) { TtlRule::Last } else { TtlRule::First }
    }

    /// The rule for a record of `$GENERATE`, which ends no group and is put before it.
    pub(crate) fn generated(&self, name: &str, record_type: &str) -> TtlRule {
        let mut groups = [&self.current, &self.glue].into_iter();
        let is_open =
            groups.any(|group| group.name == name && group.types.iter().any(|it| it == record_type));
        if is_open { TtlRule::First } else { TtlRule::Last }
    }

    /// A file begins or ends.
    pub(crate) fn end(&mut self) {
        self.current.end();
        self.glue.end();
        self.servers.clear();
    }
}
