//! The valid word that is nearest to a mistyped one.

/// The candidate that `word` was probably meant to be, if one is near enough to be worth naming.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), candidate))
        // A third of the letters may be wrong; more than that is another word.
        .filter(|(distance, candidate)| *distance * 3 <= candidate.chars().count().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_only() {
        let keys = ["timeout", "list_timeout", "zones", "plugin", "ttl"];
        assert_eq!(nearest("timout", keys), Some("timeout"));
        assert_eq!(nearest("tiemout", keys), Some("timeout"));
        assert_eq!(nearest("TIMEOUT", keys), Some("timeout"));
        assert_eq!(nearest("zone", keys), Some("zones"));
        assert_eq!(nearest("list-timeout", keys), Some("list_timeout"));
        assert_eq!(nearest("tll", keys), Some("ttl"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("x", keys), None);
        assert_eq!(nearest("anything", []), None);
    }
}
