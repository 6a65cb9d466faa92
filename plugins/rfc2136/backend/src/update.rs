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

/// How many of the first parts fit into one message of so many octets. All parts at one name stay together where
/// they fit at all; at least one is taken, and whether that one fits is told.
pub(crate) fn fitting(parts: &[Part], apex: &[u8], octets: usize) -> (usize, bool) {
    let mut left = octets.saturating_sub(HEAD + apex.len());
    let mut count = 0;
    for part in parts {
        let size = room(part);
        if size > left {
            break;
        }
        left -= size;
        count += 1;
    }
    if count == 0 {
        return (1, false);
    }
    if count < parts.len() {
        // Back to where a name begins.
        let first_name = |part: &Part| part.steps.first().map(|step| step.name.clone());
        let next = first_name(&parts[count]);
        let start = parts[..count].iter().rposition(|part| first_name(part) != next).map_or(0, |at| at + 1);
        if start > 0 {
            count = start;
        }
    }
    (count, true)
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
