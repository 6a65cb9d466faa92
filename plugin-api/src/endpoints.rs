//! Many endpoints in six allocations instead of one for each string.

use std::fmt;
use std::ops::Range;

use crate::endpoint::{Endpoint, EndpointView};

/// Where a string stands in [`Endpoints::text`], or a name in [`Endpoints::names`].
#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    length: u32,
}

impl Span {
    fn of(self, buffer: &str) -> &str {
        let start = self.start as usize;
        &buffer[start..start + self.length as usize]
    }
}

/// A run of entries in one of the side lists.
#[derive(Clone, Copy, Default)]
struct Run {
    start: u32,
    end: u32,
}

impl Run {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

#[derive(Clone, Copy, Default)]
struct Row {
    record_type: Span,
    set_identifier: Span,
    record_ttl: u32,
    targets: Run,
    labels: Run,
    provider_specific: Run,
}

/// A list of endpoints that keeps all text in one buffer: an ExternalDNS batch of 100,000 endpoints
/// takes six allocations, not a million. Append only.
#[derive(Default, Clone)]
pub struct Endpoints {
    /// Owner names, apart from all else: who looks at every name of a batch and at nothing else, as
    /// the router does, waits for a third of the memory.
    names: String,
    /// The name of each of the rows.
    name_spans: Vec<Span>,
    text: String,
    rows: Vec<Row>,
    targets: Vec<Span>,
    pairs: Vec<(Span, Span)>,
}

/// The list would hold more than 4 GiB of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a list of endpoints holds at most 4 GiB of text")]
pub struct TooLarge;

impl Endpoints {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty list with room for about so many endpoints and bytes of text.
    pub fn with_capacity(endpoints: usize, text: usize) -> Self {
        Self {
            names: String::with_capacity(text.min(endpoints.saturating_mul(USUAL_NAME))),
            name_spans: Vec::with_capacity(endpoints),
            text: String::with_capacity(text),
            rows: Vec::with_capacity(endpoints),
            targets: Vec::with_capacity(endpoints),
            pairs: Vec::new(),
        }
    }

    /// How many endpoints there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The bytes of text in all endpoints.
    pub fn text_size(&self) -> usize {
        self.names.len() + self.text.len()
    }

    /// The endpoint at a position.
    pub fn get(&self, index: usize) -> Option<EndpointRef<'_>> {
        let (row, name) = (self.rows.get(index)?, *self.name_spans.get(index)?);
        Some(EndpointRef { list: self, row, name })
    }

    /// All endpoints in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = EndpointRef<'_>> + Clone {
        self.range(0..self.len())
    }

    /// The endpoints of a range of positions, in order.
    ///
    /// # Panics
    ///
    /// When the range reaches beyond the end.
    pub fn range(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = EndpointRef<'_>> + Clone {
        let rows = self.rows[range.clone()].iter().zip(&self.name_spans[range]);
        rows.map(|(row, &name)| EndpointRef { list: self, row, name })
    }

    /// Appends a copy of an endpoint.
    pub fn push(&mut self, endpoint: &impl EndpointView) -> Result<(), TooLarge> {
        let mut entry = self.entry();
        entry.dns_name(endpoint.dns_name())?;
        entry.record_type(endpoint.record_type())?;
        entry.set_identifier(endpoint.set_identifier())?;
        entry.record_ttl(endpoint.record_ttl());
        entry.begin_targets();
        for target in endpoint.targets() {
            entry.target(target)?;
        }
        entry.begin_labels();
        for (key, value) in endpoint.labels() {
            entry.label(key, value)?;
        }
        entry.begin_provider_specific();
        for (name, value) in endpoint.provider_specific() {
            entry.property(name, value)?;
        }
        entry.finish();
        Ok(())
    }

    /// Starts an endpoint that is filled in field by field, in any order.
    pub fn entry(&mut self) -> Entry<'_> {
        Entry { list: self, row: Row::default(), name: Span::default() }
    }

    /// Gives back room that is not used.
    pub fn shrink_to_fit(&mut self) {
        self.names.shrink_to_fit();
        self.name_spans.shrink_to_fit();
        self.text.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.targets.shrink_to_fit();
        self.pairs.shrink_to_fit();
    }

    fn store(&mut self, text: &str) -> Result<Span, TooLarge> {
        append(&mut self.text, text)
    }

    fn text(&self, span: Span) -> &str {
        span.of(&self.text)
    }
}

/// What an owner name takes in a cluster of many tenants, with some to spare.
const USUAL_NAME: usize = 48;

fn append(buffer: &mut String, text: &str) -> Result<Span, TooLarge> {
    let start = u32::try_from(buffer.len()).map_err(|_| TooLarge)?;
    let length = u32::try_from(text.len()).map_err(|_| TooLarge)?;
    start.checked_add(length).ok_or(TooLarge)?;
    buffer.push_str(text);
    Ok(Span { start, length })
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<&'a Endpoint> for Endpoints {
    /// # Panics
    ///
    /// When the text exceeds 4 GiB, which `push` reports as an error instead.
    fn from_iter<I: IntoIterator<Item = &'a Endpoint>>(endpoints: I) -> Self {
        let mut list = Self::new();
        for endpoint in endpoints {
            list.push(endpoint).expect("less than 4 GiB of endpoints");
        }
        list
    }
}

