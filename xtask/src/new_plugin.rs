//! `cargo xtask new-plugin NAME`: copies `plugin-api/template/` to a folder outside this repository and fills
//! in the names.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{At, Failure, Outcome};
use crate::repository::Repository;
use crate::terminal;

/// Longest name of a plugin, in characters: it becomes part of file names and metric names.
const LONGEST: usize = 40;
const HINT: &str = "`cargo xtask new-plugin NAME [--directory DIR]`";

pub(crate) fn run(repository: &Repository, arguments: &[String]) -> Outcome {
    let (name, directory) = parse(arguments)?;
    let directory = match directory {
        Some(directory) => directory,
        None => repository.root().parent().unwrap_or(Path::new("/")).to_owned(),
    };
    let folder = create(repository, &name, &directory)?;
    terminal::line(&next_steps(&name, &folder, repository.root()));
    Ok(())
}

/// Makes the plugin `zonemux-NAME` in `directory`, and gives its folder.
pub(crate) fn create(repository: &Repository, name: &str, directory: &Path) -> Outcome<PathBuf> {
    check(name)?;
    let directory = directory.canonicalize().at("find", directory)?;
    if directory.starts_with(repository.root()) {
        return Err(Failure::usage(format!("{} is inside the zonemux repository", directory.display()))
            .hint("a plugin is a repository of its own; name another folder with `--directory`"));
    }
    let folder = directory.join(format!("zonemux-{name}"));
    if folder.exists() {
        return Err(Failure::new(format!("{} is there already", folder.display()))
            .hint("choose another name or `--directory`"));
    }
    let template = repository.root().join("plugin-api/template");
    copy(&template, &folder, &placeholders(repository, name))?;
    Ok(folder)
}

fn parse(arguments: &[String]) -> Outcome<(String, Option<PathBuf>)> {
    let mut name = None;
    let mut directory = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--directory" => {
                let value = rest.next().ok_or_else(|| Failure::usage("`--directory` needs a folder"))?;
                directory = Some(PathBuf::from(value));
            }
            other if other.starts_with('-') => {
                return Err(Failure::usage(format!("unknown argument `{other}`")).hint(HINT));
            }
            other if name.is_none() => name = Some(other.to_owned()),
            other => return Err(Failure::usage(format!("one name is enough, got also `{other}`")).hint(HINT)),
        }
    }
    let name = name.ok_or_else(|| Failure::usage("the plugin needs a name").hint(HINT))?;
    Ok((name, directory))
}

/// A name stands behind `plugin =` in a configuration, in the name of the `.so` file, and in Rust.
fn check(name: &str) -> Outcome {
    let allowed = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '-' | '_');
    // Its package would have the name of one that it depends on.
    if matches!(name.replace('_', "-").as_str(), "plugin" | "plugin-abi") {
        let failure = Failure::usage(format!("`{name}` is the name of the SDK's own package"));
        return Err(failure.hint("name the plugin after the DNS server or service that it speaks to"));
    }
    if name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(allowed)
        && name.len() <= LONGEST
    {
        return Ok(());
    }
    let failure = Failure::usage(format!("`{name}` is no name for a plugin"));
    let suggestion: String = name
        .to_lowercase()
        .chars()
        .map(|character| if allowed(character) { character } else { '_' })
        .collect();
    if suggestion != name && check(&suggestion).is_ok() {
        Err(failure.hint(format!("write `{suggestion}`: lower-case letters, digits, `-` and `_`")))
    } else {
        Err(failure
            .hint(format!("lower-case letters, digits, `-` and `_`, a letter first, {LONGEST} at most")))
    }
}

