//! Serial numbers of zones.

/// Whether a serial is later than another (RFC 1982, section 3.2); where neither is, it is not.
///
/// ```
/// use zonemux_rdata::is_later;
/// assert!(is_later(1, 0) && is_later(0, u32::MAX));
/// assert!(!is_later(1, 1) && !is_later(1 << 31, 0) && !is_later(0, 1 << 31));
/// ```
pub fn is_later(serial: u32, than: u32) -> bool {
    (1..1 << 31).contains(&serial.wrapping_sub(than))
}
