//! Updates (RFC 2136): the conditions and changes of parts, packed into messages.

use zonemux_rdata::Rtype;

use crate::message::{Class, Writer};
use crate::plan::{Part, Step};
use crate::zone::Known;

/// What comes before the records of a message, apart from the zone's name.
const HEAD: usize = 12 + 4;

/// The most octets that a part takes in a message.
pub(crate) fn room(part: &Part) -> usize {
    let size = |step: &Step, rdatas: &[Vec<u8>]| -> usize {
        rdatas.iter().map(|rdata| Writer::room_for(&step.name, rdata.len())).sum()
    };
    let steps = part.steps.iter().map(|step| {
        let conditions = size(step, &step.expected).max(2 * Writer::room_for(&step.name, 0));
        let wanted = step.wanted.as_ref().map_or(0, |wanted| size(step, &wanted.rdatas));
        conditions + wanted + Writer::room_for(&step.name, 0)
    });
    steps.sum()
}

/// Parts in as few messages of so many octets as hold them, and those that fit into none. All that is about one name
/// stays together where it can.
pub(crate) fn pack(parts: Vec<Part>, apex: &[u8], octets: usize) -> (Vec<Vec<Part>>, Vec<Part>) {
    let limit = octets.saturating_sub(HEAD + apex.len());
    let (mut messages, mut too_large) = (Vec::new(), Vec::new());
    let (mut current, mut used) = (Vec::<Part>::new(), 0);
    // Where the parts at the last name begin, and what those before them take.
    let (mut start, mut used_before) = (0, 0);
    for part in parts {
        let size = room(&part);
        if size > limit {
            too_large.push(part);
            continue;
        }
        let is_same = current.last().is_some_and(|last| first_name(last) == first_name(&part));
        if !is_same {
            (start, used_before) = (current.len(), used);
        }
        if used + size > limit {
            let rest = if is_same && start > 0 { current.split_off(start) } else { Vec::new() };
            used = if rest.is_empty() { 0 } else { used - used_before };
            messages.push(std::mem::replace(&mut current, rest));
            (start, used_before) = (0, 0);
            if used + size > limit {
                // They don't fit into one.
                messages.push(std::mem::take(&mut current));
                used = 0;
            }
        }
        used += size;
        current.push(part);
    }
    if !current.is_empty() {
        messages.push(current);
    }
    (messages, too_large)
}

fn first_name(part: &Part) -> Option<&[u8]> {
    part.steps.first().map(|step| step.name.as_slice())
}

/// The message that does all of these parts, or none. What is `known` spares conditions: where nothing is known to
/// be at a name, one covers all types.
pub(crate) fn message<'p>(
    apex: &[u8],
    parts: impl Iterator<Item = &'p Part> + Clone,
    known: Option<&Known>,
) -> Vec<u8> {
    let mut writer = Writer::update(apex);
    for part in parts.clone() {
        conditions(&mut writer, part, apex, known);
    }
    for part in parts {
        // Deletes before adds: servers ignore a CNAME beside another record without a word.
        for step in part.steps.iter().filter(|step| !step.is_done && !step.expected.is_empty()) {
            writer.change(&step.name, step.rtype, Class::Any, 0, b"");
        }
        for step in part.steps.iter().filter(|step| !step.is_done) {
            for (rdata, ttl) in
                step.wanted.iter().flat_map(|wanted| wanted.rdatas.iter().map(|rdata| (rdata, wanted.ttl)))
            {
                writer.change(&step.name, step.rtype, Class::In, ttl, rdata);
            }
        }
    }
    writer.finish()
}

