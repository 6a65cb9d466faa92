//! TSIG keys of tests.

/// A TSIG key (RFC 8945), made for a test: its secret is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name, without a trailing dot.
    pub name: String,
    /// Its algorithm, as all three servers spell it: `hmac-sha256`.
    pub algorithm: String,
    /// The shared secret in Base64.
    pub secret: String,
}

impl Key {
    /// A key.
    pub fn new(name: &str, algorithm: &str, secret: &str) -> Self {
        Self { name: name.to_owned(), algorithm: algorithm.to_owned(), secret: secret.to_owned() }
    }

    /// What `dig -y` and `kdig -y` take.
    pub fn to_dig(&self) -> String {
        format!("{}:{}:{}", self.algorithm, self.name, self.secret)
    }
}
