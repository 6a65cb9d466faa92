//! What happens while the dynamic linker loads the plugin: before it has settings, or is known to be one.

#![expect(unsafe_code, reason = "a constructor is a function pointer in a section of its own")]

use crate::backend::while_loading;

/// How it behaves while it is loaded, up to the first space. There are no settings yet that could say it: a
/// test writes the name of a behaviour over the word `healthy` in a copy of the file.
#[used]
static BEHAVIOUR: [u8; 48] = *b"flaky while it is loaded: healthy               ";
const WORD: usize = "flaky while it is loaded: ".len();

// SAFETY: the linker calls each address in this section once, as a C function; this is one.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = at_load;

extern "C" fn at_load() {
    // SAFETY: a static of this very type. Volatile, since the compiler does not know of the other word.
    let behaviour = unsafe { std::ptr::read_volatile(&raw const BEHAVIOUR) };
    let word = behaviour[WORD..].split(|&byte| byte == b' ').next().unwrap_or_default();
    let word = std::str::from_utf8(word).unwrap_or_default();
    if word != "healthy" {
        while_loading(word);
    }
}
