//! When large answers are compressed.

use super::keywords;

keywords! {
    /// When a large answer is compressed for a client that asks for it.
    pub enum Gzip {
        /// Where the bytes leave this machine: over loopback it costs both ends more than it saves.
        Auto = "auto",
        /// Wherever the client asks for it.
        Always = "always",
        /// Nowhere.
        Never = "never",
    }
}
