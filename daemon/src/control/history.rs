//! `GET /history`: the journal, page by page.

use std::fmt::Write as _;
use std::path::PathBuf;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::admin::JSON;
use crate::http::{Answer, text, typed};
use crate::journal::{self, Cursor, Filter, Page};

/// `GET /history`: some lines of the journal, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The lines as they were written.
    pub lines: Vec<Box<RawValue>>,
    /// Where the next page begins; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The request of a page.
pub fn route(filter: &Filter, from: Cursor) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(filter.to_pairs()).append_pair("from", &from.to_string());
    format!("/history?{}", query.finish())
}

/// Answers with a page of the journal in a folder.
pub(super) async fn answer(folder: PathBuf, query: Option<&str>) -> Answer {
    let (filter, from) = match wanted(query.unwrap_or_default()) {
        Ok(wanted) => wanted,
        Err(fault) => {
            let message = format!("error: {fault}\nhint: is `zonemux` of the same version as the daemon?\n");
            return text(StatusCode::BAD_REQUEST, message);
        }
    };
    let read = tokio::task::spawn_blocking(move || journal::page(&folder, from, &filter));
    match read.await {
        Ok(Ok(page)) => typed(StatusCode::OK, JSON, encode(&page)),
        Ok(Err(error)) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, format!("error: the journal can't be read: {error}\n"))
        }
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "error: reading the journal broke off\n"),
    }
}

fn wanted(query: &str) -> Result<(Filter, Cursor), String> {
    let (mut filter, mut from) = (Filter::default(), Cursor::default());
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        if key == "from" {
            from = value.parse().map_err(|expected| format!("`from` must be {expected}"))?;
        } else {
            filter.set(&key, &value)?;
        }
    }
    Ok((filter, from))
}

/// A [`HistoryPage`]; its lines are JSON already.
fn encode(page: &Page) -> String {
    let mut body = String::with_capacity(page.text.len() + 64);
    body.push_str("{\"lines\":[");
    for (index, line) in page.lines().enumerate() {
        if index > 0 {
            body.push(',');
        }
        // They have been read as JSON, and so are UTF-8.
        body.push_str(&String::from_utf8_lossy(line));
    }
    body.push(']');
    if let Some(next) = page.next {
        // A string takes all.
        let _written = write!(body, ",\"next\":\"{next}\"");
    }
    body.push('}');
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_it_was_made_of() {
        let mut filter = Filter::default();
        for (key, value) in
            [("name", "*.bücher.example"), ("since", "2026-01-02T03:04:05Z"), ("view", "a b&c=d")]
        {
            filter.set(key, value).unwrap();
        }
        let from: Cursor = "3:4567".parse().unwrap();
        let route = route(&filter, from);
        let expected = "/history?name=*.xn--bcher-kva.example&since=2026-01-02T03%3A04%3A05.000Z\
                        &view=a+b%26c%3Dd&from=3%3A4567";
        assert_eq!(route, expected);
        assert_eq!(wanted(route.split_once('?').unwrap().1).unwrap(), (filter, from));
    }

    #[test]
    fn a_filter_that_can_not_be_understood_is_never_left_out() {
        for (query, fault) in [
            ("colour=red", "`colour` is no key of a filter"),
            ("from=here", "`from` must be a file's number, a colon, and bytes"),
            ("name=a..b", "`name`: "),
            ("since=yesterday", "`since`: "),
        ] {
            let error = wanted(query).unwrap_err();
            assert!(error.starts_with(fault), "{query}: {error}");
        }
    }

    #[test]
    fn a_page_is_one_object() {
        let page = Page { text: b"{\"a\":1}\n{\"b\":[2]}\n".to_vec(), next: "2:9".parse().ok() };
        assert_eq!(encode(&page), "{\"lines\":[{\"a\":1},{\"b\":[2]}],\"next\":\"2:9\"}");
        let read: HistoryPage = serde_json::from_str(&encode(&page)).unwrap();
        assert_eq!((read.lines[1].get(), read.next.as_deref()), ("{\"b\":[2]}", Some("2:9")));
        assert_eq!(encode(&Page::default()), "{\"lines\":[]}");
    }
}
