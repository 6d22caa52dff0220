//! What a worker can do: nothing but compute.

use std::{fs, path::Path, process::Stdio, time::Duration};

use sportello::clinic::reading::order::Order;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

use super::{LIMITS, PROGRAM};
use crate::harness::scratch::Scratch;

fn worker(order: &Order) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("read-document").arg(order.argument()).env_clear().kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_has_limits_and_no_files_before_it_looks_at_a_file() {
    let order = Order::Read { limits: LIMITS, pictures: false };
    let mut child = worker(&order).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).await.unwrap();
    assert_eq!(first.trim(), r#"{"frame":"confined","files":true,"calls":true}"#);
    let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", child.id().unwrap())).unwrap();
    let status = of("status");
    let has =
        |line: &str| status.lines().any(|it| it.split_whitespace().collect::<Vec<_>>().join(" ") == line);
    assert!(has("NoNewPrivs: 1") && has("Seccomp: 2") && has("Threads: 1"), "{status}");
    let limits = of("limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(limit("Max cpu time"), LIMITS.processor.as_secs());
    assert_eq!(limit("Max file size"), 0);
    assert_eq!(limit("Max core file size"), 0);
    assert_eq!(limit("Max processes"), 0);
    assert!(limit("Max open files") <= 8);
    // Its own program and libraries, and what it may take.
    assert!(limit("Max address space") < LIMITS.memory_bytes + (4 << 30));
    assert_eq!(of("environ"), "");
    // It ends with its input.
    child.stdin.take().unwrap().shutdown().await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), child.wait()).await.unwrap().unwrap();
}

/// Runs this as what a worker becomes; what it wrote, and whether it succeeded.
async fn become_program(script: &str) -> (String, bool) {
    let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let order = Order::Become { memory_bytes: 256 << 20, processor: Duration::from_secs(2), command };
    let output = worker(&order).stdin(Stdio::null()).output().await.unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_a_worker_becomes_reads_nothing_of_ours_and_writes_nowhere() {
    let scratch = Scratch::new();
    let secret = scratch.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let path = |path: &Path| path.display().to_string();
    assert_eq!(become_program("echo there").await, ("there\n".to_owned(), true));
    let (read, done) = become_program(&format!("read it < {}; echo $it", path(&secret))).await;
    assert!(!read.contains("secret"), "{read} {done}");
    let (read, _) = become_program("read it < /etc/passwd && echo $it").await;
    assert_eq!(read, "");
    let made = scratch.path().join("made");
    become_program(&format!("echo x > {}", path(&made))).await;
    assert!(fs::read(&made).map_or(0, |it| it.len()) == 0, "nothing is written");
    assert!(!made.exists());
    // It cannot take all memory either, nor run on.
    let (_, done) = become_program("a=x; while :; do a=$a$a; done").await;
    assert!(!done);
    let (_, done) = become_program("while :; do :; done").await;
    assert!(!done);
}

/// What becomes of calls of the kernel with these arguments: 0, or the number of the error. In Perl, which every machine has; it
/// reads its script from the input, for it may open no other.
async fn calls(calls: &[(&'static str, i64, String)]) -> Vec<(String, i32)> {
    const GIVEN: &str = r#"my $none = pack("Q2", 0, 0); my $room = "\0" x 16; my $one = pack("Q", 1);
        my $info = pack("i3", 10, 0, -1) . ("\0" x 116);"#;
    let call = |(name, number, arguments): &(&str, i64, String)| {
        format!(r#" $! = 0; syscall({number}, {arguments}); print "{name} ", $! + 0, "\n";"#)
    };
    let script: String = std::iter::once(GIVEN.to_owned()).chain(calls.iter().map(call)).collect();
    let command = vec!["/usr/bin/perl".to_owned()];
    let order = Order::Become { memory_bytes: 256 << 20, processor: Duration::from_secs(2), command };
    let mut perl = worker(&order).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    perl.stdin.take().unwrap().write_all(script.as_bytes()).await.unwrap();
    let output = perl.wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.lines().count() == calls.len(), "{said}");
    let answers = said.lines().map(|line| line.split_once(' ').unwrap());
    answers.map(|(name, error)| (name.to_owned(), error.parse().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_a_worker_becomes_lays_no_hand_on_other_processes() {
    let mut victim = Command::new("cat").stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let pid = victim.id().unwrap();
    let foreign = [
        ("prlimit64", libc::SYS_prlimit64, format!("{pid}, {}, $none, 0", libc::RLIMIT_NOFILE)),
        ("kill", libc::SYS_kill, format!("{pid}, 9")),
        ("tgkill", libc::SYS_tgkill, format!("{pid}, {pid}, 9")),
        ("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo, format!("{pid}, 10, $info")),
        ("rt_tgsigqueueinfo", libc::SYS_rt_tgsigqueueinfo, format!("{pid}, {pid}, 10, $info")),
        ("pidfd_send_signal", libc::SYS_pidfd_send_signal, "0, 9, 0, 0".to_owned()),
        ("setpriority", libc::SYS_setpriority, format!("0, {pid}, 19")),
        ("sched_setaffinity", libc::SYS_sched_setaffinity, format!("{pid}, 8, $one")),
        ("ioprio_set", libc::SYS_ioprio_set, format!("1, {pid}, 24576")),
    ];
    for (name, error) in calls(&foreign).await {
        assert_eq!(error, libc::EPERM, "{name}");
    }
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let open = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_ne!(open.split_whitespace().nth(3), Some("0"), "{open}");
    assert!(victim.try_wait().unwrap().is_none(), "it lives");
    // Of itself it may ask, and send itself what it likes.
    let own = [
        ("prlimit64", libc::SYS_prlimit64, format!("0, {}, 0, $room", libc::RLIMIT_NOFILE)),
        ("tgkill", libc::SYS_tgkill, "$$+0, $$+0, 0".to_owned()),
    ];
    assert!(calls(&own).await.iter().all(|(_, error)| *error == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_makes_no_sense_is_refused() {
    for argument in ["", "{}", "{\"read\":{}}", "read"] {
        let status = Command::new(PROGRAM).args(["read-document", argument]).status().await.unwrap();
        assert_eq!(status.code(), Some(64), "{argument:?}");
    }
}
