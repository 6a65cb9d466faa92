//! Reads what a plugin file says of itself, without running any of it.

use std::path::Path;

use object::read::elf::{ElfFile64, FileHeader};
use object::{Architecture, Endianness, FileKind, Object, ObjectSection, elf};
use zonemux_plugin::{MANIFEST_SECTION, Manifest};

use super::error::{PluginError, Refusal};
use super::libraries;

/// What a file says of itself.
pub(super) struct Description {
    /// The plugin's own words.
    pub(super) manifest: Manifest,
    /// The libraries that are loaded along with it, by name.
    pub(super) needed: Vec<String>,
}

/// The description of a file that this daemon could load as far as that can be told without loading.
pub(super) fn describe(path: &Path, bytes: &[u8]) -> Result<Description, PluginError> {
    read(bytes).map_err(|reason| PluginError::new(path, reason))
}

/// What is known of a program before it is run: its name, and that it may do what its user may.
pub(super) fn of_program(name: &str) -> Manifest {
    Manifest {
        manifest: 1,
        name: name.to_owned(),
        version: String::new(),
        description: String::new(),
        abi: String::new(),
        sdk: String::new(),
        rustc: String::new(),
        target: String::new(),
        panic: String::new(),
        exclusive: false,
        workers: 0,
        secret_settings: None,
        network: true,
        commands: true,
    }
}

fn read(bytes: &[u8]) -> Result<Description, Refusal> {
    let broken = |error: object::Error| Refusal::Damaged(error.to_string());
    match FileKind::parse(bytes) {
        Ok(FileKind::Elf64) => {}
        Ok(FileKind::Elf32) => {
            let (found, expected) = ("a 32-bit machine".to_owned(), std::env::consts::ARCH);
            return Err(Refusal::OtherArchitecture { found, expected });
        }
        Ok(kind) => return Err(Refusal::NotAnObject(format!("it is {kind:?}, not ELF"))),
        Err(_) => return Err(Refusal::NotAnObject("it is not ELF".into())),
    }
    let file = ElfFile64::<Endianness>::parse(bytes).map_err(broken)?;
    if file.architecture() != architecture() {
        let found = format!("{:?}", file.architecture()).to_lowercase();
        return Err(Refusal::OtherArchitecture { found, expected: std::env::consts::ARCH });
    }
    if file.elf_header().e_type(file.endian()) != elf::ET_DYN {
        return Err(Refusal::NotAnObject("it is ELF, but no shared object".into()));
    }
    complete(&file, bytes)?;
    let section = file
        .section_by_name(MANIFEST_SECTION)
        .ok_or_else(|| Refusal::NotAPlugin(format!("it has no section `{MANIFEST_SECTION}`")))?;
    let data = section.data().map_err(broken)?;
    let manifest = serde_json::from_slice(data)
        .map_err(|error| Refusal::NotAPlugin(format!("its manifest can't be read: {error}")))?;
    check(&manifest)?;
    let needed = libraries::needed(&file, bytes)?;
    Ok(Description { manifest, needed })
}

/// A file that was cut off: every section and segment must lie within it, or the dynamic linker
/// maps what is not there and the process ends with a bus error.
fn complete(file: &ElfFile64<'_, Endianness>, bytes: &[u8]) -> Result<(), Refusal> {
    use object::read::elf::ProgramHeader;
    let size = bytes.len() as u64;
    for segment in file.elf_program_headers() {
        let (start, length) = segment.file_range(file.endian());
        if start.checked_add(length).is_none_or(|end| end > size) {
            return Err(Refusal::Damaged("its end is missing".into()));
        }
    }
    Ok(())
}

fn check(manifest: &Manifest) -> Result<(), Refusal> {
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    let expected = zonemux_plugin_abi::VERSION;
    if major(&manifest.abi) != major(expected) {
        return Err(Refusal::OtherInterface { found: manifest.abi.clone(), expected });
    }
    Ok(())
}

/// This machine's architecture, as ELF names it.
fn architecture() -> Architecture {
    match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        "riscv64" => Architecture::Riscv64,
        "powerpc64" => Architecture::PowerPc64,
        "s390x" => Architecture::S390x,
        "loongarch64" => Architecture::LoongArch64,
        _ => Architecture::Unknown,
    }
}
