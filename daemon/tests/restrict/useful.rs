//! What backends do all day, and still can.

use std::net::{TcpListener, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use zonemux::plugin::{Image, Loader};

use crate::child::{Order, Outcomes, setting};
use crate::files::replace;

/// Where systems keep the authorities' certificates.
const AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

pub(crate) fn act(order: &Order, outcomes: &mut Outcomes) {
    let records = order.folder.join("own/records");
    outcomes.note("replace", replace(&records));
    outcomes.note("replace again", replace(&records));
    outcomes.note("localhost", ("localhost", 53).to_socket_addrs());
    // EACCES would end the look-up before any server is asked; this name has no address.
    outcomes.say("no such name", ("name.invalid", 53).to_socket_addrs().is_err());
    if let Some(bundle) = AUTHORITIES.iter().find(|bundle| Path::new(bundle).exists()) {
        outcomes.note("authorities", std::fs::read(bundle));
    }
    outcomes.note("runtime", runtime());
    outcomes.note("random", std::fs::File::open("/dev/urandom"));
    let plugin = Image::read_untrusted(&order.folder.join("shown/plugin.so"));
    let loaded =
        plugin.and_then(|image| Loader::default().load(&image).map(|loaded| loaded.schema().clone()));
    outcomes.note("load a plugin from sealed memory", loaded.map_err(std::io::Error::other));
    outcomes.note(
        "end",
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::CONT)
            .map_err(Into::into),
    );
}

/// Threads, timers, sockets and blocking tasks, as a plugin's runtime has them.
fn runtime() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let server = TcpListener::bind("127.0.0.1:0")?;
        let address = server.local_addr()?;
        let accepted = tokio::task::spawn_blocking(move || server.accept().map(drop));
        tokio::net::TcpStream::connect(address).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
        accepted.await?
    })
}

#[test]
fn a_restricted_plugin_still_works() {
    let setting = setting();
    let built = zonemux_test_support::plugin("memory");
    std::fs::copy(built, setting.path().join("shown/plugin.so")).unwrap();
    for mut outcomes in setting.act("useful") {
        assert_eq!(outcomes.by_attempt.remove("no such name").as_deref(), Some("true"));
        outcomes.assert_all("ok");
        assert!(outcomes.restrictions.seccomp, "{outcomes:#?}");
    }
}
