//! Where processes run, and for how long.

use std::time::Duration;

use rustix::thread::{CpuSet, Pid, sched_setaffinity};

/// Has all threads of a process group run on one processor, where there are two.
pub(crate) fn pin(group: u32, processor: usize) {
    for process in processes(group) {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
        tasks
            .flatten()
            .for_each(|task| pin_thread(task.file_name().to_str().unwrap().parse().ok(), processor));
    }
}

/// The same for one thread; for this one without a number.
pub(crate) fn pin_thread(thread: Option<i32>, processor: usize) {
    if std::thread::available_parallelism().unwrap().get() > 1 {
        let mut processors = CpuSet::new();
        processors.set(processor);
        // A thread that has ended meanwhile runs nowhere.
        let _ended = sched_setaffinity(thread.and_then(Pid::from_raw), &processors);
    }
}

/// For how long processors have worked for a process group.
pub(crate) fn busy(group: u32) -> Duration {
    let ticks = processes(group).into_iter().map(|process| {
        // Fields 14 and 15 of proc_pid_stat(5), in hundredths of a second.
        let fields = stat(&process).unwrap_or_default();
        fields.iter().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>()
    });
    Duration::from_millis(10 * ticks.sum::<u64>())
}

fn processes(group: u32) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let all = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
    all.filter(|process| stat(process).is_some_and(|fields| fields[2] == group.to_string())).collect()
}

/// The fields behind the name, which may have spaces.
fn stat(process: &str) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_ascii_whitespace().map(str::to_owned).collect())
}