/// An endpoint that is being appended to [`Endpoints`]; it counts only once finished.
/// Giving a field or list twice keeps the last.
#[derive(Debug)]
pub struct Entry<'a> {
    list: &'a mut Endpoints,
    row: Row,
    name: Span,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Row")
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Span")
    }
}

/// A position in a side list; those are bounded by the text, and so fit.
fn position(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Entry<'_> {
    /// Sets the owner name.
    pub fn dns_name(&mut self, name: &str) -> Result<(), TooLarge> {
        self.name = append(&mut self.list.names, name)?;
        Ok(())
    }

    /// Sets the record type.
    pub fn record_type(&mut self, record_type: &str) -> Result<(), TooLarge> {
        self.row.record_type = self.list.store(record_type)?;
        Ok(())
    }

    /// Sets the set identifier.
    pub fn set_identifier(&mut self, set_identifier: &str) -> Result<(), TooLarge> {
        self.row.set_identifier = self.list.store(set_identifier)?;
        Ok(())
    }

    /// Sets the TTL, in seconds.
    pub fn record_ttl(&mut self, seconds: u32) {
        self.row.record_ttl = seconds;
    }

    /// Begins the list of targets anew.
    pub fn begin_targets(&mut self) {
        let start = position(self.list.targets.len());
        self.row.targets = Run { start, end: start };
    }

    /// Appends a target. Only between [`begin_targets`](Self::begin_targets) and the next `begin`.
    pub fn target(&mut self, target: &str) -> Result<(), TooLarge> {
        let span = self.list.store(target)?;
        self.list.targets.push(span);
        self.row.targets.end = u32::try_from(self.list.targets.len()).map_err(|_| TooLarge)?;
        Ok(())
    }

    /// Begins the labels anew.
    pub fn begin_labels(&mut self) {
        let start = position(self.list.pairs.len());
        self.row.labels = Run { start, end: start };
    }

    /// Appends a label. Only between [`begin_labels`](Self::begin_labels) and the next `begin`.
    pub fn label(&mut self, key: &str, value: &str) -> Result<(), TooLarge> {
        self.row.labels.end = self.pair(key, value)?;
        Ok(())
    }

    /// Begins the provider-specific properties anew.
    pub fn begin_provider_specific(&mut self) {
        let start = position(self.list.pairs.len());
        self.row.provider_specific = Run { start, end: start };
    }

    /// Appends a property. Only between
    /// [`begin_provider_specific`](Self::begin_provider_specific) and the next `begin`.
    pub fn property(&mut self, name: &str, value: &str) -> Result<(), TooLarge> {
        self.row.provider_specific.end = self.pair(name, value)?;
        Ok(())
    }

    /// Counts the endpoint.
    pub fn finish(self) {
        self.list.rows.push(self.row);
        self.list.name_spans.push(self.name);
    }

    fn pair(&mut self, key: &str, value: &str) -> Result<u32, TooLarge> {
        let pair = (self.list.store(key)?, self.list.store(value)?);
        self.list.pairs.push(pair);
        u32::try_from(self.list.pairs.len()).map_err(|_| TooLarge)
    }
}

/// One endpoint of [`Endpoints`]; cheap to copy.
#[derive(Clone, Copy)]
pub struct EndpointRef<'a> {
    list: &'a Endpoints,
    row: &'a Row,
    name: Span,
}

impl<'a> EndpointRef<'a> {
    /// The owner name, without a trailing dot.
    pub fn dns_name(&self) -> &'a str {
        self.name.of(&self.list.names)
    }

    /// `A`, `CNAME`, `TXT`, …
    pub fn record_type(&self) -> &'a str {
        self.list.text(self.row.record_type)
    }

    /// Empty where there is none.
    pub fn set_identifier(&self) -> &'a str {
        self.list.text(self.row.set_identifier)
    }

    /// Seconds; 0 means "not set".
    pub fn record_ttl(&self) -> u32 {
        self.row.record_ttl
    }

    /// The RDATA of each record.
    pub fn targets(&self) -> impl ExactSizeIterator<Item = &'a str> + Clone + use<'a> {
        let list = self.list;
        list.targets[self.row.targets.range()].iter().map(move |&span| list.text(span))
    }

    /// ExternalDNS's own labels.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + Clone + use<'a> {
        self.pairs(self.row.labels)
    }

    /// Provider-specific properties, name and value.
    pub fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + Clone + use<'a> {
        self.pairs(self.row.provider_specific)
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&'a str> {
        self.labels().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    fn pairs(&self, run: Run) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + Clone + use<'a> {
        let list = self.list;
        list.pairs[run.range()].iter().map(move |&(key, value)| (list.text(key), list.text(value)))
    }
}

impl EndpointView for EndpointRef<'_> {
    fn dns_name(&self) -> &str {
        EndpointRef::dns_name(self)
    }

    fn record_type(&self) -> &str {
        EndpointRef::record_type(self)
    }

    fn set_identifier(&self) -> &str {
        EndpointRef::set_identifier(self)
    }

    fn record_ttl(&self) -> u32 {
        self.row.record_ttl
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        EndpointRef::targets(self)
    }

    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        EndpointRef::labels(self)
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        EndpointRef::provider_specific(self)
    }
}

impl fmt::Debug for EndpointRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_endpoint(), f)
    }
}
