//! Ways to end a process, or its thread, without a word.

#![expect(unsafe_code, reason = "what safe code can't do is what this plugin is there for")]

use std::hint::black_box;
use std::sync::Mutex;

/// Writes to an address that is nobody's.
pub(crate) fn write_nowhere() -> ! {
    // Not 0, which the compiler would turn into a trap, an illegal instruction.
    let nowhere = black_box(std::ptr::without_provenance_mut::<u8>(16));
    // SAFETY: none, and that is the purpose: no process has memory in its first page, so that the kernel ends
    // this one before anything is written.
    unsafe { nowhere.write_volatile(1) };
    std::process::abort()
}

/// Ends the process as a library that calls `exit` on an error does.
#[expect(clippy::exit, reason = "it is what a plugin must be able to do to its own process alone")]
pub(crate) fn exit() -> ! {
    std::process::exit(3)
}

/// Calls itself until the stack is used up.
pub(crate) fn overflow_the_stack() -> ! {
    fn descend(depth: u64) -> u64 {
        let room = black_box([depth; 64]);
        let below = if depth == u64::MAX { 0 } else { descend(black_box(depth + 1)) };
        below ^ room[0]
    }
    black_box(descend(0));
    std::process::abort()
}

/// Computes for ever.
pub(crate) fn spin() -> ! {
    let mut number = 0_u64;
    loop {
        number = black_box(number.wrapping_add(1));
    }
}

/// Waits for a lock that this thread holds.
pub(crate) fn wait_for_itself() -> ! {
    let lock = Mutex::new(());
    let _first = lock.lock();
    let _second = lock.lock();
    std::process::abort()
}

/// Takes memory, and writes to it, until there is none.
pub(crate) fn eat_memory() -> ! {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![1_u8; 1 << 20]));
    }
}
