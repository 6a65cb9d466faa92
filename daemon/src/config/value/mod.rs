//! The values a configuration is made of. Each type holds only what is valid, and is made from text
//! by `FromStr`, whose error says what was expected.

mod duration;
mod guard;
mod gzip;
mod listen;
mod log;
mod name;
mod plugin;
mod public_key;
mod secret;
mod size;
mod socket_mode;
mod view_path;
mod zone;

pub use duration::Duration;
pub use guard::{MaxDeletes, ProtectedName, RecordType, TypePattern};
pub use gzip::Gzip;
pub use listen::{Listen, ListenSet};
pub use log::{LogFilter, LogFormat};
pub use name::{BackendName, ViewName};
pub use plugin::{Isolation, Ownership, PluginReference, Sha256, Trust};
pub use public_key::{KeyId, PublicKeys};
pub use secret::{REDACTED, Secret};
pub use size::ByteSize;
pub use socket_mode::SocketMode;
pub use view_path::ViewPath;
pub use zone::Zone;

/// Why a text is not a value of the wanted type. It never repeats the text, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct Invalid {
    /// What would have been valid, as a noun phrase: `a duration such as "10s"`.
    pub expected: String,
    /// What to write instead, where that can be known.
    pub hint: Option<String>,
}

impl Invalid {
    pub(crate) fn new(expected: impl Into<String>) -> Self {
        Self { expected: expected.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Declares an enumeration with the words that stand for it in the configuration file.
macro_rules! keywords {
    (
        $(#[$outer:meta])*
        pub enum $name:ident { $( $(#[$inner:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $( $(#[$inner])* $variant, )+ }

        impl $name {
            /// The words, in the order in which they are offered.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word that stands for this value in the configuration file.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::config::value::Invalid;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $( $word => Ok(Self::$variant), )+
                    _ => Err(crate::config::value::not_a_keyword(text, Self::WORDS)),
                }
            }
        }
    };
}
use keywords;

/// The error for a word outside `words`, with the nearest of them.
fn not_a_keyword(text: &str, words: &[&str]) -> Invalid {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    let invalid = Invalid::new(format!("one of {}", quoted.join(", ")));
    match crate::config::nearest::nearest(text, words.iter().copied()) {
        Some(word) => invalid.hint(format!("did you mean \"{word}\"?")),
        None => invalid,
    }
}
