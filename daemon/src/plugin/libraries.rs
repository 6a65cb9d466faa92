//! Which other libraries a plugin makes the dynamic linker load along with it, and from where.
//!
//! What was checked is the plugin alone. Libraries by name come from the system's own folders; a file
//! that brings search paths or paths of its own could name one that anyone can write.

use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, elf};

use super::error::Refusal;

type Segment = <elf::FileHeader64<Endianness> as FileHeader>::ProgramHeader;

/// The names of the libraries that it needs, in its own order.
pub(super) fn needed(file: &ElfFile64<'_, Endianness>, bytes: &[u8]) -> Result<Vec<String>, Refusal> {
    let damaged = |why: &str| Refusal::Damaged(why.to_owned());
    let (endian, segments) = (file.endian(), file.elf_program_headers());
    let mut entries = Vec::new();
    for segment in segments {
        let dynamic = segment.dynamic(endian, bytes).map_err(|error| damaged(&error.to_string()))?;
        let dynamic = dynamic.unwrap_or_default().iter().map(|entry| (entry.tag(endian), entry.val(endian)));
        entries.extend(dynamic.take_while(|(tag, _)| *tag != elf::DT_NULL));
    }
    let text = |offset: u64| {
        let (_, table) = entries.iter().find(|(tag, _)| *tag == elf::DT_STRTAB)?;
        text_at(segments, endian, bytes, table.checked_add(offset)?)
    };
    let mut needed = Vec::new();
    for (tag, value) in &entries {
        let what = match *tag {
            elf::DT_RPATH => "RPATH",
            elf::DT_RUNPATH => "RUNPATH",
            elf::DT_NEEDED => "NEEDED",
            // Loaded as well, to stand in for this one's functions.
            elf::DT_AUXILIARY => "AUXILIARY",
            elf::DT_FILTER => "FILTER",
            _ => continue,
        };
        let text = text(*value).ok_or_else(|| damaged(&format!("the text of its {what} is not there")))?;
        if matches!(*tag, elf::DT_RPATH | elf::DT_RUNPATH) {
            if !text.is_empty() {
                return Err(Refusal::OwnLibraries(format!("searches `{}` ({what})", shown(&text))));
            }
        } else if text.contains('/') {
            return Err(Refusal::OwnLibraries(format!("needs the file `{}` ({what})", shown(&text))));
        } else {
            needed.push(shown(&text));
        }
    }
    Ok(needed)
}

/// The text at an address, up to its null, as the file's segments put it there.
fn text_at(segments: &[Segment], endian: Endianness, bytes: &[u8], address: u64) -> Option<String> {
    let loaded = segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD);
    for segment in loaded {
        let Some(from) = address.checked_sub(segment.p_vaddr(endian)) else { continue };
        let Some(rest) =
            segment.data(endian, bytes).ok().and_then(|data| data.get(usize::try_from(from).ok()?..))
        else {
            continue;
        };
        let text = rest.split(|byte| *byte == 0).next().filter(|text| text.len() < rest.len())?;
        return Some(String::from_utf8_lossy(text).into_owned());
    }
    None
}

/// In one line, whatever the file holds.
fn shown(text: &str) -> String {
    text.escape_debug().collect()
}
