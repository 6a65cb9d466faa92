//! What a plugin's process prints: logged line by line, the last lines kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::plugin::host::HostSide;
use crate::telemetry::words::beginning;

/// Lines that are kept.
const KEPT: usize = 20;
/// A line is cut here.
const LONGEST: usize = 1024;

/// The last lines of a process.
#[derive(Debug, Clone, Default)]
pub(super) struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    /// Adds a line, printed or logged.
    pub(super) fn push(&self, mut line: String) {
        line.truncate(beginning(&line, LONGEST).len());
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines so far.
    pub(super) fn get(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Reads lines until the process has closed its end.
pub(super) async fn read(host: HostSide, mut stream: impl AsyncRead + Unpin, lines: LastLines) {
    let mut buffer = Vec::with_capacity(LONGEST);
    loop {
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                while let Some(end) = end_of_line(&buffer) {
                    take(&host, &lines, &buffer[..end]);
                    let skip = usize::from(buffer.get(end) == Some(&b'\n'));
                    buffer.drain(..end + skip);
                }
            }
        }
    }
    take(&host, &lines, &buffer);
}

fn end_of_line(buffer: &[u8]) -> Option<usize> {
    let newline = buffer.iter().position(|&byte| byte == b'\n');
    newline.filter(|&end| end <= LONGEST).or_else(|| (buffer.len() >= LONGEST).then_some(LONGEST))
}

fn take(host: &HostSide, lines: &LastLines, line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    let line = line.trim();
    if !line.is_empty() {
        if host.may_log() {
            tracing::info!(target: "plugin", backend = host.backend_name(), stream = "stderr", "{line}");
        }
        lines.push(line.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_lines_are_kept_and_long_ones_cut() {
        let lines = LastLines::default();
        let long = "x".repeat(LONGEST + 5);
        let before: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
        let text = format!("{}\n\n{long}\nlast", before.join("\n"));
        read(HostSide::new("lan", &[], "/".into(), "/".into()), text.as_bytes(), lines.clone()).await;
        let lines = lines.get();
        assert_eq!(lines.len(), KEPT);
        assert_eq!(lines[KEPT - 1], "last");
        assert_eq!(lines[KEPT - 2], "xxxxx");
        assert_eq!(lines[KEPT - 3].len(), LONGEST);
        assert_eq!(lines[KEPT - 4], "line 29");
    }
}