fn placeholders(repository: &Repository, name: &str) -> [(&'static str, String); 4] {
    let sdk = repository.root().join("plugin-api").to_string_lossy().into_owned();
    [
        ("{{name}}", name.to_owned()),
        ("{{crate_name}}", crate_name(name)),
        ("{{type_name}}", type_name(name)),
        // Inside a TOML string.
        ("{{sdk_path}}", sdk.replace('\\', "\\\\").replace('"', "\\\"")),
    ]
}

/// The Rust name of the library, and so the middle of its file's: `my-dns` becomes `zonemux_my_dns`.
pub(crate) fn crate_name(name: &str) -> String {
    format!("zonemux_{}", name.replace('-', "_"))
}

/// `my-dns` becomes `MyDns`.
fn type_name(name: &str) -> String {
    name.split(['-', '_'])
        .filter_map(|word| {
            let mut characters = word.chars();
            characters.next().map(|first| first.to_ascii_uppercase().to_string() + characters.as_str())
        })
        .collect()
}

/// Copies a folder of text files. `target/` and `Cargo.lock` are leftovers of a build, not of the template.
fn copy(from: &Path, to: &Path, placeholders: &[(&str, String)]) -> Outcome {
    let entries = fs::read_dir(from).at("read", from)?;
    fs::create_dir(to).at("create", to)?;
    for entry in entries {
        let entry = entry.at("read", from)?;
        let name = entry.file_name();
        let (source, destination) = (entry.path(), to.join(&name));
        if source.is_dir() {
            if name != "target" {
                copy(&source, &destination, placeholders)?;
            }
        } else if name != "Cargo.lock" {
            let text = fs::read_to_string(&source).at("read", &source)?;
            fs::write(&destination, fill(&text, placeholders)).at("write", &destination)?;
        }
    }
    Ok(())
}

fn fill(text: &str, placeholders: &[(&str, String)]) -> String {
    placeholders.iter().fold(text.to_owned(), |text, (placeholder, value)| text.replace(placeholder, value))
}

/// What to type next. The words are for a shell, in which a path may hold what it would read as its own.
fn next_steps(name: &str, folder: &Path, checkout: &Path) -> String {
    let programs = quoted(&checkout.join("target/release"));
    let guide = checkout.join("docs/writing-plugins.md");
    let guide = guide.display();
    let into = quoted(folder);
    let folder = folder.display();
    let library = crate_name(name);
    format!(
        "\
{folder} is a plugin that builds and loads. Next:

  export PATH={programs}:\"$PATH\"
  cd {into}
  cargo test                                                      # what every backend must do right
  cargo build --release
  zonemux plugin inspect target/release/lib{library}.so
  zonemux --config try.toml serve                                 # at http://127.0.0.1:8888

The first line makes `zonemux` the one of this checkout, once it is built there: `cargo build --release --package zonemux`.
{guide} goes on from here, and src/lib.rs is where to."
    )
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+".contains(character);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::{check, crate_name, fill, next_steps, parse, quoted, type_name};

    #[test]
    fn names_fit_rust_files_and_toml() {
        for good in ["a", "rfc2136", "my_dns", "my-dns"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "2fast", "_x", "ä", "a b", "../x", &"a".repeat(41)] {
            assert_eq!(check(bad).unwrap_err().code(), 64, "{bad}");
        }
        let hint = check("My.DNS").unwrap_err().to_string();
        assert!(hint.contains("write `my_dns`"), "{hint}");
    }

    #[test]
    fn types_are_in_camel_case() {
        assert_eq!(type_name("my_dns"), "MyDns");
        assert_eq!(type_name("my-dns"), "MyDns");
        assert_eq!(crate_name("my-dns"), "zonemux_my_dns");
        assert_eq!(type_name("rfc2136"), "Rfc2136");
    }

    #[test]
    fn placeholders_are_filled_in_everywhere() {
        let values = [("{{name}}", "abc".to_owned()), ("{{type_name}}", "Abc".to_owned())];
        assert_eq!(fill("struct {{type_name}}; // {{name}} {{name}}", &values), "struct Abc; // abc abc");
    }

    #[test]
    fn what_comes_next_can_be_typed_from_any_folder() {
        let words = next_steps("my-dns", Path::new("/src/zonemux-my-dns"), Path::new("/src/zone mux"));
        assert!(words.contains("\n  export PATH='/src/zone mux/target/release':\"$PATH\"\n"), "{words}");
        assert!(words.contains("\n  cd /src/zonemux-my-dns\n"), "{words}");
        assert!(words.contains("\n/src/zone mux/docs/writing-plugins.md goes on"), "{words}");
        // Where this is, the guide is there as well.
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/writing-plugins.md").is_file());
    }

    #[test]
    fn a_shell_reads_a_path_as_it_is() {
        for path in ["/a/b-c_d.e", "/with space", "/it's $HOME `x` \"y\"", "/ä"] {
            let script = format!("printf %s {}", quoted(Path::new(path)));
            let printed = Command::new("sh").args(["-c", &script]).output().unwrap().stdout;
            assert_eq!(String::from_utf8(printed).unwrap(), path);
        }
    }

    #[test]
    fn the_command_line_is_one_name() {
        let arguments = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (name, directory) = parse(&arguments(&["abc", "--directory", "/tmp"])).unwrap();
        assert_eq!((name.as_str(), directory.as_deref()), ("abc", Some("/tmp".as_ref())));
        for bad in [&["a", "b"][..], &[], &["--dir", "x"], &["a", "--directory"]] {
            assert_eq!(parse(&arguments(bad)).unwrap_err().code(), 64, "{bad:?}");
        }
    }
}
