//! Sorts a batch by name, and joins what belongs together.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::{Unit, ownership};
use crate::changes::ChangeId;
use crate::dns::{canonical, may_stand_together, suffixes, to_unicode};
use crate::endpoints::EndpointRef;

/// One change, read once.
struct Item<'a> {
    id: ChangeId,
    endpoint: EndpointRef<'a>,
    name: Cow<'a, str>,
    deletes: bool,
    owns: bool,
}

pub(super) fn units<'a>(changes: impl Iterator<Item = (ChangeId, EndpointRef<'a>)>) -> Vec<Unit> {
    let items: Vec<Item<'_>> = changes
        .map(|(id, endpoint)| Item {
            id,
            endpoint,
            name: spelling(endpoint.dns_name()),
            deletes: matches!(id, ChangeId::Delete(_)),
            owns: ownership::is_ownership_txt(&endpoint),
        })
        .collect();
    let records = Records::new(&items);
    let mut sets = Sets::new(items.len());
    for range in &records.names {
        join_name(&items, &records.sorted[range.clone()], &mut sets);
    }
    join_below_dnames(&items, &records, &mut sets);
    join_ownership(&items, &records, &mut sets);
    collect(&items, &mut sets)
}

/// A name that is not valid will be refused; it needs only to be told from others.
fn spelling(name: &str) -> Cow<'_, str> {
    canonical(name).unwrap_or(Cow::Borrowed(name))
}

/// The records of a batch (not the ownership TXT) in the order of name, set identifier, type.
struct Records<'a> {
    /// Positions of items.
    sorted: Vec<usize>,
    /// The part of `sorted` that is one name's.
    names: Vec<Range<usize>>,
    by_name: HashMap<&'a str, usize>,
}

impl<'a> Records<'a> {
    fn new(items: &'a [Item<'a>]) -> Self {
        let mut by_name = HashMap::with_capacity(items.len());
        let mut keyed = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.owns) {
            let next = by_name.len();
            keyed.push((*by_name.entry(&*item.name).or_insert(next), index));
        }
        keyed.sort_unstable_by(|(left_name, left), (right_name, right)| {
            let key = |index: usize| (key(&items[index]), index);
            left_name.cmp(right_name).then_with(|| key(*left).cmp(&key(*right)))
        });
        let mut names = vec![0..0; by_name.len()];
        for (at, &(name, _)) in keyed.iter().enumerate() {
            if names[name].is_empty() {
                names[name] = at..at;
            }
            names[name].end = at + 1;
        }
        Self { sorted: keyed.into_iter().map(|(_, index)| index).collect(), names, by_name }
    }

    /// The records at a name with a set identifier, and a type if that is known.
    fn find(&self, items: &[Item<'_>], name: &str, set: &str, record_type: Option<&str>) -> &[usize] {
        let Some(&name) = self.by_name.get(name) else {
            return &[];
        };
        let at_name = &self.sorted[self.names[name].clone()];
        let compare = |index: usize| match record_type {
            Some(record_type) => key(&items[index]).cmp(&(set, record_type)),
            None => items[index].endpoint.set_identifier().cmp(set),
        };
        let start = at_name.partition_point(|&index| compare(index).is_lt());
        let end = at_name.partition_point(|&index| compare(index).is_le());
        &at_name[start..end]
    }
}

fn key<'a>(item: &Item<'a>) -> (&'a str, &'a str) {
    (item.endpoint.set_identifier(), item.endpoint.record_type())
}

