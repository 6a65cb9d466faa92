//! Reads what a plugin file says of itself, without running any of it.

use std::path::Path;

use object::read::elf::{ElfFile64, FileHeader};
use object::{Architecture, Endianness, FileKind, Object, ObjectSection, elf};
use zonemux_plugin::{MANIFEST_SECTION, Manifest};

use super::error::{PluginError, Refusal};

/// The manifest of a file that this daemon could load as far as that can be told without loading.
pub(super) fn manifest(path: &Path, bytes: &[u8]) -> Result<Manifest, PluginError> {
    let manifest = read(bytes).map_err(|reason| PluginError::new(path, reason))?;
    check(&manifest).map_err(|reason| PluginError::new(path, reason))?;
    Ok(manifest)
}

fn read(bytes: &[u8]) -> Result<Manifest, Refusal> {
    // The library's words are about tables of the format; what it mostly means is a copy that broke off.
    let broken =
        |error: object::Error| Refusal::NotAnObject(format!("it is damaged, or was cut off ({error})"));
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
    serde_json::from_slice(data)
        .map_err(|error| Refusal::NotAPlugin(format!("its manifest can't be read: {error}")))
}

/// A file that was cut off: every section and segment must lie within it, or the dynamic linker
/// maps what is not there and the process ends with a bus error.
fn complete(file: &ElfFile64<'_, Endianness>, bytes: &[u8]) -> Result<(), Refusal> {
    use object::read::elf::ProgramHeader;
    let size = bytes.len() as u64;
    for segment in file.elf_program_headers() {
        let (start, length) = segment.file_range(file.endian());
        if start.checked_add(length).is_none_or(|end| end > size) {
            return Err(Refusal::NotAnObject("it was cut off: a part of it lies behind its end".into()));
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
    if manifest.panic == "abort" {
        return Err(Refusal::Aborts);
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
