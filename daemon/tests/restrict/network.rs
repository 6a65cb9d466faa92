//! Sockets.

use std::fs::Permissions;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener, UnixStream};
use std::path::Path;

use crate::child::{Order, Outcomes, setting};
use crate::raw::call;

/// Holds the port of the test's own server, in the folder that may be read.
const PORT: &str = "shown/text";

pub(crate) fn act(order: &Order, outcomes: &mut Outcomes) {
    let port = std::fs::read_to_string(order.folder.join(PORT)).unwrap().parse().unwrap();
    outcomes.note("IP: connect", TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))));
    outcomes.note("IP: listen", TcpListener::bind("127.0.0.1:0"));
    outcomes.note("IP: UDP", UdpSocket::bind("127.0.0.1:0"));
    let socket = |family: i32, kind: i32| call(libc::SYS_socket, [family.into(), kind.into(), 0, 0, 0]);
    outcomes.note("IP: version 6", socket(libc::AF_INET6, libc::SOCK_STREAM));
    for (name, family) in [("packet", libc::AF_PACKET), ("alg", libc::AF_ALG), ("vsock", libc::AF_VSOCK)] {
        outcomes.note(&format!("odd: {name}"), socket(family, libc::SOCK_RAW));
    }
    outcomes.note("pair", UnixStream::pair());
    outcomes.note("unix socket", UnixStream::connect(order.folder.join("own/socket")));
    outcomes.note("localhost", ("localhost", 53).to_socket_addrs());
    outcomes.note("io_uring", call(libc::SYS_io_uring_setup, [1, 0, 0, 0, 0]));
    let abstract_name = UnixAddress::from_abstract_name(name(&order.folder)).unwrap();
    outcomes.note("abstract", UnixStream::connect_addr(&abstract_name));
}

fn name(folder: &Path) -> String {
    format!("zonemux-test{}", folder.display())
}

fn outcomes(network: bool) -> Vec<Outcomes> {
    let mut setting = setting();
    setting.profile.network = network;
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    std::fs::write(setting.path().join(PORT), server.local_addr().unwrap().port().to_string()).unwrap();
    let socket = setting.path().join("own/socket");
    let _local = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    let address = UnixAddress::from_abstract_name(name(&setting.path())).unwrap();
    let _abstract = UnixListener::bind_addr(&address).unwrap();
    setting.act("network")
}

fn assert(outcomes: &Outcomes, ip: &str) {
    for (attempt, outcome) in &outcomes.by_attempt {
        let expected = match attempt.as_str() {
            "io_uring" => "EPERM",
            "abstract" if outcomes.has_landlock(6) => "EPERM",
            attempt if attempt.starts_with("IP") => ip,
            attempt if attempt.starts_with("odd") => "EACCES",
            _ => "ok",
        };
        assert_eq!(outcome, expected, "{attempt}: {outcomes:#?}");
    }
}

#[test]
fn with_network_a_backend_reaches_servers_and_nothing_below_ip() {
    for outcomes in outcomes(true) {
        assert(&outcomes, "ok");
    }
}

#[test]
fn a_plugin_that_needs_no_network_gets_unix_sockets_alone() {
    for outcomes in outcomes(false) {
        assert(&outcomes, "EACCES");
    }
}
