//! Connections to servers: messages over streams and in datagrams.

mod remote;
mod resolver;
mod stream;
mod tls;

pub(crate) use remote::{Answer, Purpose, Remote};
pub(crate) use resolver::primary;
