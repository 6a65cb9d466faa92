//! System calls without wrappers, for those that no library makes for us.
#![expect(unsafe_code, reason = "attempts at calls that are to be refused")]

use std::io;

/// Makes a call with plain numbers; pointers among them are null.
pub(crate) fn call(number: i64, of: [i64; 5]) -> io::Result<i64> {
    // SAFETY: every caller passes null where the kernel wants an address, so that nothing is written.
    let answer = unsafe { libc::syscall(number, of[0], of[1], of[2], of[3], of[4]) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
