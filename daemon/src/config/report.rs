//! Findings for programs, and for the way between a daemon and its command line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::Finding;
use super::origin::Origin;

/// A [`Finding`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The key it is about, as one would write it in TOML.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The layer to look at.
    pub origin: Option<Layer>,
    /// What to write or do instead.
    pub hint: Option<String>,
}

/// An [`Origin`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "layer", rename_all = "lowercase")]
pub enum Layer {
    /// Built in.
    Default,
    /// A configuration file.
    File {
        /// Its path.
        path: String,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
}

impl From<&Finding> for Report {
    fn from(finding: &Finding) -> Self {
        Self {
            key: finding.key.as_ref().map(ToString::to_string),
            message: finding.message.clone(),
            origin: finding.origin.as_ref().map(Layer::from),
            hint: finding.hint.clone(),
        }
    }
}

impl From<&Report> for Finding {
    /// Reads the same to people; its key is part of the message.
    fn from(report: &Report) -> Self {
        let message = match &report.key {
            Some(key) => format!("`{key}`: {}", report.message),
            None => report.message.clone(),
        };
        let origin = report.origin.as_ref().map(Origin::from);
        Self { key: None, message, origin, hint: report.hint.clone() }
    }
}

impl From<&Origin> for Layer {
    fn from(origin: &Origin) -> Self {
        match origin {
            Origin::Default => Self::Default,
            Origin::File(path) => Self::File { path: path.display().to_string() },
            Origin::Environment(variable) => Self::Environment { variable: variable.clone() },
        }
    }
}

impl From<&Layer> for Origin {
    fn from(layer: &Layer) -> Self {
        match layer {
            Layer::Default => Self::Default,
            Layer::File { path } => Self::File(PathBuf::from(path)),
            Layer::Environment { variable } => Self::Environment(variable.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KeyPath;

    #[test]
    fn a_finding_that_was_sent_reads_the_same() {
        for origin in
            [Origin::Default, Origin::File("/etc/a b.toml".into()), Origin::Environment("X".to_owned())]
        {
            let finding = Finding::at(&KeyPath::of(&["backends", "lan"]), "wrong").from_layer(origin);
            let sent = serde_json::to_string(&Report::from(&finding.hint("mend it"))).unwrap();
            let received = Finding::from(&serde_json::from_str::<Report>(&sent).unwrap());
            assert_eq!(received.to_string(), "`backends.lan`: wrong");
            assert_eq!(
                serde_json::to_string(&Report::from(&received)).unwrap(),
                sent.replace(
                    r#""key":"backends.lan","message":"wrong""#,
                    r#""key":null,"message":"`backends.lan`: wrong""#
                )
            );
        }
    }
}
