//! The managed PostgreSQL against the installed one: start, lock, crashes of the server and of ourselves, stop.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use sportello::{
    config::Config,
    postgres::{Cluster, ClusterError, ClusterOptions, Mode, locate},
};
use tokio_postgres::NoTls;

use crate::harness::scratch::Scratch;

fn options(data_dir: &Path) -> ClusterOptions {
    let mut options = ClusterOptions::from_config(&Config::defaults());
    options.data_dir = data_dir.to_path_buf();
    options.shared_buffers = "16MB".to_owned();
    options.max_connections = 10;
    options
}

async fn start(data_dir: &Path) -> Result<Cluster, ClusterError> {
    Cluster::start(&locate(None).expect("script/setup installs PostgreSQL"), &options(data_dir)).await
}

async fn execute(cluster: &Cluster, sql: &str) {
    let (client, connection) = cluster.config().connect(NoTls).await.unwrap();
    tokio::select! {
        done = client.batch_execute(sql) => done.unwrap(),
        ended = connection => panic!("the connection ended: {ended:?}"),
    }
}

async fn number(cluster: &Cluster, sql: &str) -> i64 {
    let (client, connection) = cluster.config().connect(NoTls).await.unwrap();
    tokio::select! {
        row = client.query_one(sql, &[]) => row.unwrap().get(0),
        ended = connection => panic!("the connection ended: {ended:?}"),
    }
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}

/// Processes whose working directory is the cluster: all of PostgreSQL's.
fn processes_in(data_dir: &Path) -> Vec<PathBuf> {
    let cluster = data_dir.canonicalize().unwrap().join("postgres/cluster");
    let lives_there =
        |process: &PathBuf| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&cluster));
    fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).filter(lives_there).collect()
}

