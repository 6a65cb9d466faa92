//! Records the compiler and the source's revision, for `zonemux_build_info` and `--version`.

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let rustc = output(Command::new(rustc).arg("--version")).unwrap_or_else(|| "unknown".into());
    // Packages are built from archives without a repository; they say the revision by the variable.
    let revision = env::var("ZONEMUX_BUILD_REVISION")
        .ok()
        .or_else(|| output(Command::new("git").args(["rev-parse", "--short=12", "HEAD"])))
        .unwrap_or_else(|| "unknown".into());
    println!("cargo::rustc-env=ZONEMUX_RUSTC={rustc}");
    println!("cargo::rustc-env=ZONEMUX_REVISION={revision}");
    println!("cargo::rerun-if-env-changed=ZONEMUX_BUILD_REVISION");
    println!("cargo::rerun-if-changed=build.rs");
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
