//! The plugins of this workspace, as Cargo built them.

use std::env;
use std::path::PathBuf;

/// The built file of a plugin: `target/PROFILE/libzonemux_NAME.so`, beside the running test's folder.
///
/// # Panics
///
/// When it is not built. `cargo test -p zonemux` builds no plugins: they are files to the daemon, not
/// crates.
#[track_caller]
pub fn plugin(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a running test has a path");
    // target/PROFILE/deps/test-0123456789abcdef
    let profile = test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps");
    let file = profile.join(format!("libzonemux_{}.so", name.replace('-', "_")));
    assert!(
        file.exists(),
        "the plugin {} is not built; run `cargo build --workspace` first (with `--release` for a release test)",
        file.display()
    );
    file
}