/// Joins the records of one name, sorted by set identifier and type.
fn join_name(items: &[Item<'_>], at_name: &[usize], sets: &mut Sets) {
    if at_name.len() < 2 {
        return;
    }
    let types: BTreeSet<&str> = at_name.iter().map(|&index| items[index].endpoint.record_type()).collect();
    if types.contains("CNAME") && types.iter().any(|other| !may_stand_together("CNAME", other)) {
        sets.join_all(at_name);
        return;
    }
    for same_key in at_name.chunk_by(|&left, &right| key(&items[left]) == key(&items[right])) {
        sets.join_all(same_key);
    }
    let set = |index: usize| items[index].endpoint.set_identifier();
    for same_set in at_name.chunk_by(|&left, &right| set(left) == set(right)) {
        let changes_type = |index: &usize| !matches!(items[*index].id, ChangeId::Update(_));
        let moved: Vec<usize> = same_set.iter().copied().filter(changes_type).collect();
        // Only deletes, or only creates, don't replace each other.
        if moved.iter().any(|&index| items[index].deletes) && moved.iter().any(|&index| !items[index].deletes)
        {
            sets.join_all(&moved);
        }
    }
}

/// A DNAME leaves no room for names below it (RFC 6672, section 2.4): what makes room for what is
/// one unit.
fn join_below_dnames(items: &[Item<'_>], records: &Records<'_>, sets: &mut Sets) {
    let dnames: HashMap<&str, usize> = records
        .sorted
        .iter()
        .filter(|&&index| items[index].endpoint.record_type() == "DNAME")
        .map(|&index| (&*items[index].name, index))
        .collect();
    if dnames.is_empty() {
        return;
    }
    for &index in &records.sorted {
        for above in suffixes(&items[index].name).skip(1) {
            if let Some(&dname) = dnames.get(above)
                && items[dname].deletes != items[index].deletes
            {
                sets.join(dname, index);
            }
        }
    }
}

/// Joins each ownership TXT with its record.
fn join_ownership<'a>(items: &'a [Item<'a>], records: &Records<'a>, sets: &mut Sets) {
    // Ownership TXT whose record is not in the batch, by what they own.
    let mut alone: HashMap<(String, &str, &str), usize> = HashMap::new();
    for (index, item) in items.iter().enumerate().filter(|(_, item)| item.owns) {
        let set = item.endpoint.set_identifier();
        let mut find = |name: &str, record_type: Option<&str>| {
            let found = records.find(items, name, set, record_type);
            for &record in found {
                sets.join(record, index);
            }
            !found.is_empty()
        };
        let (name, record_type) = if let Some(label) = ownership::label(item.endpoint) {
            let owned = spelling(label);
            let (txt_text, owned_text) = (to_unicode(&item.name), to_unicode(&owned));
            let mut types = ownership::types(&txt_text, &owned_text).peekable();
            let likeliest = types.peek().copied();
            let found = match likeliest {
                Some(_) => types.any(|record_type| find(&owned, Some(record_type))),
                None => find(&owned, None),
            };
            if found {
                continue;
            }
            (owned.into_owned(), likeliest)
        } else {
            if ownership::guesses(&item.name).iter().any(|(name, record_type)| find(name, *record_type)) {
                continue;
            }
            (item.name.to_string(), None)
        };
        if let Some(other) = alone.insert((name, record_type.unwrap_or_default(), set), index) {
            sets.join(other, index);
        }
    }
}

fn collect(items: &[Item<'_>], sets: &mut Sets) -> Vec<Unit> {
    // Which unit an item belongs to, units being numbered by their first item.
    let mut unit_of = vec![usize::MAX; items.len()];
    let mut sizes = Vec::new();
    for index in 0..items.len() {
        let root = sets.root(index);
        // A root is the first of its set.
        if root == index {
            unit_of[index] = sizes.len();
            sizes.push(1);
        } else {
            unit_of[index] = unit_of[root];
            sizes[unit_of[root]] += 1;
        }
    }
    let empty_unit = |size: usize| Unit { changes: Vec::with_capacity(size) };
    let mut units: Vec<Unit> = sizes.into_iter().map(empty_unit).collect();
    // Items stand in the order deletes, updates, creates. Deleted last, written first.
    let mut start = 0;
    for kind in items.chunk_by(|left, right| step(left) == step(right)) {
        for first in [true, false] {
            for (item, &unit) in kind.iter().zip(&unit_of[start..]) {
                if (item.owns != item.deletes) == first {
                    units[unit].changes.push(item.id);
                }
            }
        }
        start += kind.len();
    }
    units
}

fn step(item: &Item<'_>) -> u8 {
    match item.id {
        ChangeId::Delete(_) => 0,
        ChangeId::Update(_) => 1,
        ChangeId::Create(_) => 2,
    }
}

/// Disjoint sets of items.
struct Sets {
    parents: Vec<usize>,
}

impl Sets {
    fn new(length: usize) -> Self {
        Self { parents: (0..length).collect() }
    }

    fn root(&mut self, index: usize) -> usize {
        let mut at = index;
        while self.parents[at] != at {
            // Halving the path keeps later look-ups short.
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    fn join(&mut self, left: usize, right: usize) {
        let (left, right) = (self.root(left), self.root(right));
        self.parents[left.max(right)] = left.min(right);
    }

    fn join_all(&mut self, items: &[usize]) {
        for pair in items.windows(2) {
            self.join(pair[0], pair[1]);
        }
    }
}
