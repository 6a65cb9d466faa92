//! Reads a master file and what it includes as the servers do (RFC 1035, section 5; RFC 2308, section 4
//! for `$TTL`; BIND's `$GENERATE`).

use std::path::Path;

use zonemux_plugin::dns::is_at_or_below;

use crate::dialect::{Dialect, Groups, TtlRule};
pub use crate::found::{How, Include, IncludeBase, Read, ReadError, Record, Source};
use crate::generate::Generate;
use crate::identity;
use crate::lexer::{Entry, LexError, Lexer, Token, printable, unescape};
use crate::soa::Soa;
use crate::{name, rdata, ttl};

/// How deep files may include files.
const MAX_DEPTH: usize = 16;

/// Reads a zone, and gives each of its records but the SOA to `out`.
pub fn read(how: &How<'_>, path: &Path, out: &mut dyn FnMut(&Record<'_>)) -> Result<Read, ReadError> {
    let mut reader = Reader::new(how, out);
    reader.file(path, (how.zone.to_owned(), None), 0, None)?;
    Ok(reader.read)
}

/// Reads a text that is no file, and so includes none.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_text(
    how: &How<'_>,
    text: &[u8],
    out: &mut dyn FnMut(&Record<'_>),
) -> Result<Read, ReadError> {
    let mut reader = Reader::new(how, out);
    let source = Source { path: "text".into(), bytes: Vec::new(), identity: identity::Identity::default() };
    reader.read.sources.push(source);
    let mut place = Place { source: 0, line: 1, origin: how.zone.to_owned(), owner: None };
    reader.entries(text, &mut place, MAX_DEPTH)?;
    Ok(reader.read)
}

struct Reader<'a> {
    how: &'a How<'a>,
    read: Read,
    /// Of `$TTL`, whatever file says it.
    default_ttl: Option<u32>,
    last_ttl: Option<u32>,
    /// Which records stand together; kept for BIND alone.
    groups: Groups,
    /// Why the next record can't leave its owner out: the managed file came before it.
    behind_managed: Option<&'static str>,
    out: &'a mut dyn FnMut(&Record<'_>),
}

