//! Connections to servers: messages over streams and in datagrams.

mod remote;
mod resolver;
mod stream;
mod tls;
mod transfer;

pub(crate) use remote::{Answer, Purpose, Remote};
pub(crate) use resolver::primary;
