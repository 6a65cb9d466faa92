//! What an operator's rules refuse, one change at a time: `read_only`, `types`, `protect`, and the
//! records without which a zone is none.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use zonemux_plugin::{Change, EndpointView, dns, is_ownership_txt};

use crate::config::{Guards, ProtectedName, TypePattern};

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Writes a record that the client believes is not there.
    Create,
    /// Writes a record in place of another.
    Update,
    /// Takes a record away.
    Delete,
}

impl Action {
    /// What a change does.
    pub fn of(change: &Change<'_>) -> Self {
        match change {
            Change::Create(_) => Self::Create,
            Change::Update { .. } => Self::Update,
            Change::Delete(_) => Self::Delete,
        }
    }

    /// The word for logs, journal and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Why a rule refuses a change. It is the operator's will and no fault: the client is answered as if
/// the change were done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// `guards.read_only`: nothing is written.
    ReadOnly,
    /// `guards.types` does not have this type.
    Type {
        /// The type.
        record_type: String,
    },
    /// `guards.protect` covers the record.
    Protected {
        /// The rule as it is written in the configuration.
        rule: Arc<str>,
    },
    /// SOA or NS of a zone's apex.
    Apex {
        /// The type.
        record_type: String,
    },
    /// An ownership TXT that is in none of the backend's zones, and may not be kept by us.
    Outside,
}

impl Refusal {
    /// The word for logs, journal and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::Type { .. } => "types",
            Self::Protected { .. } => "protect",
            Self::Apex { .. } => "apex",
            Self::Outside => "outside",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly => f.write_str("`guards.read_only` is set for this backend"),
            Self::Type { record_type } => write!(f, "`guards.types` does not have {record_type}"),
            Self::Protected { rule } => write!(f, "protected by \"{rule}\" in `guards.protect`"),
            Self::Apex { record_type } => {
                write!(f, "the {record_type} of a zone's apex is never changed through zonemux")
            }
            Self::Outside => f.write_str(
                "its ownership TXT is in none of the backend's zones, and `ownership` does not let zonemux keep it",
            ),
        }
    }
}

/// A backend's rules, arranged so that a change costs the same however many there are.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    read_only: bool,
    /// Allowed types; empty: every type.
    types: HashSet<Box<str>>,
    apexes: HashSet<Box<str>>,
    exact: HashMap<Box<str>, Protection>,
    /// Rules for what is below a name, each with those of the names above it.
    below: dns::ZoneMap<Protection>,
}

impl Rules {
    /// The rules of a backend that serves `zones` (canonical).
    pub fn new(guards: &Guards, zones: &[impl AsRef<str>]) -> Self {
        let mut exact: HashMap<Box<str>, Protection> = HashMap::new();
        let mut below: HashMap<Box<str>, Protection> = HashMap::new();
        for rule in &guards.protect {
            let rules = if rule.below { &mut below } else { &mut exact };
            rules.entry(rule.name.as_str().into()).or_default().add(rule);
        }
        let inherited = below.keys().map(|name| {
            let mut all = Protection::default();
            for above in dns::suffixes(name).filter_map(|above| below.get(above)) {
                all.join(above);
            }
            (name, all)
        });
        Self {
            read_only: guards.read_only,
            types: guards.types.iter().map(|allowed| allowed.as_str().into()).collect(),
            apexes: zones.iter().map(|zone| zone.as_ref().into()).collect(),
            below: inherited.collect(),
            exact,
        }
    }

    /// Why a change is refused, if it is.
    ///
    /// What `protect` covers is not created either: a create of what is there already is an update, and
    /// what were created could never be changed again. Nor is a record written that can't stand beside
    /// a protected one (a CNAME at the name of a protected MX): some servers make room for it. Ownership
    /// TXT are of their records, so that `types` does not count them; `protect` covers them by their own
    /// names.
    pub fn refusal(&self, action: Action, endpoint: &impl EndpointView) -> Option<Refusal> {
        if self.read_only {
            return Some(Refusal::ReadOnly);
        }
        let name = endpoint.dns_name();
        let name = dns::canonical(name).unwrap_or(Cow::Borrowed(name));
        let record_type = upper(endpoint.record_type());
        if matches!(&*record_type, "SOA" | "NS") && self.apexes.contains(&*name) {
            return Some(Refusal::Apex { record_type: record_type.into_owned() });
        }
        let above = dns::suffixes(&name).nth(1).unwrap_or(".");
        let mut protections = self.exact.get(&*name).into_iter().chain(self.below.get(above));
        if let Some(rule) = protections.find_map(|protection| protection.covers(action, &record_type)) {
            return Some(Refusal::Protected { rule: Arc::clone(rule) });
        }
        if !self.types.is_empty() && !self.types.contains(&*record_type) && !is_ownership_txt(endpoint) {
            return Some(Refusal::Type { record_type: record_type.into_owned() });
        }
        None
    }
}

