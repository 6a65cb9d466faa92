//! `zonemux plugin`.

use std::process::Command;

use serde_json::Value;
use zonemux_test_support::Site;

use crate::{VERSION, memory, site};

#[test]
fn list_names_what_is_there_and_what_is_refused() {
    let site = memory();
    site.write("plugins/broken.so", "no plugin");
    site.write("plugins/README", "not looked at");
    let list = site.run(&["plugin", "list"]);
    assert_eq!((list.code, list.stderr.as_str()), (Some(0), ""), "{list:?}");
    insta::with_settings!({ filters => [VERSION] }, { insta::assert_snapshot!(site.shown(&list.stdout)) });
}

#[test]
fn list_says_where_nothing_is() {
    let site = memory();
    std::fs::remove_file(site.path("plugins/libzonemux_memory.so")).unwrap();
    let list = site.run(&["plugin", "list"]);
    assert_eq!((list.code, list.stdout.as_str()), (Some(0), ""), "{list:?}");
    assert_eq!(site.shown(&list.stderr), "no plugins in [SITE]/plugins\n");
}

#[test]
fn inspect_reads_the_manifest_without_running_the_file() {
    let site = site();
    let file = site.install("memory");
    let inspected = site.run(&["plugin", "inspect", &file.to_string_lossy()]);
    assert_eq!((inspected.code, inspected.stderr.as_str()), (Some(0), ""), "{inspected:?}");
    let differs = [
        VERSION,
        (r"compiler   .*", "compiler   [COMPILER]"),
        (r"target     .*", "target     [TARGET]"),
        // The dynamic linker is named after the machine.
        (r"libraries  libgcc_s.so.1 .*", "libraries  libgcc_s.so.1 [OTHERS]"),
        (r"sha256     [0-9a-f]{64}", "sha256     [DIGEST]"),
    ];
    insta::with_settings!({ filters => differs }, { insta::assert_snapshot!(inspected.stdout) });

    let json = site.run(&["plugin", "inspect", &file.to_string_lossy(), "--output", "json"]);
    let described: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(described["manifest"]["name"], "zonemux-memory");
    assert_eq!(described["sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn inspect_refuses_what_is_no_plugin() {
    let site = site();
    let file = site.write("notes.so", "no plugin");
    let inspected = site.run(&["plugin", "inspect", &file.to_string_lossy()]);
    assert_eq!((inspected.code, inspected.stdout.as_str()), (Some(1), ""), "{inspected:?}");
    insta::assert_snapshot!(site.shown(&inspected.stderr));
}

#[test]
fn schema_describes_the_settings() {
    let site = site();
    let file = site.install("memory");
    let schema = site.run(&["plugin", "schema", &file.to_string_lossy()]);
    assert_eq!(schema.code, Some(0), "{schema:?}");
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    assert!(schema["properties"]["file"].is_object(), "{schema:#}");

    let refused = site.run(&["plugin", "schema", &site.path("nosuch.so").to_string_lossy()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("not found"), "{refused:?}");
}

/// A library whose manifest is the memory plugin's and whose constructor is some C: nothing but that is ever run.
fn hostile(site: &Site, constructor: &str) -> String {
    let memory = site.install("memory");
    let inspected = site.run(&["plugin", "inspect", &memory.to_string_lossy(), "--output", "json"]);
    let described: Value = serde_json::from_str(&inspected.stdout).unwrap();
    let manifest = described["manifest"].to_string();
    let length = manifest.len();
    let manifest = manifest.replace('\\', "\\\\").replace('"', "\\\"");
    let source = site.write(
        "hostile.c",
        format!(
            "#include <fcntl.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n\
             __attribute__((used, section(\".zonemux.plugin\"))) static const char manifest[{length}] = \"{manifest}\";\n\
             __attribute__((constructor)) static void begin(void) {{ {constructor} }}\n"
        ),
    );
    let library = site.path("hostile.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(built.unwrap().success(), "cc");
    site.chmod("hostile.so", 0o755);
    library.to_string_lossy().into_owned()
}

#[test]
fn a_plugin_that_aborts_when_it_is_asked_for_its_schema_ends_only_itself() {
    let site = site();
    let refused = site.run(&["plugin", "schema", &hostile(&site, "abort();")]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.stderr.contains("its process ended before it answered: signal: 6"), "{}", refused.stderr);
}

#[test]
fn a_plugin_that_is_asked_for_its_schema_can_write_no_file() {
    let site = site();
    let path = site.path("written");
    let constructor =
        format!("open({:?}, O_CREAT | O_WRONLY, 0600); perror(\"open\");", path.display().to_string());
    let refused = site.run(&["plugin", "schema", &hostile(&site, &constructor)]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    // Its code was run, and what it tried was refused.
    assert!(refused.stderr.contains("open: Permission denied"), "{}", refused.stderr);
    assert!(refused.stderr.contains("it does not export `zonemux_plugin_header_v1`"), "{}", refused.stderr);
    assert!(!path.exists());
}

#[test]
fn a_plugin_that_never_answers_for_its_schema_is_ended() {
    let site = site();
    let refused = site.run(&["plugin", "schema", &hostile(&site, "for (;;) pause();")]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("it did not answer within 10s"), "{}", refused.stderr);
}
