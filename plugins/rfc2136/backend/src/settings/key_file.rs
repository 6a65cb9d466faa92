//! Key files of BIND, as `tsig-keygen` and `rndc-confgen` write them:
//! `key "NAME" { algorithm hmac-sha256; secret "BASE64"; };`

use zonemux_plugin::Secret;

use super::{Hidden, Tsig};

/// A key of a file: the only one, or the one of that name. The reason for a refusal never holds a secret.
pub(crate) fn read(text: &str, name: Option<&str>) -> Result<Tsig, String> {
    let mut words = words(text)?.into_iter();
    let mut keys: Vec<Tsig> = Vec::new();
    while let Some(word) = words.next() {
        if word != "key" {
            // Another statement; it ends with the semicolon that is in no braces.
            let mut depth = 0_u32;
            let mut word = Some(word);
            while let Some(text) = word {
                match text.as_str() {
                    "{" => depth += 1,
                    "}" => depth = depth.saturating_sub(1),
                    ";" if depth == 0 => break,
                    _ => {}
                }
                word = words.next();
            }
            continue;
        }
        let shape = || "a key is to be written as `key \"NAME\" { algorithm …; secret \"…\"; };`".to_owned();
        let mut key = Tsig { name: Some(words.next().ok_or_else(shape)?), ..Tsig::default() };
        let mut expect = |wanted: &str| match words.next() {
            Some(word) if word == wanted => Ok(()),
            _ => Err(shape()),
        };
        expect("{")?;
        loop {
            match words.next().as_deref() {
                Some("}") => break,
                Some("algorithm") => key.algorithm = words.next(),
                Some("secret") => key.secret = words.next().map(|secret| Hidden(Secret::new(secret))),
                _ => return Err(shape()),
            }
            if words.next().as_deref() != Some(";") {
                return Err(shape());
            }
        }
        if words.next().is_some_and(|word| word != ";") || key.algorithm.is_none() || key.secret.is_none() {
            return Err(shape());
        }
        keys.push(key);
    }
    let same = |key: &Tsig, name: &str| {
        let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        key.name.as_deref().is_some_and(|own| plain(own) == plain(name))
    };
    match name {
        Some(name) => keys
            .into_iter()
            .find(|key| same(key, name))
            .ok_or_else(|| format!("it has no key of the name `{name}`")),
        None if keys.len() > 1 => Err("it has several keys; say which by `name`".to_owned()),
        None => keys.pop().ok_or_else(|| "it has no key".to_owned()),
    }
}

/// The words of a file in BIND's syntax, without comments and quotes.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(words) };
        if rest.starts_with("//") || first == '#' {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").ok_or("a comment does not end")?.1;
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (word, after) = quoted.split_once('"').ok_or("a quote does not end")?;
            words.push(word.to_owned());
            rest = after;
        } else if matches!(first, '{' | '}' | ';') {
            words.push(first.to_string());
            rest = &rest[1..];
        } else {
            let ends =
                |character: char| character.is_whitespace() || matches!(character, '{' | '}' | ';' | '"');
            let end = rest.find(ends).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_among_other_statements() {
        let text = "# a comment { \n key \"one.key\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n\
                    options { directory \"/x\"; listen-on { any; }; }; // more\n\
                    key two { secret YWJj; /* ; } */ algorithm \"HMAC-SHA512\"; };";
        let two = read(text, Some("TWO.")).unwrap();
        assert_eq!(two.algorithm.as_deref(), Some("HMAC-SHA512"));
        assert_eq!(two.secret.unwrap().0.expose(), "YWJj");
        assert_eq!(read(text, Some("one.key")).unwrap().secret.unwrap().0.expose(), "c2VjcmV0");
        assert!(read(text, None).unwrap_err().contains("several keys"));
        assert!(read(text, Some("three")).unwrap_err().contains("no key of the name"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for text in [
            "",
            "key",
            "key k",
            "key k { secret \"c2VjcmV0\"; };",
            "key k { algorithm a; secret \"c2VjcmV0; };",
            "key k { algorithm a; secret c2VjcmV0 };",
            "key k { algorithm a; secret c2VjcmV0; colour blue; };",
            "/* key k",
        ] {
            let reason = read(text, None).unwrap_err();
            assert!(!reason.is_empty() && !reason.contains("c2VjcmV0"), "{text}: {reason}");
        }
    }
}
