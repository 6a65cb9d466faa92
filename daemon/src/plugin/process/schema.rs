//! Asks a plugin what settings it takes, in a process of its own that ends with the answer.
//!
//! An operator asks this of a file that may never be served: it is run for that, so it is restricted more than any
//! backend is. No network, no files but the system's, and not for long.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::launch;
use super::start::{hand_over, refusal, setup_frame};
use crate::plugin::child::restrict::Profile;
use crate::plugin::error::{PluginError, Refusal};
use crate::plugin::frames::{self, Header, Kind, message};
use crate::plugin::image::Image;

/// How long it may take to be loaded and to answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Bytes of memory, the default of a backend's.
const MEMORY: u64 = 256 << 20;

/// The JSON Schema of a plugin's settings. Blocks for ten seconds at most.
///
/// # Errors
///
/// When the plugin is refused, or does not answer.
pub fn schema(image: &Image) -> Result<String, PluginError> {
    let refuse = |reason| PluginError::new(&image.path, reason);
    let failed = |why: String| refuse(Refusal::Initialisation(why));
    let code = image.seal().map_err(|error| refuse(Refusal::NotSealed(error.to_string())))?;
    let mut asked = Asked::start(image, &code)
        .map_err(|error| failed(format!("no process can be started for it: {error}")))?;
    let answer = asked.answer().map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            failed(format!("its process ended before it answered: {}", asked.end()))
        }
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            failed(format!("it did not answer within {LIMIT:?}"))
        }
        _ => failed(error.to_string()),
    })?;
    answer.map_err(|refused| refuse(refusal(refused)))
}

/// The process; it is killed when this is dropped.
struct Asked {
    child: Child,
    socket: UnixStream,
    until: Instant,
}

impl Asked {
    fn start(image: &Image, code: &OwnedFd) -> io::Result<Self> {
        let until = Instant::now() + LIMIT;
        let setup = message::Setup {
            name: image.name().to_owned(),
            code: image.code(),
            profile: Profile {
                parent: std::process::id(),
                memory_limit: MEMORY,
                network: false,
                commands: false,
                writable: Vec::new(),
                readable: Vec::new(),
            },
        };
        let (ours, theirs) = UnixStream::pair()?;
        let executable: OwnedFd = File::open("/proc/self/exe")?.into();
        // Its errors go where ours go: what the author's code prints helps whoever asks.
        let mut command: Command = launch::command(&executable, "plugin", theirs.into())?;
        let mut asked = Self { child: command.spawn()?, socket: ours, until };
        // It keeps ends of the socket, by which the process's own end would go unnoticed.
        drop(command);
        hand_over(&asked.socket, &setup_frame(&setup).map_err(io::Error::other)?, code)?;
        asked.socket.write_all(&frames::frame(Kind::Describe, 0, &[]).map_err(io::Error::other)?)?;
        Ok(asked)
    }

    fn answer(&mut self) -> io::Result<Result<String, message::Refused>> {
        let mut buffer = Vec::new();
        loop {
            let mut used = 0;
            while let Some((header, payload, length)) =
                Header::split(&buffer[used..]).map_err(io::Error::other)?
            {
                match header.kind {
                    Kind::Description => {
                        return String::from_utf8(payload.to_vec()).map(Ok).map_err(io::Error::other);
                    }
                    Kind::Refused => {
                        return frames::decode("refusal", payload).map(Err).map_err(io::Error::other);
                    }
                    // Log lines of code that runs while it is loaded.
                    _ => used += length,
                }
            }
            buffer.drain(..used);
            self.read_more(&mut buffer)?;
        }
    }

    fn read_more(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.socket.set_read_timeout(Some(left))?;
        let mut chunk = [0; 16 << 10];
        match self.socket.read(&mut chunk) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer.extend_from_slice(&chunk[..read]);
                Ok(())
            }
            // It ended with frames of ours unread.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Err(error) => Err(error),
        }
    }

    /// How it ended, where it has.
    fn end(&mut self) -> String {
        self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