/// What is protected at one name, or below it: rules as they are written, by type.
#[derive(Debug, Clone, Default)]
struct Protection {
    every: Option<Arc<str>>,
    types: Vec<(Box<str>, Arc<str>)>,
}

impl Protection {
    fn add(&mut self, rule: &ProtectedName) {
        let written = || rule.to_string().into();
        match &rule.types {
            TypePattern::Every => {
                self.every.get_or_insert_with(written);
            }
            TypePattern::One(record_type) => self.add_type(record_type.as_str(), written),
        }
    }

    fn add_type(&mut self, record_type: &str, written: impl FnOnce() -> Arc<str>) {
        if self.types.iter().all(|(known, _)| **known != *record_type) {
            self.types.push((record_type.into(), written()));
        }
    }

    fn join(&mut self, other: &Self) {
        if self.every.is_none() {
            self.every.clone_from(&other.every);
        }
        for (record_type, written) in &other.types {
            self.add_type(record_type, || Arc::clone(written));
        }
    }

    fn covers(&self, action: Action, record_type: &str) -> Option<&Arc<str>> {
        let drives_out =
            |other: &str| action != Action::Delete && !dns::may_stand_together(record_type, other);
        let of_type =
            self.types.iter().find(|(protected, _)| **protected == *record_type || drives_out(protected));
        self.every.as_ref().or(of_type.map(|(_, written)| written))
    }
}

