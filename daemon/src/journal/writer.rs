//! The one thread that writes the journal.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::files::{Failure, Files};
use super::queue::Queue;
use super::repeats::Repeats;
use crate::store::StoreError;
use crate::telemetry::metrics;

/// How often repeats are looked through, and the most often that losses are logged.
const MINUTE: Duration = Duration::from_secs(60);
/// So much is written at once.
const PIECE: usize = 1 << 20;

/// Writes what comes until the end.
pub(super) fn run(queue: &Queue, folder: PathBuf) {
    // However it ends, nobody waits for it any longer.
    let _end = End(queue);
    let mut writer =
        Writer { files: Files::new(folder), repeats: Repeats::default(), losses: Losses::default() };
    let mut next_look = Instant::now() + MINUTE;
    loop {
        let work = queue.next(next_look);
        writer.files.set_limits(work.limits);
        writer.losses.in_queue(work.lost);
        if let Some(lines) = work.lines {
            let mut text = Vec::new();
            let now = Instant::now();
            for line in lines.iter() {
                writer.repeats.take(line, now, &mut text);
                if text.len() >= PIECE {
                    writer.write(&mut text);
                }
            }
            writer.write(&mut text);
            drop(lines);
            queue.finished_one();
        }
        if work.last {
            let mut text = Vec::new();
            writer.repeats.write_all(&mut text);
            writer.write(&mut text);
            writer.files.sync();
            writer.losses.log(Instant::now(), true);
            return;
        }
        if Instant::now() >= next_look {
            next_look = Instant::now() + MINUTE;
            let mut text = Vec::new();
            writer.repeats.write_old(Instant::now(), &mut text);
            writer.write(&mut text);
            writer.losses.log(Instant::now(), false);
        }
    }
}

struct End<'a>(&'a Queue);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.ended();
    }
}

struct Writer {
    files: Files,
    repeats: Repeats,
    losses: Losses,
}

impl Writer {
    fn write(&mut self, text: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        match self.files.write(text) {
            Ok(()) => self.losses.over(),
            Err(failure) => {
                // What was lost must not be taken for written when it comes again.
                self.repeats.forget();
                metrics::journal_write_errors(failure.lost);
                self.losses.on_disk(failure);
                self.losses.log(Instant::now(), false);
            }
        }
        text.clear();
    }
}

/// Lines that were lost, and when that was last told.
#[derive(Debug, Default)]
struct Losses {
    lines: u64,
    error: Option<StoreError>,
    logged: Option<Instant>,
}

impl Losses {
    fn in_queue(&mut self, lines: u64) {
        self.lines += lines;
    }

    fn on_disk(&mut self, failure: Failure) {
        self.lines += failure.lost as u64;
        self.error = Some(failure.error);
    }

    /// The disk can be written again.
    fn over(&mut self) {
        if self.error.take().is_some() {
            tracing::info!(lost = self.lines, "the journal is written again");
            self.lines = 0;
            self.logged = None;
        }
    }

    fn log(&mut self, now: Instant, always: bool) {
        let recently = self.logged.is_some_and(|logged| now.duration_since(logged) < MINUTE);
        if self.lines == 0 || (recently && !always) {
            return;
        }
        if let Some(error) = &self.error {
            tracing::error!(
                lines = self.lines, %error, hint = error.hint(),
                "lines of the journal are lost; calls go on without it"
            );
        } else {
            tracing::error!(
                lines = self.lines,
                hint = "is the disk of `state.directory` too slow?",
                "lines of the journal are lost: changes came faster than they could be written"
            );
        }
        self.lines = 0;
        self.logged = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What `work` logs, as JSON lines.
    fn logged(work: impl FnOnce()) -> Vec<serde_json::Value> {
        let text = Arc::new(Mutex::new(Vec::new()));
        let writer = Shared(Arc::clone(&text));
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, work);
        let text = text.lock().unwrap();
        text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    #[derive(Clone)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn full() -> Failure {
        let error = StoreError::io("write", "/state/journal", &io::ErrorKind::StorageFull.into());
        Failure { error, lost: 10 }
    }

    #[test]
    fn a_full_disk_is_logged_once_a_minute_and_when_it_is_over() {
        let start = Instant::now();
        let lines = logged(|| {
            let mut losses = Losses::default();
            for second in 0..130 {
                losses.on_disk(full());
                losses.log(start + Duration::from_secs(second), false);
            }
            losses.over();
            losses.over();
            losses.log(start + Duration::from_secs(300), false);
        });
        let shown: Vec<String> = lines
            .iter()
            .map(|line| {
                let fields = &line["fields"];
                format!("{} {} {} {}", line["level"], fields["message"], fields["lines"], fields["lost"])
            })
            .collect();
        let lost = "\"lines of the journal are lost; calls go on without it\"";
        assert_eq!(
            shown,
            [
                format!("\"ERROR\" {lost} 10 null"),
                format!("\"ERROR\" {lost} 600 null"),
                format!("\"ERROR\" {lost} 600 null"),
                "\"INFO\" \"the journal is written again\" null 90".to_owned(),
            ]
        );
        assert!(lines[0]["fields"]["hint"].as_str().unwrap().starts_with("make room"), "{}", lines[0]);
    }

    #[test]
    fn lines_that_find_no_room_in_memory_are_logged_as_such() {
        let lines = logged(|| {
            let mut losses = Losses::default();
            losses.in_queue(5);
            losses.log(Instant::now(), false);
            losses.log(Instant::now(), true);
        });
        assert_eq!((lines.len(), &lines[0]["fields"]["lines"]), (1, &5.into()));
    }
}
