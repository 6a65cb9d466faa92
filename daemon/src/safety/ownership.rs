//! Virtual ownership: the TXT registry's records, kept here where the backend can't hold them.

/// Whether a text says that ExternalDNS owns a record: as a zone file has it, in quotes, or without.
pub fn is_heritage(target: &str) -> bool {
    const HERITAGE: &str = "heritage=external-dns";
    let text = target.trim_ascii().trim_start_matches('"');
    text.strip_prefix(HERITAGE).is_some_and(|rest| rest.is_empty() || rest.starts_with([',', '"']))
}
