//! What a plugin can do to the descriptors of its process.

#![expect(unsafe_code, reason = "closing and writing to descriptors that are others' takes system calls")]

use std::io::{self, Write};
use std::os::fd::AsFd;

use zonemux_plugin::{Error, Result};

/// More than a process is given.
const MOST: i32 = 4096;

/// Opens descriptors until there are none.
pub(crate) fn leak() {
    let stderr = io::stderr();
    while let Ok(copy) = stderr.as_fd().try_clone_to_owned() {
        std::mem::forget(copy);
    }
}

/// Closes every descriptor, whoever's it is.
pub(crate) fn close_all() {
    for descriptor in 0..MOST {
        // SAFETY: others own these and will be surprised, which is the purpose; no memory depends on them.
        unsafe { libc::close(descriptor) };
    }
}

/// Writes what is no frame to every socket.
pub(crate) fn write_garbage() {
    let garbage = [0xff_u8; 64];
    for descriptor in 0..MOST {
        // SAFETY: the pointer and the length are of one array. What is no socket refuses it.
        unsafe { libc::send(descriptor, garbage.as_ptr().cast(), garbage.len(), libc::MSG_NOSIGNAL) };
    }
}

/// Prints lines, half of them to standard output.
pub(crate) fn print(lines: u64) -> Result<()> {
    let failed = |error: io::Error| Error::retryable(format!("can't print: {error}"));
    for number in 0..lines {
        if number % 2 == 0 {
            writeln!(io::stdout(), "line {number} on command").map_err(failed)?;
        } else {
            writeln!(io::stderr(), "line {number} on command").map_err(failed)?;
        }
    }
    Ok(())
}
