//! The paths that every plugin's process may read, whatever its settings.
//!
//! Of `/etc`, `/run` and `/proc` only what libraries read is named, one by one: the daemon's own
//! configuration lies there, other backends' secrets, and what other processes show of themselves.

use std::path::PathBuf;

/// Programs and libraries, with time zones and authorities' certificates.
const SYSTEM: [&str; 9] =
    ["/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/nix/store", "/gnu/store"];

/// Resolving names, certificates, accounts, time, the dynamic linker, Kerberos.
pub(super) const CONFIGURATION: [&str; 35] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/krb5.conf",
    "/etc/krb5.conf.d",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/networks",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/openssl.cnf",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/rpc",
    "/etc/services",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/static",
    "/etc/timezone",
    "/var/lib/ca-certificates",
    "/var/lib/sss/mc",
];

/// Resolvers and name services on the machine: their files, and their sockets.
const SERVICES: [&str; 8] = [
    "/run/avahi-daemon/socket",
    "/run/netconfig",
    "/run/nscd",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/run/systemd/userdb",
    "/var/lib/sss/pipes",
    "/var/run/nscd",
];

/// What the C library, runtimes, allocators and cryptography look up about the machine.
const MACHINE: [&str; 13] = [
    "/dev/random",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/crypto/fips_enabled",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage",
];

/// May be written as well.
pub(super) const DEVICES: [&str; 3] = ["/dev/full", "/dev/null", "/dev/zero"];

/// Everything of `/etc` that a program may want, but for these: the accounts' secrets, private keys, and
/// our own configuration.
const NOT_FOR_PROGRAMS: [&str; 10] =
    ["gshadow", "gshadow-", "kubernetes", "opasswd", "pki", "shadow", "shadow-", "ssh", "ssl", "zonemux"];

/// Programs and libraries, which may be run where commands may be.
pub(super) fn system() -> impl Iterator<Item = PathBuf> {
    SYSTEM.iter().map(PathBuf::from)
}

/// What may be read. With `commands` the settings of other programs in `/etc` too.
pub(super) fn readable(commands: bool) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        [CONFIGURATION.as_slice(), &SERVICES, &MACHINE].concat().into_iter().map(PathBuf::from).collect();
    // As OpenSSL and those who follow it read them; the second may name several.
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().filter_map(std::env::var_os) {
        paths.extend(std::env::split_paths(&variable).filter(|path| path.is_absolute()));
    }
    if commands && let Ok(entries) = std::fs::read_dir("/etc") {
        let entries = entries.filter_map(Result::ok);
        let wanted = entries.filter(|entry| NOT_FOR_PROGRAMS.iter().all(|name| entry.file_name() != *name));
        paths.extend(wanted.map(|entry| entry.path()));
    }
    paths
}
