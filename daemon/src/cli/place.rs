//! Where a command's work is done: by the daemon behind the control socket, or, where none runs, by this
//! process with the state directory to itself.

use std::io::{self, Write};

use bytes::Bytes;
use hyper::StatusCode;
use serde::de::DeserializeOwned;
use tokio::runtime::Builder;

use super::alone;
use super::failure::Failure;
use super::{Exit, write_findings};
use crate::assemble;
use crate::config::{ConfigErrors, Loaded};
use crate::control::{self, ControlError, LARGEST_CHANGES, Work};

/// Where a command's work is done.
pub struct Place<'a> {
    /// The configuration, read to find the daemon.
    pub loaded: &'a Loaded,
    /// Reads it again with its secrets, to open backends.
    pub with_secrets: &'a dyn Fn() -> io::Result<Result<Loaded, ConfigErrors>>,
}

impl std::fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("loaded", self.loaded).finish_non_exhaustive()
    }
}

impl Place<'_> {
    /// Does some work and gives what it was answered; where it could not be done, that has been said.
    pub(super) fn run<W: Write>(&self, work: Work, err: &mut W) -> io::Result<Result<Bytes, Exit>> {
        if work.body.len() > LARGEST_CHANGES {
            let message = format!("the changes file has more than {LARGEST_CHANGES} bytes");
            return Failure::new(message, Some("split it")).write(err).map(Err);
        }
        let config = &self.loaded.config;
        let limit = control::longest(config.backends.values().map(assemble::times)) * 2;
        let (method, uri) = (work.route.method(), work.uri());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let asked =
            runtime.block_on(control::send(&config.control.socket, method, &uri, work.body.clone(), limit));
        drop(runtime);
        let answered = match asked {
            Ok(answered) => answered,
            Err(ControlError::NotRunning(_)) => match self.alone(work, err)? {
                Ok(answered) => answered,
                Err(exit) => return Ok(Err(exit)),
            },
            Err(error) => return Failure::new(error.to_string(), error.hint()).write(err).map(Err),
        };
        match answered {
            (StatusCode::OK, body) => Ok(Ok(body)),
            (_, body) => Failure::of_answer(&String::from_utf8_lossy(&body)).write(err).map(Err),
        }
    }

    /// As [`run`](Self::run), for answers that are to be read.
    pub(super) fn ask<T: DeserializeOwned, W: Write>(
        &self,
        work: Work,
        err: &mut W,
    ) -> io::Result<Result<T, Exit>> {
        let body = match self.run(work, err)? {
            Ok(body) => body,
            Err(exit) => return Ok(Err(exit)),
        };
        match serde_json::from_slice(&body) {
            Ok(value) => Ok(Ok(value)),
            Err(error) => {
                let error = ControlError::Answer(error.to_string());
                Failure::new(error.to_string(), error.hint()).write(err).map(Err)
            }
        }
    }

    fn alone<W: Write>(&self, work: Work, err: &mut W) -> io::Result<Result<(StatusCode, Bytes), Exit>> {
        let config = if work.route.needs_backends() {
            match (self.with_secrets)()? {
                Ok(loaded) => loaded.config,
                Err(errors) => {
                    write_findings(&errors.faults, &errors.warnings, err)?;
                    return Ok(Err(Exit::Config));
                }
            }
        } else {
            self.loaded.config.clone()
        };
        match alone::run(work, config)? {
            Ok(answered) => Ok(Ok(answered)),
            Err(failure) => failure.write(err).map(Err),
        }
    }
}
