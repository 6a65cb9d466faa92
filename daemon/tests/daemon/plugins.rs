//! `zonemux plugin`.

use serde_json::Value;

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