/// One file while it is read.
struct Place {
    source: usize,
    line: u32,
    origin: String,
    owner: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(how: &'a How<'a>, out: &'a mut dyn FnMut(&Record<'_>)) -> Self {
        Self {
            how,
            read: Read::default(),
            default_ttl: how.dialect.fallback(),
            last_ttl: None,
            groups: Groups::default(),
            behind_managed: None,
            out,
        }
    }

    /// Begins with an origin and an owner; `from` is the file and line that includes this one.
    fn file(
        &mut self,
        path: &Path,
        (origin, owner): (String, Option<String>),
        depth: usize,
        from: Option<(&Path, u32)>,
    ) -> Result<(), ReadError> {
        let (bytes, identity) = identity::read(path).map_err(|error| match from {
            None => ReadError::Io { path: path.to_owned(), error },
            Some((includer, line)) => {
                let what = format!("can't include `{}`: {error}", path.display());
                ReadError::Fault { path: includer.to_owned(), line, what }
            }
        })?;
        let source = self.read.sources.len();
        // The bytes go to their place when they were read: entries borrow them until then.
        self.read.sources.push(Source { path: path.to_owned(), bytes: Vec::new(), identity });
        let mut place = Place { source, line: 1, origin, owner };
        self.groups.end();
        let result = self.entries(&bytes, &mut place, depth);
        self.groups.end();
        self.read.sources[source].bytes = bytes;
        result
    }

    fn entries(&mut self, bytes: &[u8], place: &mut Place, depth: usize) -> Result<(), ReadError> {
        let mut lexer = Lexer::new(bytes);
        let mut entry = Entry::default();
        loop {
            place.line = lexer.line();
            match lexer.next(&mut entry) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    // An open parenthesis is told where it was opened, all else where it stands.
                    place.line = match error {
                        LexError::OpenParenthesis => entry.line,
                        _ => lexer.line(),
                    };
                    return Err(self.fault(place, error.to_string()));
                }
            }
            place.line = entry.line;
            let first = entry.tokens[0];
            if !entry.indented && !first.quoted && first.text.first() == Some(&b'$') {
                self.directive(&entry, place, depth)?;
            } else {
                self.record(&entry, false, place).map_err(|what| self.fault(place, what))?;
            }
        }
    }

    fn fault(&self, place: &Place, what: String) -> ReadError {
        ReadError::Fault { path: self.read.sources[place.source].path.clone(), line: place.line, what }
    }

    fn directive(&mut self, entry: &Entry<'_>, place: &mut Place, depth: usize) -> Result<(), ReadError> {
        let fault = |reader: &Self, place: &Place, what: &str| Err(reader.fault(place, what.to_owned()));
        match &entry.tokens[..] {
            [word, origin] if word.is("$ORIGIN") => {
                place.origin =
                    name::absolute(origin, &place.origin).map_err(|what| self.fault(place, what))?;
                Ok(())
            }
            [word, value] if word.is("$TTL") => {
                let Some(seconds) = ttl::read(value.text) else {
                    return fault(self, place, "`$TTL` takes seconds, or numbers with units such as `1h30m`");
                };
                self.default_ttl = Some(seconds.min(ttl::MAX));
                Ok(())
            }
            [word, path] if word.is("$INCLUDE") => self.include(path, None, place, depth),
            [word, path, origin] if word.is("$INCLUDE") => self.include(path, Some(origin), place, depth),
            [word, rest @ ..] if word.is("$GENERATE") => self.generate(rest, place),
            [word, ..] => {
                let word = printable(word.text);
                let what = match &*word.to_ascii_uppercase() {
                    "$ORIGIN" | "$TTL" | "$INCLUDE" => format!("wrong number of fields for `{word}`"),
                    _ => format!("`{word}` is not a directive that is understood"),
                };
                Err(self.fault(place, what))
            }
            [] => Ok(()),
        }
    }

    fn include(
        &mut self,
        written: &Token<'_>,
        origin: Option<&Token<'_>>,
        place: &mut Place,
        depth: usize,
    ) -> Result<(), ReadError> {
        let origin = match origin {
            Some(origin) => name::absolute(origin, &place.origin).map_err(|what| self.fault(place, what))?,
            None => place.origin.clone(),
        };
        let Some(path) = unescape(written.text).and_then(|path| String::from_utf8(path).ok()) else {
            return Err(self.fault(place, "the path can't be read".to_owned()));
        };
        let includer = self.read.sources[place.source].path.clone();
        let path = match &self.how.include_base {
            IncludeBase::Includer => includer.parent().unwrap_or(Path::new("")).join(path),
            IncludeBase::Folder(folder) => folder.join(path),
        };
        let range = written.range();
        if self.how.managed.is_some_and(|managed| is_same_place(managed, &path)) {
            self.read.includes.push(Include { source: place.source, range, target: None });
            self.behind_managed = Some("owner");
            self.groups.end();
            return Ok(());
        }
        if depth + 1 >= MAX_DEPTH {
            let what = format!("files include each other more than {MAX_DEPTH} deep: is it a circle?");
            return Err(self.fault(place, what));
        }
        let target = Some(self.read.sources.len());
        self.read.includes.push(Include { source: place.source, range, target });
        // Origin and owner are as before behind it (RFC 1035, section 5.1); `$TTL` is not, but for Knot.
        let default_ttl = self.default_ttl;
        self.file(&path, (origin, place.owner.clone()), depth + 1, Some((&includer, place.line)))?;
        if self.how.dialect == Dialect::Knot {
            self.default_ttl = default_ttl;
        }
        Ok(())
    }

    fn generate(&mut self, fields: &[Token<'_>], place: &mut Place) -> Result<(), ReadError> {
        let generate = Generate::read(fields).map_err(|what| self.fault(place, what))?;
        // The owner of the line before stays the one of a line without.
        let owner = place.owner.clone();
        for line in generate.lines() {
            let result = line.and_then(|line| {
                let (mut entry, mut lexer) = (Entry::default(), Lexer::new(line.as_bytes()));
                if !lexer.next(&mut entry).map_err(|error| error.to_string())? {
                    return Err("`$GENERATE` makes an empty line".to_owned());
                }
                self.record(&entry, true, place)
            });
            result.map_err(|what| self.fault(place, what))?;
        }
        place.owner = owner;
        Ok(())
    }

    fn record(&mut self, entry: &Entry<'_>, is_generated: bool, place: &mut Place) -> Result<(), String> {
        let indented = entry.indented && !is_generated;
        let mut fields = &entry.tokens[..];
        if !indented {
            place.owner = Some(name::owner(&fields[0], &place.origin)?);
            fields = &fields[1..];
        }
        if indented && self.behind_managed.is_some() {
            return Err(BEHIND_MANAGED.to_owned());
        }
        let (mut explicit, mut class) = (None, false);
        let word = loop {
            let [field, rest @ ..] = fields else {
                return Err("the line ends before a record type".to_owned());
            };
            fields = rest;
            if !class && !field.quoted && is_class(field.text)? {
                class = true;
            } else if explicit.is_none()
                && field.text.first().is_some_and(u8::is_ascii_digit)
                && let Some(seconds) = ttl::read(field.text)
            {
                explicit = Some(seconds);
            } else {
                break field;
            }
        };
        if word.quoted || !word.text.first().is_some_and(u8::is_ascii_alphabetic) {
            return Err(format!("`{}` stands where a record type is expected", printable(word.text)));
        }
        let record_type = rdata::type_name(&printable(word.text));
        let Some(owner) = place.owner.as_deref() else {
            return Err("the first record has no owner name".to_owned());
        };
        let fields = &*rdata::separated(&record_type, fields);
        if record_type == "SOA" {
            if self.how.dialect == Dialect::Bind {
                self.groups.next(owner, "SOA", "");
            }
            let soa = Soa::read(fields, &place.origin, place.source, explicit.or(self.default_ttl))?;
            if owner != self.how.zone {
                return Err(format!("the SOA is that of {owner}, and the zone is {}", self.how.zone));
            }
            if self.read.soa.is_some() {
                return Err("a second SOA".to_owned());
            }
            // Without any, the minimum is the default from here on, as in BIND.
            if explicit.is_none() && self.default_ttl.is_none() {
                self.default_ttl = Some(soa.minimum.min(ttl::MAX));
            }
            self.last_ttl = Some(explicit.unwrap_or(soa.minimum));
            self.read.soa = Some(soa);
            self.behind_managed = None;
            return Ok(());
        }
        if explicit.is_none() && self.default_ttl.is_none() && self.behind_managed.is_some() {
            return Err(BEHIND_MANAGED.to_owned());
        }
        self.behind_managed = None;
        let Some(ttl) = explicit.or(self.default_ttl).or(self.last_ttl) else {
            return Err(
                "there is no TTL: neither on this line, nor by `$TTL`, nor by an SOA above".to_owned()
            );
        };
        self.last_ttl = Some(ttl);
        let target = rdata::target(&record_type, fields, &place.origin)
            .map_err(|what| format!("{record_type} {owner}: {what}"))?;
        if !is_at_or_below(owner, self.how.zone) {
            self.read.outside += 1;
            self.groups.end();
            return Ok(());
        }
        let ttl_rule = match self.how.dialect {
            Dialect::Bind if is_generated => self.groups.generated(owner, &record_type),
            Dialect::Bind => self.groups.next(owner, &record_type, &target),
            Dialect::Knot => TtlRule::Last,
            Dialect::Nsd | Dialect::Other => TtlRule::Lowest,
        };
        (self.out)(&Record {
            name: owner,
            rtype: &record_type,
            ttl: if ttl > ttl::MAX { 0 } else { ttl },
            ttl_rule,
            target,
            source: place.source,
            line: place.line,
            comment: entry.comment,
        });
        Ok(())
    }
}

const BEHIND_MANAGED: &str = "this record stands behind the `$INCLUDE` of the file that zonemux manages, and takes its \
    owner or TTL from what stands before it\nhint: make that `$INCLUDE` the last line of the file, or write \
    owner and TTL here";

/// Whether a field is the class IN; other classes are refused.
fn is_class(text: &[u8]) -> Result<bool, String> {
    if text.eq_ignore_ascii_case(b"IN") || text.eq_ignore_ascii_case(b"CLASS1") {
        return Ok(true);
    }
    let other =
        [&b"CH"[..], b"HS", b"CS", b"CHAOS", b"HESIOD"].iter().any(|class| text.eq_ignore_ascii_case(class));
    let number = |text: &[u8]| text.len() > 5 && text[5..].iter().all(u8::is_ascii_digit);
    if other || (text.len() > 5 && text[..5].eq_ignore_ascii_case(b"CLASS") && number(text)) {
        return Err(format!("class {} is not served here, only IN", printable(text)));
    }
    Ok(false)
}

/// Whether two paths name the same file, which need not exist.
pub fn is_same_place(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folder.canonicalize().ok().zip(path.file_name().map(std::ffi::OsStr::to_owned))
    };
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}
