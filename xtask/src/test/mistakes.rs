//! What the compiler tells an author who forgot something: each mistake in the plugin of the template, and the words
//! that the author needs to see. Not the whole output, which changes with each compiler.

use std::fs;
use std::path::Path;

use crate::failure::{At, Failure, Outcome};
use crate::process::Program;
use crate::terminal;

struct Mistake {
    name: &'static str,
    /// Texts in `src/lib.rs`, and what stands there instead.
    changes: &'static [(&'static str, &'static str)],
    told: &'static [&'static str],
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "settings that can't be read",
        changes: &[("serde::Deserialize, JsonSchema)]", "JsonSchema)]")],
        told: &["Settings: serde::Deserialize", "#[derive(serde::Deserialize)]", "type Config = Settings;"],
    },
    Mistake {
        name: "settings without a schema",
        changes: &[("serde::Deserialize, JsonSchema)]", "serde::Deserialize)]")],
        told: &["Settings: JsonSchema", "type Config = Settings;"],
    },
    Mistake {
        name: "a backend that can't be used by several threads",
        changes: &[
            (
                "    server: Server,\n    min_ttl: u32,",
                "    server: Server,\n    shared: std::rc::Rc<()>,\n    min_ttl: u32,",
            ),
            ("            server,\n", "            server,\n            shared: std::rc::Rc::new(()),\n"),
        ],
        told: &["`Rc<()>` cannot be sent between threads safely", "required by a bound in `Backend`"],
    },
    Mistake {
        name: "a method that is missing",
        changes: &[("async fn records(", "async fn list(")],
        told: &["method `list` is not a member of trait `Backend`", "missing: `records`"],
    },
    Mistake {
        name: "two backends in a crate",
        changes: &[("export_plugin!(\n", "export_plugin!(SampleDnsBackend);\nexport_plugin!(\n")],
        told: &["`__a_crate_exports_one_zonemux_plugin` is defined multiple times"],
    },
    Mistake {
        name: "settings in the place of the backend",
        changes: &[("    SampleDnsBackend,\n    //", "    Settings,\n    //")],
        told: &[
            "`Settings` is no zonemux backend",
            "`export_plugin!` takes the type that has `impl Backend for",
        ],
    },
];

/// `plugin` was built in `target` already, with all that it needs. Its source is as before afterwards.
pub(super) fn run(plugin: &Path, target: &Path) -> Outcome {
    let source = plugin.join("src/lib.rs");
    let right = fs::read_to_string(&source).at("read", &source)?;
    let mut faults = Vec::new();
    for mistake in MISTAKES {
        let wrong = mistaken(&right, mistake)?;
        fs::write(&source, wrong).at("write", &source)?;
        let (built, printed) = Program::cargo()
            .args(["build", "--quiet"])
            .env("CARGO_TARGET_DIR", target)
            .directory(plugin)
            .everything_printed()?;
        let missing = mistake.told.iter().filter(|words| !printed.contains(**words)).count();
        if built || missing > 0 {
            terminal::line(&printed);
            faults.push(mistake.name);
        }
    }
    fs::write(&source, right).at("write", &source)?;
    if faults.is_empty() {
        terminal::line(&format!("{} mistakes of authors are told in words that help", MISTAKES.len()));
        return Ok(());
    }
    Err(Failure::new(format!("what the compiler says does not help: {}", faults.join(", "))))
}

fn mistaken(right: &str, mistake: &Mistake) -> Outcome<String> {
    mistake.changes.iter().try_fold(right.to_owned(), |text, (from, to)| match text.matches(from).count() {
        1 => Ok(text.replace(from, to)),
        count => {
            Err(Failure::new(format!("`{}`: `{from}` stands {count} times in the template", mistake.name))
                .hint("let MISTAKES in xtask/src/test/mistakes.rs follow the template"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{MISTAKES, mistaken};

    #[test]
    fn each_mistake_finds_its_place_in_the_template() {
        let template =
            include_str!("../../../plugin-api/template/src/lib.rs").replace("{{type_name}}", "SampleDns");
        for mistake in MISTAKES {
            assert_ne!(mistaken(&template, mistake).unwrap(), template, "{}", mistake.name);
        }
    }
}
