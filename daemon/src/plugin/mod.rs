//! Plugins: found, checked, loaded and called. Nothing above this module knows where a plugin's code
//! runs, and nothing outside it names the types that cross the boundary.
//!
//! The way of a file, each step a refusal in one line: [`locate`](locate()) → [`Image::read`] (owner and mode,
//! sha256, architecture, manifest; nothing is run) → [`Loader`] (sealed memory, `dlopen`, header, layout)
//! → [`Inline::configure`] (settings).

pub mod child;
mod contain;
mod cross;
mod error;
mod frames;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod heard;
mod host;
mod image;
mod inline;
mod inspect;
mod libraries;
mod load;
mod locate;
pub mod process;
mod signature;
mod trust;

pub use error::{PluginError, Refusal};
pub use host::HostSide;
pub use image::{Image, Trust, Trusted};
pub use inline::Inline;
pub use load::{Loaded, Loader};
pub use locate::{candidates, locate};
pub use process::{Isolated, Launcher, Permissions, schema};
pub use signature::{SignatureFault, Signed, signature_of};
