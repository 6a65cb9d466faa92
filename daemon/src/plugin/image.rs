//! The bytes of a plugin: read once, hashed, checked, and sealed; what was checked is what is loaded.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, SealFlags};
use sha2::{Digest, Sha256};
use zonemux_plugin::Manifest;

use super::error::{PluginError, Refusal};
use super::frames::message::Code;
use super::inspect::Description;
use super::signature::{self, SignatureFault, Signed};
use super::{inspect, trust};
use crate::config::PublicKeys;

/// No plugin is near this size; a mistaken path to a disk image should not fill memory.
const LARGEST: u64 = 512 << 20;

/// What makes a file trusted.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Its owner and mode, and those of its folders; the hash as well where one is pinned.
    Owner {
        /// The pinned hash, in lower-case hexadecimal.
        sha256: Option<String>,
    },
    /// Its hash alone.
    Sha256(String),
    /// A signature by one of the keys; the hash as well where one is pinned.
    Signature {
        /// The keys.
        keys: PublicKeys,
        /// The pinned hash, in lower-case hexadecimal.
        sha256: Option<String>,
    },
}

/// What made a file trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trusted {
    /// Nothing was asked for.
    Not,
    /// Only root and this account could have written it.
    Owner,
    /// It has the pinned hash.
    Sha256,
    /// Its signature.
    Signature(Signed),
}

impl fmt::Display for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Not => f.write_str("not trusted"),
            Self::Owner => f.write_str("by its owner"),
            Self::Sha256 => f.write_str("by its sha256"),
            Self::Signature(Signed { key, comment }) => {
                write!(f, "by its signature of key {key} ({comment})")
            }
        }
    }
}

/// A checked plugin file in memory.
#[derive(Debug, Clone)]
pub struct Image {
    /// Where it came from.
    pub path: PathBuf,
    /// Its hash, in lower-case hexadecimal.
    pub sha256: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The libraries that the dynamic linker loads along with it, by name.
    pub needed: Vec<String>,
    /// Why its code may be run.
    pub trusted: Trusted,
    code: Code,
    bytes: Vec<u8>,
}

impl Image {
    /// Reads and checks a file: trust, hash, architecture, manifest. Nothing of it is run.
    pub fn read(path: &Path, trust: &Trust) -> Result<Self, PluginError> {
        let (sha256, bytes, trusted) = Self::check(path, trust)?;
        Self::of(path, sha256, bytes, trusted)
    }

    /// Reads and checks a program: trust and hash. What it is shows when it is run.
    pub fn read_program(path: &Path, trust: &Trust) -> Result<Self, PluginError> {
        let (sha256, bytes, trusted) = Self::check(path, trust)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let manifest = inspect::of_program(&name);
        let needed = Vec::new();
        Ok(Self { path: path.to_owned(), sha256, manifest, needed, trusted, code: Code::Executable, bytes })
    }

    fn check(path: &Path, trust: &Trust) -> Result<(String, Vec<u8>, Trusted), PluginError> {
        let file = match trust {
            Trust::Owner { .. } => sized(path, trust::open_owned(path)?)?,
            Trust::Sha256(_) | Trust::Signature { .. } => open(path)?,
        };
        let (sha256, bytes) = read_all(path, file)?;
        if let Trust::Owner { sha256: Some(pinned) }
        | Trust::Sha256(pinned)
        | Trust::Signature { sha256: Some(pinned), .. } = trust
            && *pinned != sha256
        {
            let reason = Refusal::WrongHash { expected: pinned.clone(), found: sha256 };
            return Err(PluginError::new(path, reason));
        }
        let trusted = match trust {
            Trust::Owner { .. } => Trusted::Owner,
            Trust::Sha256(_) => Trusted::Sha256,
            Trust::Signature { keys, .. } => Trusted::Signature(signature::verify(path, &bytes, keys)?),
        };
        Ok((sha256, bytes, trusted))
    }

    /// Reads a file to look at it, whoever could have written it.
    pub fn read_untrusted(path: &Path) -> Result<Self, PluginError> {
        let (sha256, bytes) = read_all(path, open(path)?)?;
        Self::of(path, sha256, bytes, Trusted::Not)
    }

    /// The signature beside the file, which nobody verified: what it claims, or why it can't be read.
    pub fn claimed_signature(&self) -> Result<Signed, SignatureFault> {
        signature::read(&self.path).map(|signature| signature.claimed())
    }

