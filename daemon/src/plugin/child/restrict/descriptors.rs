//! Descriptors that were inherited, against whoever forgot close-on-exec.
#![expect(unsafe_code, reason = "close_range has no safe wrapper")]

use std::io;

/// Standard input and output are the daemon's socket, standard error is its log.
const FIRST_FOREIGN: libc::c_uint = 3;

/// Closes everything above the three standard descriptors.
///
/// To be called first thing in the child's life, before anything in this process has opened one.
pub fn close_inherited() -> io::Result<()> {
    // SAFETY: takes no pointer. Nothing in this process owns a descriptor in this range yet, as is asked
    // of the caller, so that none is closed under its owner. The raw call rather than libc's function,
    // which glibc has since 2.34 only.
    let closed =
        unsafe { libc::syscall(libc::SYS_close_range, FIRST_FOREIGN, libc::c_uint::MAX, 0 as libc::c_uint) };
    if closed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
