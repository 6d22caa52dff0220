//! What is delivered beside the binary names settings that exist, and the binary does what its unit expects of it.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::harness::{database::TestDatabase, scratch::Scratch};

/// Starting takes a migration at most.
const PATIENCE: Duration = Duration::from_secs(60);

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn packages_name_settings_that_exist() {
    let defaults: toml::Table = read("config/default.toml").parse().unwrap();
    let known: BTreeSet<String> = defaults
        .iter()
        .flat_map(|(section, keys)| {
            keys.as_table().unwrap().keys().map(move |key| format!("{section}__{key}").to_uppercase())
        })
        .collect();
    let files =
        ["docker/Dockerfile", "docker/compose.yaml", "deploy/README.md", "deploy/systemd/sportello.service"];
    for file in files {
        let text = read(file);
        let names: Vec<&str> = text
            .split("SPORTELLO_")
            .skip(1)
            .map(|rest| {
                rest.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
                    .next()
                    .unwrap()
            })
            .filter(|name| *name != "SECTION__KEY")
            .collect();
        assert!(!names.is_empty(), "{file}");
        for name in names {
            assert!(known.contains(name.trim_end_matches("_FILE")), "{file}: {name} is not a setting");
        }
    }
}

#[test]
fn the_server_script_tells_its_usage_without_installing_or_building() {
    for flags in [&["--help"][..], &["-h"], &["--listen", "127.0.0.1:9000", "--help"]] {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("script/server"));
        // Neither a compiler nor a home to install one in.
        let told =
            command.args(flags).env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").output().unwrap();
        let usage = String::from_utf8(told.stdout).unwrap();
        assert!(told.status.success() && told.stderr.is_empty(), "{}", String::from_utf8_lossy(&told.stderr));
        assert!(usage.starts_with("usage: script/server") && usage.contains("--listen"), "{usage}");
    }
}

#[test]
fn the_image_is_built_by_the_compiler_of_the_repository() {
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().unwrap();
    let version = toolchain["toolchain"]["channel"].as_str().unwrap();
    assert!(read("docker/Dockerfile").contains(&format!("FROM rust:{version}-")));
}

#[test]
fn a_stop_by_systemd_is_longer_than_the_graces_within() {
    let defaults = sportello::config::Config::defaults();
    let unit = read("deploy/systemd/sportello.service");
    let seconds = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    let graces = *defaults.server.stop_grace
        + *defaults.server.drain_delay
        + sportello::actors::data::postgres::Postgres::GRACE;
    assert!(Duration::from_secs(seconds.parse().unwrap()) > graces);
}

/// As systemd does it: socket 3 is there before the process, which tells when it is ready and when it stops.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_systemd_holds_is_served_and_survives_a_restart() {
    let (database, scratch) = (TestDatabase::create().await, Scratch::new());
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let notify = scratch.path().join("notify");
    let told = UnixDatagram::bind(&notify).unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let next = || {
        let mut text = [0; 256];
        let length = told.recv(&mut text).expect("the process tells its manager");
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    for _ in 0..2 {
        // A client that comes while nobody serves waits in the socket's queue.
        let mut early = TcpStream::connect(address).unwrap();
        let mut process = Command::new("sh")
            .args(["-c", "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" serve"])
            .arg(env!("CARGO_BIN_EXE_sportello"))
            .stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())))
            .env("NOTIFY_SOCKET", &notify)
            .env("SPORTELLO_DATABASE__URL", database.url())
            .env("SPORTELLO_DATABASE__DATA_DIR", scratch.path())
            // Would be refused: the inherited socket is taken instead.
            .env("SPORTELLO_SERVER__LISTEN", "192.0.2.1:1")
            .env("SPORTELLO_SERVER__STOP_GRACE", "1s")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(next().trim(), "READY=1");
        early.set_read_timeout(Some(PATIENCE)).unwrap();
        early.write_all(b"GET /ready HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        early.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert_eq!(next().trim(), "STOPPING=1");
        assert!(process.wait().unwrap().success());
    }
}