#[tokio::test]
async fn a_cluster_is_private_durable_and_leaves_no_process_when_stopped() {
    let scratch = Scratch::new();
    let cluster = start(scratch.path()).await.unwrap();
    assert_eq!(number(&cluster, "SELECT count(*) FROM pg_database WHERE datname = 'sportello'").await, 1);
    for setting in ["fsync", "full_page_writes", "synchronous_commit", "data_checksums"] {
        let sql = format!("SELECT count(*) FROM pg_settings WHERE name = '{setting}' AND setting = 'on'");
        assert_eq!(number(&cluster, &sql).await, 1, "{setting}");
    }
    let closed = "SELECT count(*) FROM pg_settings WHERE name = 'listen_addresses' AND setting = ''";
    assert_eq!(number(&cluster, closed).await, 1);
    assert_eq!(number(&cluster, "SELECT length(upper('perchè però città'))::bigint").await, 17);
    assert_eq!(number(&cluster, "SELECT (upper('è') = 'È')::int::bigint").await, 1);

    let home = scratch.path().join("postgres");
    for private in ["cluster", "socket", "logs"] {
        assert_eq!(home.join(private).metadata().unwrap().permissions().mode() & 0o777, 0o700, "{private}");
    }
    let owner = fs::metadata(format!("/proc/{}", cluster.pid())).unwrap().uid();
    assert_ne!(owner, 0, "PostgreSQL never runs as root");
    assert_eq!(home.join("cluster").metadata().unwrap().uid(), owner);

    let status = cluster.stop(Mode::Fast).await;
    assert!(status.success(), "{status}");
    assert_eq!(processes_in(scratch.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_second_start_on_the_same_directory_is_refused_and_names_the_first() {
    let scratch = Scratch::new();
    let cluster = start(scratch.path()).await.unwrap();
    let refused = start(scratch.path()).await.unwrap_err();
    assert!(matches!(refused, ClusterError::Busy { pid: Some(pid) } if pid == std::process::id()));
    assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
    assert!(!refused.to_string().contains(&*scratch.path().to_string_lossy()), "{refused}");
    assert_eq!(number(&cluster, "SELECT 1::bigint").await, 1, "the first one is not disturbed");
    cluster.stop(Mode::Fast).await;
}

#[tokio::test]
async fn killing_the_server_is_noticed_and_the_next_start_recovers_what_was_committed() {
    let scratch = Scratch::new();
    let cluster = start(scratch.path()).await.unwrap();
    execute(&cluster, "CREATE TABLE t AS SELECT generate_series(1, 1000)").await;
    kill(cluster.pid(), Signal::KILL);
    let status = cluster.wait().await;
    assert!(!status.success());
    drop(cluster);
    let cluster = start(scratch.path()).await.unwrap();
    assert_eq!(number(&cluster, "SELECT count(*) FROM t").await, 1000);
    cluster.stop(Mode::Immediate).await;
    assert_eq!(processes_in(scratch.path()), Vec::<PathBuf>::new());
}

/// Not a test but the process that the next one kills: it holds a cluster when told where.
#[tokio::test]
async fn the_process_to_be_killed() {
    let Some(data_dir) = std::env::var_os("SPORTELLO_TEST_HOLD_CLUSTER") else { return };
    let cluster = start(Path::new(&data_dir)).await.unwrap();
    execute(&cluster, "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)").await;
    println!("postmaster={}", cluster.pid());
    cluster.wait().await;
}

/// Starts that process and waits until it holds its cluster.
fn spawn_holder(data_dir: &Path) -> (Child, u32) {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::the_process_to_be_killed", "--nocapture"])
        .env("SPORTELLO_TEST_HOLD_CLUSTER", data_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(holder.stdout.take().unwrap());
    let postmaster = said
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("postmaster=")?.1.trim().parse().ok())
        .expect("the holder starts a cluster");
    (holder, postmaster)
}

#[tokio::test]
async fn a_server_that_outlived_its_killed_sportello_is_ended_and_its_data_kept() {
    let scratch = Scratch::new();
    let (mut holder, postmaster) = spawn_holder(scratch.path());
    let busy = start(scratch.path()).await.unwrap_err();
    assert!(matches!(busy, ClusterError::Busy { pid: Some(pid) } if pid == holder.id()), "{busy}");
    holder.kill().unwrap();
    holder.wait().unwrap();

    let cluster = start(scratch.path()).await.unwrap();
    assert_eq!(cluster.ended_orphan(), Some(postmaster));
    assert_ne!(cluster.pid(), postmaster);
    assert_eq!(number(&cluster, "SELECT count(*) FROM t").await, 1);
    cluster.stop(Mode::Fast).await;
}

#[tokio::test]
async fn a_stale_process_id_that_now_belongs_to_another_process_does_no_harm() {
    let scratch = Scratch::new();
    start(scratch.path()).await.unwrap().stop(Mode::Fast).await;
    let record = scratch.path().join("postgres/cluster/postmaster.pid");
    let mut bystander = Command::new("sleep").arg("60").spawn().unwrap();
    fs::write(&record, format!("{}\n{}\n0\n5432\n", bystander.id(), scratch.path().display())).unwrap();

    let cluster = start(scratch.path()).await.unwrap();
    assert_eq!(cluster.ended_orphan(), None);
    assert!(bystander.try_wait().unwrap().is_none(), "the bystander lives");
    cluster.stop(Mode::Fast).await;
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[tokio::test]
async fn an_interrupted_initdb_leaves_nothing_that_a_start_would_believe() {
    let scratch = Scratch::new();
    let half = scratch.path().join("postgres/initdb-1/base");
    fs::create_dir_all(&half).unwrap();
    fs::write(scratch.path().join("postgres/initdb-1/PG_VERSION"), "15\n").unwrap();
    let cluster = start(scratch.path()).await.unwrap();
    assert!(!half.exists());
    cluster.stop(Mode::Fast).await;
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_at_once() {
    let scratch = Scratch::new();
    let mut options = options(scratch.path());
    options.shared_buffers = "nonsense".to_owned();
    options.start_timeout = Duration::from_secs(60);
    let error = Cluster::start(&locate(None).unwrap(), &options).await.unwrap_err();
    assert!(matches!(error, ClusterError::Exited { .. }), "{error}");
    let detail = error.detail().expect("the server's words");
    assert!(detail.contains("shared_buffers"), "{detail}");
    assert!(!error.to_string().contains("/postgres"), "{error}");
}

#[tokio::test]
async fn a_long_data_directory_still_gets_a_socket() {
    let scratch = Scratch::new();
    let deep = scratch.path().join("d".repeat(60)).join("e".repeat(60));
    fs::create_dir_all(&deep).unwrap();
    let cluster = start(&deep).await.unwrap();
    assert_eq!(number(&cluster, "SELECT 1::bigint").await, 1);
    cluster.stop(Mode::Fast).await;
}

#[tokio::test]
async fn data_of_another_major_version_is_refused_with_advice() {
    let scratch = Scratch::new();
    start(scratch.path()).await.unwrap().stop(Mode::Fast).await;
    fs::write(scratch.path().join("postgres/cluster/PG_VERSION"), "9\n").unwrap();
    let error = start(scratch.path()).await.unwrap_err();
    assert!(error.to_string().contains("postgresql-9"), "{error}");
}
