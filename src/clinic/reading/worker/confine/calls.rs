//! Calls of the kernel that are let through (seccomp). What is not fails with EPERM; nothing is killed, so that a library
//! that tries something needless goes on without it.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::Role;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What computing takes: memory, an end, randomness for tables, time; signals to itself are added below.
const COMPUTING: [i64; 22] = [
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_restart_syscall,
    libc::SYS_close,
    libc::SYS_getrusage,
];

/// What a program that reads a picture has no use for: networks, other processes (their signals, their limits, their share of the
/// processors), the kernel's more adventurous parts.
const NOT_FOR_PROGRAMS: [i64; 39] = [
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_io_uring_setup,
    libc::SYS_memfd_create,
    libc::SYS_shmget,
    libc::SYS_msgget,
];

/// Whether the filter is in force.
pub(super) fn close(role: Role<'_>) -> bool {
    program(role).is_ok_and(|program| seccompiler::apply_filter(&program).is_ok())
}

fn program(role: Role<'_>) -> Result<BpfProgram, BackendError> {
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let (rules, other, listed) = match role {
        Role::Reader => (for_a_reader()?, refuse, SeccompAction::Allow),
        Role::Program(_) => (not_for_a_program()?, SeccompAction::Allow, refuse),
    };
    SeccompFilter::new(rules, other, listed, std::env::consts::ARCH.try_into()?)?.try_into()
}

fn for_a_reader() -> Result<Rules, BackendError> {
    let mut rules = all(&COMPUTING);
    // Whatever else it was handed by mistake, these three are all it can use.
    rules.insert(libc::SYS_read, vec![on_stream(0)?]);
    rules.insert(libc::SYS_write, vec![on_stream(1)?, on_stream(2)?]);
    // Signals to itself, as `abort` sends them.
    rules.insert(libc::SYS_tgkill, vec![first(SeccompCmpOp::Eq, myself())?]);
    Ok(rules)
}

fn not_for_a_program() -> Result<Rules, BackendError> {
    let mut rules = all(&NOT_FOR_PROGRAMS);
    // A process that becomes another program keeps its number.
    rules.insert(libc::SYS_tgkill, vec![first(SeccompCmpOp::Ne, myself())?]);
    // 0 is whoever asks: limits of the server are none of a program's business.
    rules.insert(libc::SYS_prlimit64, vec![first(SeccompCmpOp::Ne, 0)?]);
    Ok(rules)
}

fn myself() -> u64 {
    u64::from(std::process::id())
}

fn all(calls: &[i64]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

/// The call's first argument is this stream.
fn on_stream(stream: u64) -> Result<SeccompRule, BackendError> {
    first(SeccompCmpOp::Eq, stream)
}

/// The call's first argument, a number of 32 bits, compares so.
fn first(operator: SeccompCmpOp, number: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(0, SeccompCmpArgLen::Dword, operator, number)?])
}
