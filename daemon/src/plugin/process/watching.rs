//! Watches a process until its end, and says what it was.

use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::cgroup::Confined;
use super::ending::{Ending, Reason};
use super::link::Link;
use super::reading::ReadEnd;
use crate::plugin::child::restrict::SystemFiles;
use crate::plugin_processes::Known;

/// How long a process that closed its connection may take to be gone.
const GOING: Duration = Duration::from_secs(1);
/// How often it is looked whether the files are still there that it may read.
const LOOK: Duration = Duration::from_secs(60);
/// How long its last words are waited for: somebody that it started may hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The tasks that listen to a process.
pub(super) struct Listeners {
    pub(super) reading: JoinHandle<ReadEnd>,
    pub(super) writing: JoinHandle<std::io::Result<()>>,
    pub(super) output: JoinHandle<()>,
}

/// Waits for the end of a process, and tells everyone who has to do with it.
pub(super) async fn watch(
    link: Arc<Link>,
    mut child: Child,
    known: Known,
    confined: Option<Confined>,
    mut listeners: Listeners,
) {
    let mut sent_all = false;
    let mut status = None;
    let mut deaf = None;
    let files = SystemFiles::now();
    let mut look = tokio::time::interval(LOOK);
    let cut = loop {
        tokio::select! {
            biased;
            () = link.condemned.cancelled() => break None,
            ended = &mut listeners.reading => break Some(ended.unwrap_or(ReadEnd::Closed)),
            ended = child.wait() => {
                // What it said before is read; a program that it started may keep the connection open.
                status = ended.ok();
                let said = tokio::time::timeout(LAST_WORDS, &mut listeners.reading).await;
                break said.ok().map(|ended| ended.unwrap_or(ReadEnd::Closed));
            }
            sent = &mut listeners.writing, if !sent_all => {
                sent_all = true;
                match sent {
                    Ok(Err(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
                        link.kill(Reason::Unresponsive, "it does not read what it is sent");
                    }
                    Ok(Err(_)) => {
                        let link = Arc::clone(&link);
                        deaf = Some(link.runtime.clone().spawn(end_the_deaf(link)).abort_handle());
                    }
                    _ => {}
                }
            }
            _ = look.tick() => {
                // Its rules are about the files that were there when it began.
                if link.calls.is_idle() && SystemFiles::now() != files {
                    link.kill(Reason::Asked, "files of the system, such as the resolver's, were replaced");
                }
            }
        }
    };
    if let Some(ReadEnd::Unreadable(error)) = &cut {
        link.kill(Reason::Protocol, format!("what it sent can't be read: {error}"));
    }
    // By itself, where it is about to; by us, where it is not.
    if status.is_none() && matches!(cut, Some(ReadEnd::Closed)) {
        status = tokio::time::timeout(GOING, child.wait()).await.ok().and_then(Result::ok);
    }
    // Also what it started: it leads a session, whose first group is its own.
    let group = i32::try_from(link.pid).ok().and_then(Pid::from_raw);
    if let Some(group) = group
        && let Err(error) = kill_process_group(group, Signal::KILL)
        && error != Errno::SRCH
    {
        tracing::debug!(backend = link.backend, pid = link.pid, %error, "the process's group can't be killed");
    }
    if status.is_none() {
        if cut.is_some() {
            link.kill(Reason::Closed, "it closed its connection to the daemon");
        }
        if let Err(error) = child.start_kill() {
            tracing::debug!(backend = link.backend, pid = link.pid, %error, "the process can't be killed");
        }
        // Nothing of it runs once this has returned.
        status = child.wait().await.ok();
    }
    // Its number is free again.
    drop(known);
    let _output = tokio::time::timeout(LAST_WORDS, &mut listeners.output).await;
    for task in [listeners.output.abort_handle(), listeners.writing.abort_handle()] {
        task.abort();
    }
    listeners.reading.abort();
    if let Some(deaf) = deaf {
        deaf.abort();
    }
    let output = link.output.get();
    // The kernel's own words for what looks like any other kill.
    if confined.as_ref().is_some_and(|confined| confined.ended_for_memory() > 0) {
        link.note_verdict(Reason::Memory, "it used more memory than `memory_limit` allows");
    }
    let ending = match (link.verdict(), status) {
        (Some((Reason::Asked, words)), _) => Ending::by_us(Reason::Asked, words, output),
        (Some((reason, words)), _) => Ending::by_us(reason, words, output),
        (None, Some(status)) => Ending::of(status, output),
        (None, None) => Ending::by_us(Reason::Closed, "it is gone", output),
    };
    tell(&link, ending);
}

/// Ends a process that can be sent nothing any more, unless it is about to end by itself: whatever it is asked from
/// now on it would never learn of.
async fn end_the_deaf(link: Arc<Link>) {
    tokio::time::sleep(GOING).await;
    link.kill(Reason::Closed, "it closed its connection to the daemon for reading");
}

fn tell(link: &Link, ending: Ending) {
    if ending.reason == Reason::Asked {
        tracing::debug!(backend = link.backend, pid = link.pid, "the plugin's process has ended");
    } else {
        tracing::error!(
            backend = link.backend,
            pid = link.pid,
            reason = ending.reason.as_str(),
            last_line = ending.output.last(),
            "the plugin's process ended: {}",
            ending.words
        );
    }
    // Calls that were in flight learn of it before a new process can be asked for.
    link.calls.end(ending.error());
    link.condemned.cancel();
    link.ended.send_replace(Some(ending));
}
