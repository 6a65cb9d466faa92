//! Records the compiler and target, for the manifest of every plugin built with this SDK.

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
    println!("cargo::rustc-env=ZONEMUX_RUSTC={}", version.as_deref().map_or("unknown", str::trim));
    println!("cargo::rustc-env=ZONEMUX_TARGET={}", env::var("TARGET").unwrap_or_default());
    println!("cargo::rerun-if-changed=build.rs");
}
