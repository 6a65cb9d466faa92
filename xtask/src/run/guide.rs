//! Waits beside the daemon until it is ready, then prints what to try.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::example;
use super::layout::Layout;
use crate::failure::{Failure, Outcome};
use crate::terminal;

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// Starts the guide as a process of its own, before this one becomes the daemon.
///
/// In two stages, so that the guide's parent is `init` and not the daemon, which would never collect it.
pub(crate) fn start_beside(layout: &Layout) -> Outcome {
    let status = this_program()?
        .args(["run-guide", "detach"])
        .arg(std::process::id().to_string())
        .args([layout.binary(), layout.config()])
        .status()
        .map_err(|error| Failure::new(format!("cannot start the guide: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure::new("the guide did not start")) }
}

/// `run-guide [detach] PROCESS BINARY CONFIG`.
pub(crate) fn from_arguments(arguments: &[String]) -> Outcome {
    match arguments {
        [first, rest @ ..] if first == "detach" => this_program()?
            .arg("run-guide")
            .args(rest)
            .spawn()
            .map(drop)
            .map_err(|error| Failure::new(format!("cannot start the guide: {error}"))),
        [daemon, binary, config] => {
            let daemon =
                daemon.parse().map_err(|_| Failure::usage(format!("`{daemon}` is no process id")))?;
            wait_and_print(daemon, Path::new(binary), Path::new(config))
        }
        _ => Err(Failure::usage("`run-guide` is started by `cargo xtask run`")),
    }
}

fn this_program() -> Outcome<Command> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find xtask's own file: {error}")))?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    Ok(command)
}

fn wait_and_print(daemon: u32, binary: &Path, config: &Path) -> Outcome {
    let webhook = example::address(config, "webhook")?;
    let admin = example::address(config, "admin")?;
    let dns = example::address(config, &format!("backends.{}.settings", example::BACKEND))?;
    let end = Instant::now() + PATIENCE;
    loop {
        if !alive(daemon) {
            // The daemon has said why.
            return Ok(());
        }
        match status_of(&admin, "/readyz") {
            Ok(200) => break,
            _ if Instant::now() < end => std::thread::sleep(PAUSE),
            Ok(status) => {
                terminal::line(&format!(
                    "\nnot ready yet: http://{admin}/readyz answers {status} and says why"
                ));
                break;
            }
            Err(error) => {
                return Err(Failure::new(format!("no answer from http://{admin}/readyz: {error}")));
            }
        }
    }
    terminal::line(&text(&webhook, &admin, &dns, binary, config));
    Ok(())
}

/// Whether the process still runs. Where there is no `/proc`, the time limit alone ends the wait.
fn alive(process: u32) -> bool {
    let folder = PathBuf::from(format!("/proc/{process}"));
    if !Path::new("/proc/self").exists() {
        return true;
    }
    // The state stands behind the program's name, which is in parentheses.
    match std::fs::read_to_string(folder.join("stat")) {
        Ok(stat) => !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')),
        Err(_) => false,
    }
}

fn status_of(address: &str, path: &str) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    // In one piece: a server that has seen half a request may answer and close on the other half.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    String::from_utf8_lossy(&answer)
        .split_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| std::io::Error::other("not HTTP"))
}

fn text(webhook: &str, admin: &str, dns: &str, binary: &Path, config: &Path) -> String {
    let (binary, config) = (binary.display(), config.display());
    let (address, port) = dns.rsplit_once(':').unwrap_or((dns, "53"));
    let address = address.trim_matches(['[', ']']);
    format!(
        "
zonemux serves. In another terminal:

  which zones it takes (ExternalDNS asks this first)
    curl http://{webhook}/

  create a record, then list all of them
    curl -i http://{webhook}/records \\
      -H 'Content-Type: application/external.dns.webhook+json;version=1' \\
      -d '{{\"create\":[{{\"dnsName\":\"www.example.test\",\"recordType\":\"A\",\"targets\":[\"192.0.2.10\"],\"recordTTL\":300}}]}}'
    curl http://{webhook}/records

  ask for it by DNS (dig is in Debian's package bind9-dnsutils)
    dig @{address} -p {port} www.example.test

  how the backends are, and the metrics
    {binary} --config {config} status
    curl http://{admin}/metrics

Records are still there after a restart. Ctrl-C stops the daemon.
"
    )
}

#[cfg(test)]
mod tests {
    use super::{alive, status_of, text};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::path::Path;

    #[test]
    fn the_text_names_what_runs() {
        let text = text(
            "127.0.0.1:8888",
            "127.0.0.1:8080",
            "[::1]:5300",
            Path::new("/z/zonemux"),
            Path::new("/z/c.toml"),
        );
        assert!(text.contains("curl http://127.0.0.1:8888/records\n"), "{text}");
        assert!(text.contains("-d '{\"create\":[{\"dnsName\":"), "{text}");
        assert!(text.contains("/z/zonemux --config /z/c.toml status"), "{text}");
        assert!(text.contains("curl http://127.0.0.1:8080/metrics"), "{text}");
        assert!(text.contains("dig @::1 -p 5300 www.example.test\n"), "{text}");
    }

    #[test]
    fn the_status_is_read_from_a_real_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").unwrap();
            String::from_utf8_lossy(&request).into_owned()
        });
        assert_eq!(status_of(&address, "/readyz").unwrap(), 503);
        assert!(server.join().unwrap().starts_with("GET /readyz HTTP/1.1\r\n"));
    }

    #[test]
    fn this_process_is_alive() {
        assert!(alive(std::process::id()));
    }
}
