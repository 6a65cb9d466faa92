//! The filter of system calls. A refused call fails like one without the right to it, so that a plugin
//! can say what it lacked; nothing is killed for trying.

use seccompiler::{BpfProgram, Error, SeccompAction, SeccompFilter, TargetArch, apply_filter, sock_filter};

use super::calls::{self, Calls};
use super::{Profile, Restrictions};

/// Puts the filter in force, or says why there is none.
pub(super) fn enforce(profile: &Profile, done: &mut Restrictions) {
    match programs(profile).and_then(|programs| programs.iter().try_for_each(|program| apply_filter(program)))
    {
        Ok(()) => done.seccomp = true,
        Err(error) => done.miss("seccomp", cause(&error)),
    }
}

/// One filter for each answer, as a filter has one; the kernel asks them all.
fn programs(profile: &Profile) -> Result<Vec<BpfProgram>, Error> {
    let own = std::process::id();
    let filters = [
        (calls::not_there(), libc::ENOSYS),
        (calls::not_permitted(own, profile.commands)?, libc::EPERM),
        // Applied last and so asked first: its answer wins where two refuse.
        (calls::not_asked_for(profile.network, profile.commands)?, libc::EACCES),
    ];
    let mut programs = vec![];
    #[cfg(target_arch = "x86_64")]
    programs.push(no_second_numbering());
    for (calls, answer) in filters {
        programs.push(program(calls, answer)?);
    }
    Ok(programs)
}

fn program(calls: Calls, answer: i32) -> Result<BpfProgram, Error> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let answer = SeccompAction::Errno(answer.cast_unsigned());
    Ok(SeccompFilter::new(calls, SeccompAction::Allow, answer, architecture)?.try_into()?)
}

/// On x86-64 every call has a second number for programs with 32-bit pointers, where the kernel is built
/// for those, and would pass under it.
#[cfg(target_arch = "x86_64")]
fn no_second_numbering() -> BpfProgram {
    const SECOND_NUMBERING: u32 = 0x4000_0000;
    // Instructions of classic BPF: load a word of the call's description (its first is the number),
    // jump, return.
    #[expect(clippy::cast_possible_truncation, reason = "the codes have 16 bits, their constants 32")]
    let step = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    vec![
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, SECOND_NUMBERING),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

fn cause(error: &Error) -> String {
    match error {
        Error::Prctl(error) | Error::Seccomp(error) => error.to_string(),
        other => other.to_string(),
    }
}
