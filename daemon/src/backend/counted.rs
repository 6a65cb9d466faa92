//! Record types that are counted under their own name; a metric's labels must stay few.

const NAMES: [&str; 12] =
    ["A", "AAAA", "CAA", "CNAME", "DNAME", "MX", "NAPTR", "NS", "PTR", "SRV", "TXT", "other"];

/// A type as it is counted: its position among [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted(u8);

/// A type that has no name of its own here.
pub(super) const OTHER: Counted = Counted(11);

/// The type of ownership records among others.
pub(super) const TXT: Counted = Counted(10);

impl Counted {
    /// How a type is counted. The compiler tells them apart in a few instructions: this is asked for each record of
    /// each list.
    #[inline]
    pub(super) fn of(record_type: &str) -> Self {
        Self(match record_type {
            "A" => 0,
            "AAAA" => 1,
            "CAA" => 2,
            "CNAME" => 3,
            "DNAME" => 4,
            "MX" => 5,
            "NAPTR" => 6,
            "NS" => 7,
            "PTR" => 8,
            "SRV" => 9,
            "TXT" => return TXT,
            _ => return OTHER,
        })
    }

    pub(super) fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }
}

/// How many records there are of each type.
#[derive(Debug, Default)]
pub(super) struct Counts([u64; NAMES.len()]);

impl Counts {
    #[inline]
    pub(super) fn add(&mut self, record_type: Counted) {
        self.0[usize::from(record_type.0)] += 1;
    }

    pub(super) fn by_name(self) -> Vec<(&'static str, u64)> {
        NAMES.into_iter().zip(self.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_counted_under_its_own_name() {
        for name in NAMES {
            assert_eq!(Counted::of(name).name(), name);
        }
        assert_eq!(Counted::of("SPF"), OTHER);
        assert_eq!(Counted::of("a").name(), "other");
    }
}