/// Types are written in upper case; some clients are not strict about it.
fn upper(record_type: &str) -> Cow<'_, str> {
    if record_type.bytes().any(|byte| byte.is_ascii_lowercase()) {
        Cow::Owned(record_type.to_ascii_uppercase())
    } else {
        Cow::Borrowed(record_type)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use zonemux_plugin::Endpoint;

    use super::*;
    use crate::config::MaxDeletes;

    fn guards(types: &[&str], protect: &[&str]) -> Guards {
        Guards {
            read_only: false,
            dry_run: false,
            max_deletes: MaxDeletes::Unlimited,
            min_records: 10,
            types: types.iter().map(|allowed| allowed.parse().unwrap()).collect(),
            protect: protect.iter().map(|rule| rule.parse().unwrap()).collect(),
        }
    }

    fn refusal(rules: &Rules, action: Action, name: &str, record_type: &str) -> Option<String> {
        rules.refusal(action, &Endpoint::new(name, record_type, ["x"])).map(|refusal| refusal.to_string())
    }

    #[test]
    fn the_records_that_make_a_zone_stay_as_they_are() {
        let rules = Rules::new(&guards(&[], &[]), &["example.org", "sub.example.org"]);
        for action in [Action::Create, Action::Update, Action::Delete] {
            for (name, record_type) in
                [("example.org", "NS"), ("Sub.Example.org.", "SOA"), ("example.org", "ns")]
            {
                let refusal = rules.refusal(action, &Endpoint::new(name, record_type, ["x"])).unwrap();
                assert_eq!(refusal.as_str(), "apex", "{name} {record_type}");
            }
            assert_eq!(refusal(&rules, action, "delegated.example.org", "NS"), None);
            assert_eq!(refusal(&rules, action, "example.org", "A"), None);
        }
    }

    #[test]
    fn a_protected_record_is_neither_written_nor_deleted() {
        let rules = Rules::new(
            &guards(&[], &["mail.example.org MX", "*._domainkey.example.org *", "Example.org TXT"]),
            &["example.org"],
        );
        for (name, record_type, rule) in [
            ("MAIL.example.org", "MX", "mail.example.org MX"),
            ("mail.example.org", "mx", "mail.example.org MX"),
            ("a._domainkey.example.org", "TXT", "*._domainkey.example.org *"),
            ("b.a._domainkey.example.org", "CNAME", "*._domainkey.example.org *"),
            ("example.org", "TXT", "example.org TXT"),
        ] {
            for action in [Action::Create, Action::Update, Action::Delete] {
                let refusal = refusal(&rules, action, name, record_type).unwrap();
                assert_eq!(refusal, format!("protected by \"{rule}\" in `guards.protect`"));
            }
        }
        for (name, record_type) in [
            ("mail.example.org", "A"),
            ("x.mail.example.org", "MX"),
            ("_domainkey.example.org", "TXT"),
            ("x_domainkey.example.org", "TXT"),
        ] {
            assert_eq!(refusal(&rules, Action::Delete, name, record_type), None, "{name} {record_type}");
        }
    }

    #[test]
    fn a_cname_does_not_drive_out_a_protected_record() {
        let rules =
            Rules::new(&guards(&[], &["mail.example.org MX", "www.example.org CNAME"]), &["example.org"]);
        assert!(refusal(&rules, Action::Create, "mail.example.org", "CNAME").is_some());
        assert!(refusal(&rules, Action::Update, "www.example.org", "A").is_some());
        assert_eq!(refusal(&rules, Action::Delete, "mail.example.org", "CNAME"), None);
    }

    #[test]
    fn a_rule_far_above_counts_beside_a_nearer_one() {
        let rules = Rules::new(&guards(&[], &["*.example.org MX", "*.a.example.org TXT"]), &["example.org"]);
        assert!(refusal(&rules, Action::Delete, "x.a.example.org", "MX").is_some());
        assert!(refusal(&rules, Action::Delete, "x.a.example.org", "TXT").is_some());
        assert_eq!(refusal(&rules, Action::Delete, "a.example.org", "TXT"), None);
    }

    #[test]
    fn types_leave_ownership_to_its_record() {
        let rules = Rules::new(&guards(&["A", "AAAA"], &[]), &["example.org"]);
        let refused = refusal(&rules, Action::Create, "www.example.org", "CNAME").unwrap();
        assert_eq!(refused, "`guards.types` does not have CNAME");
        assert!(refusal(&rules, Action::Create, "www.example.org", "TXT").is_some());
        let owning = Endpoint::new("a-www.example.org", "TXT", ["\"heritage=external-dns\""]);
        assert_eq!(rules.refusal(Action::Create, &owning), None);
        assert_eq!(refusal(&rules, Action::Create, "www.example.org", "a"), None);
    }

    #[test]
    fn ownership_is_protected_by_its_own_name_alone() {
        let rules =
            Rules::new(&guards(&[], &["www.example.org *", "*.own.example.org TXT"]), &["example.org"]);
        let owning = |name| Endpoint::new(name, "TXT", ["\"heritage=external-dns\""]);
        assert_eq!(rules.refusal(Action::Delete, &owning("a-www.example.org")), None);
        assert!(rules.refusal(Action::Delete, &owning("a-www.own.example.org")).is_some());
    }

    #[test]
    fn a_backend_that_is_read_only_takes_nothing() {
        let rules = Rules::new(&Guards { read_only: true, ..guards(&[], &[]) }, &["example.org"]);
        let refused = refusal(&rules, Action::Create, "www.example.org", "A").unwrap();
        assert_eq!(refused, "`guards.read_only` is set for this backend");
    }

    #[test]
    fn many_rules_cost_no_more_than_few() {
        let time = |protected: usize| {
            let protect: Vec<String> =
                (0..protected).map(|index| format!("*.x{index}.p{index}.example.org MX")).collect();
            let protect: Vec<&str> = protect.iter().map(String::as_str).collect();
            let rules = Rules::new(&guards(&[], &protect), &["example.org"]);
            let started = Instant::now();
            for index in 0..20_000 {
                let endpoint = Endpoint::new(format!("n.x{index}.p{index}.example.org"), "A", ["x"]);
                assert_eq!(rules.refusal(Action::Delete, &endpoint), None);
            }
            started.elapsed()
        };
        let (few, many) = (time(1), time(2_000));
        // Comparing with each rule would take hundreds of times as long.
        assert!(many < few * 30, "1 rule: {few:?}, 2,000 rules: {many:?}");
    }
}
