//! The protocol's media type: read leniently, written byte for byte.

use std::borrow::Cow;

use hyper::HeaderMap;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};

/// What ExternalDNS compares with `!=` when it negotiates: no space, no charset.
pub const MEDIA_TYPE: &str = "application/external.dns.webhook+json;version=1";

/// [`MEDIA_TYPE`] as a header's value.
pub const MEDIA_TYPE_VALUE: HeaderValue = HeaderValue::from_static(MEDIA_TYPE);

const ESSENCE: &str = "application/external.dns.webhook+json";
const VERSION: &str = "1";

/// Whether a client takes our media type, by the rules of RFC 9110, 12.5.1: the most specific range
/// that matches decides, and its weight is not zero. No `Accept` at all means "anything".
///
/// `application/json` counts as a match: a person with `curl` means our JSON by it.
pub fn accepts(headers: &HeaderMap) -> bool {
    let mut best: Option<(u8, f32)> = None;
    let mut named_something = false;
    for value in headers.get_all(ACCEPT) {
        // A header that is no text names nothing that we could answer with, or refuse.
        let Ok(value) = value.to_str() else { continue };
        for range in split_unquoted(value, ',').map(str::trim).filter(|range| !range.is_empty()) {
            named_something = true;
            let range = MediaType::parse(range);
            let Some(specificity) = range.specificity() else {
                continue;
            };
            let weight = range.weight();
            match best {
                Some((other, _)) if other > specificity => {}
                Some((other, known)) if other == specificity => best = Some((other, known.max(weight))),
                _ => best = Some((specificity, weight)),
            }
        }
    }
    match best {
        Some((_, weight)) => weight > 0.0,
        None => !named_something,
    }
}

/// Why a body's `Content-Type` is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsupported {
    /// Our media type in a version that we don't speak.
    Version(String),
    /// Plainly something else.
    Other(String),
}

/// Checks a request's `Content-Type`. None at all, any JSON, and any charset are taken.
pub fn check_content_type(headers: &HeaderMap) -> Result<(), Unsupported> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let media_type = MediaType::parse(&text);
    if media_type.essence.is_empty() {
        return Ok(());
    }
    if media_type.essence.eq_ignore_ascii_case(ESSENCE) {
        return match media_type.parameter("version") {
            Some(version) if version != VERSION => Err(Unsupported::Version(version.into_owned())),
            _ => Ok(()),
        };
    }
    let essence = media_type.essence.to_ascii_lowercase();
    if essence == "application/json" || essence == "text/json" || essence.ends_with("+json") {
        return Ok(());
    }
    Err(Unsupported::Other(essence))
}

/// A media type or range with its parameters as written.
struct MediaType<'a> {
    essence: &'a str,
    parameters: &'a str,
}

impl<'a> MediaType<'a> {
    fn parse(text: &'a str) -> Self {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        Self { essence: essence.trim(), parameters }
    }

    fn parameter(&self, wanted: &str) -> Option<Cow<'a, str>> {
        split_unquoted(self.parameters, ';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| unquote(value.trim()))
    }

    /// How closely this range names our media type; `None` where it does not.
    fn specificity(&self) -> Option<u8> {
        let essence = self.essence;
        if essence.eq_ignore_ascii_case(ESSENCE) {
            return match self.parameter("version") {
                Some(version) if version == VERSION => Some(5),
                Some(_) => None,
                None => Some(4),
            };
        }
        match essence.to_ascii_lowercase().as_str() {
            "application/json" => Some(3),
            "application/*" => Some(2),
            // `*` alone is what some old HTTP libraries send.
            "*/*" | "*" => Some(1),
            _ => None,
        }
    }

    /// The range's weight; a weight that can't be read counts as 1.
    fn weight(&self) -> f32 {
        weight(self.parameter("q").as_deref())
    }
}

/// A `q` parameter's value; one that can't be read counts as 1.
pub(super) fn weight(value: Option<&str>) -> f32 {
    value
        .and_then(|value| value.trim().parse().ok())
        .filter(|weight| (0.0..=1.0).contains(weight))
        .unwrap_or(1.0)
}

fn unquote(value: &str) -> Cow<'_, str> {
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(inner) if inner.contains('\\') => inner.replace('\\', "").into(),
        Some(inner) => inner.into(),
        None => value.into(),
    }
}

/// Splits at a separator that stands outside quotes.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |character| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match character {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return character == separator && !quoted,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &hyper::header::HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn accept_is_read_as_the_rfc_says() {
        for (accept, taken) in [
            (&[][..], true),
            (&[""], true),
            (&[MEDIA_TYPE], true),
            (&["application/external.dns.webhook+json; version=1"], true),
            (&["Application/External.DNS.Webhook+JSON ; Version=\"1\""], true),
            (&["application/external.dns.webhook+json"], true),
            (&["application/external.dns.webhook+json;charset=utf-8;version=1;q=0.1"], true),
            (&["application/external.dns.webhook+json;version=2"], false),
            (&["application/external.dns.webhook+json;version=2, */*;q=0.1"], true),
            (
                &[
                    "application/external.dns.webhook+json;version=2",
                    "application/external.dns.webhook+json;version=1",
                ],
                true,
            ),
            (&["*/*"], true),
            (&["*"], true),
            (&["application/*"], true),
            (&["application/json"], true),
            (&["text/html, application/xhtml+xml, */*;q=0.8"], true),
            (&["text/html"], false),
            (&["text/*"], false),
            (&["*/*;q=0"], false),
            (&["*/*, application/external.dns.webhook+json;q=0"], false),
            (&["*/*;q=0, application/external.dns.webhook+json;version=1"], true),
            (&["text/html;x=\"a,*/*\""], false),
        ] {
            assert_eq!(accepts(&with(&ACCEPT, accept)), taken, "{accept:?}");
        }
    }

    #[test]
    fn any_json_and_no_content_type_are_taken() {
        for content_type in [
            &[][..],
            &[""],
            &[MEDIA_TYPE],
            &["application/external.dns.webhook+json; Version=1; charset=utf-8"],
            &["application/external.dns.webhook+json"],
            &["application/json"],
            &["application/json; charset=UTF-8"],
            &["application/problem+json"],
        ] {
            assert_eq!(check_content_type(&with(&CONTENT_TYPE, content_type)), Ok(()), "{content_type:?}");
        }
    }

    #[test]
    fn what_is_plainly_something_else_is_refused() {
        let other = |text: &str| Err(Unsupported::Other(text.to_owned()));
        let check = |text| check_content_type(&with(&CONTENT_TYPE, &[text]));
        assert_eq!(check("text/plain"), other("text/plain"));
        assert_eq!(check("Application/X-WWW-Form-Urlencoded"), other("application/x-www-form-urlencoded"));
        let version = Err(Unsupported::Version("2".to_owned()));
        assert_eq!(check("application/external.dns.webhook+json;version=2"), version);
    }
}
