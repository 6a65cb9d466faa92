//! Whose an ownership TXT of `ExternalDNS` is.

/// How its text begins.
const HERITAGE: &[u8] = b"heritage=external-dns";
/// Behind what the owner stands.
const OWNER: &[u8] = b"external-dns/owner=";

/// Whether the RDATA of a TXT is an ownership record in the clear, told by its first string.
pub(crate) fn is_heritage(rdata: &[u8]) -> bool {
    rdata.get(1..).is_some_and(|text| text.starts_with(HERITAGE))
}

/// The owner that the RDATA of a TXT names, where it is an ownership record in the clear.
pub(crate) fn owner(rdata: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(rdata.len());
    let mut rest = rdata;
    while let Some((&length, after)) = rest.split_first() {
        let (string, after) = after.split_at_checked(length.into())?;
        text.extend_from_slice(string);
        rest = after;
    }
    if !text.starts_with(HERITAGE) {
        return None;
    }
    let mut fields = text.split(|&octet| octet == b',');
    fields.find_map(|field| field.strip_prefix(OWNER)).map(|owner| owner.trim_ascii().to_vec())
}

/// Whether two RRsets of an ownership TXT name the same owners.
pub(crate) fn same_owner(one: &[Vec<u8>], other: &[Vec<u8>]) -> bool {
    let owners = |rdatas: &[Vec<u8>]| rdatas.iter().map(|rdata| owner(rdata)).collect::<Option<Vec<_>>>();
    match (owners(one), owners(other)) {
        (Some(one), Some(other)) => {
            let holds = |one: &[Vec<u8>], other: &[Vec<u8>]| one.iter().all(|owner| other.contains(owner));
            !one.is_empty() && holds(&one, &other) && holds(&other, &one)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rdata(text: &str) -> Vec<u8> {
        let strings = text.as_bytes().chunks(20);
        strings.flat_map(|string| [&[u8::try_from(string.len()).unwrap()], string].concat()).collect()
    }

    #[test]
    fn owners_are_found_in_any_order_of_fields() {
        let one = rdata("heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/a/b");
        let two = rdata("heritage=external-dns,external-dns/resource=ingress/a/c,external-dns/owner=me");
        let other = rdata("heritage=external-dns,external-dns/owner=you");
        assert_eq!(owner(&one).as_deref(), Some(b"me".as_slice()));
        assert!(same_owner(std::slice::from_ref(&one), &[two]));
        assert!(!same_owner(std::slice::from_ref(&one), std::slice::from_ref(&other)));
        assert!(!same_owner(std::slice::from_ref(&one), &[one.clone(), other]));
        assert!(!same_owner(&[one], &[rdata("v=spf1 -all")]));
        assert!(!same_owner(&[], &[]));
    }
}
