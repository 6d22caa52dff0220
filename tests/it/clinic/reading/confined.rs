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

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_makes_no_sense_is_refused() {
    for argument in ["", "{}", "{\"read\":{}}", "read"] {
        let status = Command::new(PROGRAM).args(["read-document", argument]).status().await.unwrap();
        assert_eq!(status.code(), Some(64), "{argument:?}");
    }
}
