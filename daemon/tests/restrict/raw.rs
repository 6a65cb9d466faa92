//! System calls without wrappers, for those that no library makes for us.
#![expect(unsafe_code, reason = "attempts at calls that are to be refused")]

use std::io;

/// Makes a call with plain numbers; pointers among them are null.
pub(crate) fn call(number: i64, arguments: [i64; 5]) -> io::Result<i64> {
    let [a, b, c, d, e] = arguments;
    // SAFETY: every caller passes null where the kernel wants an address, so that nothing is written.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
