//! System calls that a plugin's process is refused, and under which conditions.
//!
//! What is not named is allowed: a list of what backends, their runtimes and their TLS may call would be
//! wrong with the next version of any of them. Named is what reaches other processes, changes the machine,
//! or goes round the rules (`io_uring` makes calls that no filter sees).

use std::collections::BTreeMap;

use seccompiler::{BackendError, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompRule};

/// The rules of each call by its number; a call without rules is always meant.
pub(super) type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// Refused whatever their arguments.
const ALWAYS: &[i64] = &[
    // Other processes: their memory, descriptors, state.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Namespaces, mounts.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_acct,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // The kernel: its programs, modules, keys, and the parts most often found wanting.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_syslog,
    // The machine: restart, time, name, terminals, ports, other ways of running programs.
    libc::SYS_reboot,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_settimeofday,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_personality,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// `ioctl` requests: characters put into a terminal's input, and signals at the arrival of data, which
/// go to any process of the same user.
const IOCTLS: [u32; 4] = [0x5412, 0x541c, 0x8901, 0x8902];

/// `fcntl` commands of the same effect; the first one names its process in memory, which no filter reads.
const F_SETOWN_EX: u32 = 15;
const F_SETOWN: u32 = 8;

/// `ioprio_set` and `setpriority`: every process of the user.
const PRIO_USER: u32 = 2;
const IOPRIO_WHO_USER: u32 = 3;

const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Calls to be answered with EPERM. `own` is this process's id; `signals`: whether others may be signalled,
/// as Landlock lets it.
pub(super) fn not_permitted(own: u32, signals: bool) -> Result<Calls, BackendError> {
    let mut calls: Calls = ALWAYS.iter().map(|&call| (call, Vec::new())).collect();
    // The process that they act on is their first argument, and 0 is the caller, other than in kill.
    for call in [
        libc::SYS_prlimit64,
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setattr,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setscheduler,
        libc::SYS_migrate_pages,
        libc::SYS_move_pages,
    ] {
        calls.insert(call, vec![rule(&[not(0, 0), not(0, own)])?]);
    }
    for (call, user) in [(libc::SYS_setpriority, PRIO_USER), (libc::SYS_ioprio_set, IOPRIO_WHO_USER)] {
        calls.insert(call, vec![rule(&[is(0, user)])?, rule(&[not(1, 0), not(1, own)])?]);
    }
    if !signals {
        for call in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo]
        {
            calls.insert(call, vec![rule(&[not(0, own)])?]);
        }
        // A thread's id does not say whose it is, nor does a descriptor.
        calls.insert(libc::SYS_tkill, Vec::new());
        calls.insert(libc::SYS_pidfd_send_signal, Vec::new());
    }
    let set_own = rule(&[is(1, F_SETOWN), not(2, own)])?;
    calls.insert(libc::SYS_fcntl, vec![set_own, rule(&[is(1, F_SETOWN_EX)])?]);
    calls.insert(libc::SYS_ioctl, each(IOCTLS, |request| rule(&[is(1, request)]))?);
    // It ends with the daemon, and stays closed to others.
    let outlive = rule(&[is(0, constant(libc::PR_SET_PDEATHSIG)), not(1, constant(libc::SIGKILL))])?;
    let open_up = rule(&[is(0, constant(libc::PR_SET_DUMPABLE)), not(1, 0)])?;
    calls.insert(libc::SYS_prctl, vec![outlive, open_up]);
    let namespace = |flag| rule(&[(0, SeccompCmpOp::MaskedEq(bits(flag)), bits(flag))]);
    calls.insert(libc::SYS_clone, each(NAMESPACES, namespace)?);
    Ok(calls)
}

/// Calls to be answered with EACCES: what the plugin's manifest does not ask for.
pub(super) fn not_asked_for(network: bool, commands: bool) -> Result<Calls, BackendError> {
    let mut calls = Calls::new();
    // Raw packets, virtual machines' sockets, the kernel's cryptography: nothing that DNS is reached by.
    let mut families = vec![libc::AF_UNIX];
    if network {
        families.extend([libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]);
    }
    let other: Vec<_> = families.into_iter().map(|family| not(0, constant(family))).collect();
    calls.insert(libc::SYS_socket, vec![rule(&other)?]);
    if !commands {
        calls.insert(libc::SYS_execve, Vec::new());
        calls.insert(libc::SYS_execveat, Vec::new());
        // A copy of the process would have a memory limit of its own, and outlive the daemon.
        let no_thread = (0, SeccompCmpOp::MaskedEq(bits(libc::CLONE_THREAD)), 0);
        calls.insert(libc::SYS_clone, vec![rule(&[no_thread])?]);
        #[cfg(target_arch = "x86_64")]
        calls.extend([(libc::SYS_fork, Vec::new()), (libc::SYS_vfork, Vec::new())]);
    }
    Ok(calls)
}

/// Calls to be answered with ENOSYS, whereupon libraries turn to the older call that says the same in
/// registers, where a filter can read it.
pub(super) fn not_there() -> Calls {
    Calls::from([(libc::SYS_clone3, Vec::new())])
}

type Condition = (u8, SeccompCmpOp, u64);

fn is(argument: u8, value: u32) -> Condition {
    (argument, SeccompCmpOp::Eq, u64::from(value))
}

fn not(argument: u8, value: u32) -> Condition {
    (argument, SeccompCmpOp::Ne, u64::from(value))
}

/// All conditions at once. Arguments are compared by their lower 32 bits, as the kernel takes them.
fn rule(conditions: &[Condition]) -> Result<SeccompRule, BackendError> {
    let conditions = conditions.iter().cloned();
    let conditions =
        conditions.map(|(argument, how, value)| SeccompCondition::new(argument, Dword, how, value));
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

fn each<T>(
    values: impl IntoIterator<Item = T>,
    rule: impl Fn(T) -> Result<SeccompRule, BackendError>,
) -> Result<Vec<SeccompRule>, BackendError> {
    values.into_iter().map(rule).collect()
}

fn constant(value: i32) -> u32 {
    value.cast_unsigned()
}

fn bits(flag: i32) -> u64 {
    u64::from(constant(flag))
}
