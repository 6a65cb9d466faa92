//! Where a value came from.

use std::fmt;
use std::path::{Path, PathBuf};

use config::Value;

/// The layer that gave a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Built in.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

/// The `config` crate carries origins as text; these tell the layers apart in it.
const FILE: &str = "file:";
const ENVIRONMENT: &str = "environment:";

impl Origin {
    /// The origin of a merged value.
    pub(crate) fn of(value: &Value) -> Self {
        let text = value.origin().unwrap_or_default();
        if let Some(path) = text.strip_prefix(FILE) {
            Self::File(PathBuf::from(path))
        } else if let Some(variable) = text.strip_prefix(ENVIRONMENT) {
            Self::Environment(variable.to_owned())
        } else {
            Self::Default
        }
    }

    /// The form that values carry.
    pub(crate) fn tag(&self) -> String {
        match self {
            Self::Default => String::new(),
            Self::File(path) => format!("{FILE}{}", path.display()),
            Self::Environment(variable) => format!("{ENVIRONMENT}{variable}"),
        }
    }

    /// The folder to which relative paths of this layer refer.
    pub(crate) fn base_directory<'a>(&'a self, current_directory: &'a Path) -> &'a Path {
        match self {
            Self::File(path) => path.parent().unwrap_or(current_directory),
            Self::Default | Self::Environment(_) => current_directory,
        }
    }
}

impl fmt::Display for Origin {
    /// As `config show` writes it: `default`, `file PATH`, `environment VARIABLE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(variable) => write!(f, "environment {variable}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_carry_their_origin() {
        for origin in
            [Origin::Default, Origin::File("/etc/a b.toml".into()), Origin::Environment("X".to_owned())]
        {
            assert_eq!(Origin::of(&Value::new(Some(&origin.tag()), "x")), origin);
        }
        assert_eq!(Origin::of(&Value::from("x")), Origin::Default);
    }
}