    fn of(path: &Path, sha256: String, bytes: Vec<u8>, trusted: Trusted) -> Result<Self, PluginError> {
        let Description { manifest, needed } = inspect::describe(path, &bytes)?;
        let code = Code::SharedObject;
        Ok(Self { path: path.to_owned(), sha256, manifest, needed, trusted, code, bytes })
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.manifest.name
    }

    /// How it is run.
    pub(super) fn code(&self) -> Code {
        self.code
    }

    /// What it must be able to read besides what is everyone's: a script's interpreter and what is installed
    /// beside it, such as a virtual environment of Python's.
    pub(super) fn reads(&self) -> Vec<PathBuf> {
        let first = self.bytes.strip_prefix(b"#!").and_then(|rest| rest.split(|&byte| byte == b'\n').next());
        let Some(line) = first.and_then(|line| std::str::from_utf8(line).ok()) else { return Vec::new() };
        let Some(interpreter) = line.split_whitespace().next() else { return Vec::new() };
        // `/opt/tools/bin/python3` belongs to `/opt/tools`; what is nearer to the root is too much.
        let prefix = Path::new(interpreter).ancestors().nth(2);
        prefix.filter(|prefix| prefix.components().count() > 2).map(Path::to_owned).into_iter().collect()
    }

    /// The bytes as a sealed file in memory, which nobody can change.
    pub(super) fn seal(&self) -> std::io::Result<OwnedFd> {
        // The name shows up in `/proc/PID/maps`. It is of the file's choosing, and the kernel takes 249
        // bytes without a null.
        let plain = self.manifest.name.chars().filter(char::is_ascii_graphic).take(200);
        let name = format!("zonemux-plugin-{}", plain.collect::<String>());
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Kernels before 6.3 know neither; `vm.memfd_noexec=2` asks for NOEXEC_SEAL.
        let run = match self.code {
            Code::SharedObject => MemfdFlags::NOEXEC_SEAL,
            Code::Executable => MemfdFlags::EXEC,
        };
        let memfd = rustix::fs::memfd_create(&name, flags | run)
            .or_else(|_| rustix::fs::memfd_create(&name, flags))?;
        let mut file = File::from(memfd);
        file.write_all(&self.bytes)?;
        rustix::fs::fcntl_add_seals(
            &file,
            SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
        )?;
        Ok(file.into())
    }
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> PluginError {
    move |error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => Refusal::NotFound { tried: vec![path.to_owned()] },
            _ if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                Refusal::NotAnObject("it is a socket".into())
            }
            _ => Refusal::Unreadable(error.to_string()),
        };
        PluginError::new(path, reason)
    }
}

fn open(path: &Path) -> Result<File, PluginError> {
    // Not blocking, or a named pipe in the place of a plugin would hang the start.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut options = File::options();
    let file = options.read(true).custom_flags(flags).open(path).map_err(unreadable(path))?;
    let metadata = file.metadata().map_err(unreadable(path))?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "it is a folder" } else { "it is no regular file" };
        return Err(PluginError::new(path, Refusal::NotAnObject(what.into())));
    }
    sized(path, file)
}

/// The content of a file that has no business to be large.
pub(super) fn read_small(path: &Path, largest: u64) -> Result<Vec<u8>, PluginError> {
    let mut bytes = Vec::new();
    open(path)?.take(largest + 1).read_to_end(&mut bytes).map_err(unreadable(path))?;
    if bytes.len() as u64 > largest {
        return Err(PluginError::new(path, Refusal::Damaged(format!("more than {largest} bytes"))));
    }
    Ok(bytes)
}

fn sized(path: &Path, file: File) -> Result<File, PluginError> {
    let metadata = file.metadata().map_err(unreadable(path))?;
    if metadata.len() > LARGEST {
        let why = format!("{} bytes, more than any plugin has", metadata.len());
        return Err(PluginError::new(path, Refusal::NotAnObject(why)));
    }
    Ok(file)
}

/// The hash and the content of an open file.
fn read_all(path: &Path, file: File) -> Result<(String, Vec<u8>), PluginError> {
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(unreadable(path))?;
    Ok((hexadecimal(&Sha256::digest(&bytes)), bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}
