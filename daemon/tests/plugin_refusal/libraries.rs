//! Plugins that would bring libraries from places that nobody checked.

use std::process::Command;

use super::{elf, refusal, site};

/// The refusal of a library of the machine's own compiler with a real plugin's manifest, linked with these
/// arguments.
fn refusal_of(arguments: &[&str]) -> String {
    let site = site("../plugins/other.so");
    let plugin = std::fs::read(zonemux_test_support::plugin("memory")).unwrap();
    let (_, start, end) =
        elf::sections(&plugin).into_iter().find(|(name, ..)| name == ".zonemux.plugin").unwrap();
    site.write("manifest", &plugin[start..end]);
    site.write("plugin.s", ".section .zonemux.plugin,\"a\"\n.incbin \"manifest\"\n");
    site.write("other.c", "int other(void) { return 7; }\n");
    let compile = |arguments: &[&str]| {
        let mut command = Command::new("cc");
        site.prepare(&mut command);
        let compiled = command.arg("-shared").args(arguments).output().unwrap();
        assert!(compiled.status.success(), "{compiled:?}");
    };
    // Without a name of its own, it is needed by the path by which it was linked.
    compile(&["-o", "plugins/libother.so", "other.c"]);
    compile(&[&["-o", "plugins/other.so", "plugin.s", "-Wl,--no-as-needed"], arguments].concat());
    site.chmod("plugins/other.so", 0o755);
    refusal(&site)
}

#[test]
fn a_folder_of_its_own_to_search() {
    insta::assert_snapshot!(refusal_of(&["-Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib"]));
}

#[test]
fn a_folder_of_its_own_to_search_before_all_others() {
    insta::assert_snapshot!(refusal_of(&["-Wl,--disable-new-dtags,-rpath,/tmp/lib"]));
}

#[test]
fn a_library_by_its_path() {
    insta::assert_snapshot!(refusal_of(&["plugins/libother.so"]));
}

#[test]
fn the_systems_own_libraries_are_no_reason() {
    insta::assert_snapshot!(refusal_of(&["-lm"]));
}
