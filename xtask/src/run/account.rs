//! The account that the served process gets when we are root.

use crate::failure::{Failure, Outcome};
use crate::process::Program;

/// In order of preference: the packages' own account, then the one that every system has.
const CANDIDATES: [&str; 2] = ["zonemux", "nobody"];

/// An account of this system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Account {
    /// The first candidate that this system knows and that is not root under another name.
    pub(crate) fn unprivileged() -> Outcome<Self> {
        CANDIDATES.iter().find_map(|name| Self::named(name)).ok_or_else(|| {
            Failure::new(format!("none of these accounts exists: {}", CANDIDATES.join(", ")))
                .hint("`useradd --system zonemux` makes one; or run this as an ordinary user")
        })
    }

    fn named(name: &str) -> Option<Self> {
        let id = |flag: &str| -> Option<u32> {
            Program::new("id").args([flag, name]).output().ok()?.trim().parse().ok()
        };
        let account = Self { name: name.to_owned(), user: id("-u")?, group: id("-g")? };
        (account.user != 0).then_some(account)
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn root_is_never_an_unprivileged_account() {
        assert_eq!(Account::named("root"), None);
        assert_eq!(Account::named("no-such-account-here"), None);
    }
}