/// What has to be so that the part is done (RFC 2136, section 2.4).
fn conditions(writer: &mut Writer, part: &Part, apex: &[u8], known: Option<&Known>) {
    for step in &part.steps {
        let (name, rtype) = (&step.name, step.rtype);
        if !step.expected.is_empty() {
            // The whole RRset, with these values.
            for rdata in &step.expected {
                writer.prerequisite(name, rtype, Class::In, rdata);
            }
            continue;
        }
        let is_alone = !part.steps.iter().any(|other| other.name == *name && !other.expected.is_empty());
        // At the apex is what is not kept.
        let is_unused = *name != apex
            && known.is_some_and(|known| known.is_whole() && known.types(name).next().is_none());
        if step.wanted.is_some() && is_alone && (rtype == Rtype::CNAME || is_unused) {
            // Nothing at all is at the name.
            writer.prerequisite(name, Rtype::ANY, Class::None, b"");
            continue;
        }
        writer.prerequisite(name, rtype, Class::None, b"");
        let has_cname = part.steps.iter().any(|other| other.name == *name && other.rtype == Rtype::CNAME);
        if step.wanted.is_some() && rtype != Rtype::CNAME && !has_cname {
            writer.prerequisite(name, Rtype::CNAME, Class::None, b"");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::{header, records};
    use crate::plan::Wanted;

    const APEX: &[u8] = b"\x07example\x03org\0";

    fn step(label: u8, size: usize, expected: usize) -> Step {
        let rdata = |number: usize| vec![u8::try_from(number % 256).unwrap(); size];
        Step {
            name: [&[1, b'a' + label][..], APEX].concat(),
            rtype: Rtype::TXT,
            changes: Vec::new(),
            old: None,
            wanted: (size > 0).then(|| Wanted { ttl: 60, rdatas: vec![rdata(1)] }),
            is_create: expected == 0,
            owns: false,
            expected: (0..expected).map(rdata).collect(),
            expected_ttl: 60,
            listed: None,
            is_done: false,
        }
    }

    fn part() -> impl Strategy<Value = Vec<Step>> {
        let step = (0..8_u8, 0..9000_usize, 0..3_usize);
        let step = step.prop_map(|(label, size, expected)| self::step(label, size, expected));
        proptest::collection::vec(step, 1..3)
    }

    proptest! {
        #[test]
        fn packing_loses_nothing_and_messages_are_never_too_long(
            parts in proptest::collection::vec(part(), 0..60),
            octets in 10_000..65_000_usize,
        ) {
            let mut parts: Vec<Part> =
                parts.into_iter().enumerate().map(|(unit, steps)| Part { unit, zone: 0, steps }).collect();
            parts.sort_by(|left, right| first_name(left).cmp(&first_name(right)));
            let all: Vec<usize> = parts.iter().map(|part| part.unit).collect();
            let (messages, too_large) = pack(parts, APEX, octets);
            let mut found: Vec<usize> = messages.iter().flatten().map(|part| part.unit).collect();
            let large: Vec<usize> = too_large.iter().map(|part| part.unit).collect();
            let mut expected = all;
            expected.retain(|unit| !large.contains(unit));
            // In their order, each once.
            prop_assert_eq!(&found, &expected);
            found.extend(large);
            for parts in &messages {
                prop_assert!(!parts.is_empty());
                let message = message(APEX, parts.iter(), None);
                prop_assert!(message.len() <= octets, "{} of {}", message.len(), octets);
                let counts = header(&message).unwrap().counts;
                let changes: usize = parts
                    .iter()
                    .flat_map(|part| &part.steps)
                    .map(|step| usize::from(!step.expected.is_empty()) + usize::from(step.wanted.is_some()))
                    .sum();
                prop_assert_eq!(usize::from(counts[2]), changes);
                prop_assert!(records(&message).unwrap().all(|record| record.is_some()));
            }
            for part in &too_large {
                prop_assert!(room(part) > octets - HEAD - APEX.len());
            }
            for pair in messages.windows(2) {
                // A name that goes on in the next message fills this one alone, or did not fit into one.
                let (last, next) = (pair[0].last().unwrap(), &pair[1][0]);
                if first_name(last) == first_name(next) {
                    let same = pair.iter().flatten().filter(|part| first_name(part) == first_name(next));
                    let size: usize = same.map(room).sum();
                    prop_assert!(size > octets - HEAD - APEX.len());
                }
            }
        }
    }
}
