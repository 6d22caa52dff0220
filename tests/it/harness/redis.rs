//! A Redis of one test: started on a free port, killed, frozen and started again as the test wants.

use std::{
    io::{BufRead as _, BufReader},
    ops::Range,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use sportello::config::values::{Optional, Secret};

use super::scratch::Scratch;

/// Below those that the system gives away: a killed server's port stays free until it is started again.
const PORTS: Range<u16> = 20_000..32_000;

/// A server; killed when dropped.
pub(crate) struct TestRedis {
    port: u16,
    child: Option<Child>,
    scratch: Scratch,
}

impl TestRedis {
    /// Returns when it accepts connections.
    pub(crate) fn start() -> Self {
        let mut redis = Self { port: 0, child: None, scratch: Scratch::new() };
        for _ in 0..20 {
            redis.port = PORTS.start + getrandom::u32().unwrap() as u16 % (PORTS.end - PORTS.start);
            if redis.run() {
                return redis;
            }
        }
        panic!("redis-server does not start (script/setup --test installs it)");
    }

    /// For `redis.url`.
    pub(crate) fn url(&self) -> Optional<Secret> {
        Optional(Some(Secret::new(format!("redis://127.0.0.1:{}/0", self.port))))
    }

    /// As `kill -9` does: connections break, everything stored is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again after [`Self::kill`], where it was, and empty.
    pub(crate) fn restart(&mut self) {
        self.kill();
        assert!(self.run(), "the port of a killed server is free");
    }

    /// Connections stay open and are not answered.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// The end of [`Self::freeze`].
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// What `redis-cli` prints.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(arguments).output();
        String::from_utf8(output.expect("Redis is installed (script/setup --test)").stdout).unwrap()
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Starts the server and waits for its word that it is ready; `false` when it gave up.
    fn run(&mut self) -> bool {
        let program = ["redis-server", "valkey-server"].into_iter().find_map(|program| {
            Command::new(program)
                .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
                .args(["--port", &self.port.to_string()])
                .current_dir(self.scratch.path())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .ok()
        });
        let mut child = program.expect("Redis is installed (script/setup --test)");
        // Its few further words fit into the pipe.
        let out = BufReader::new(child.stdout.as_mut().unwrap());
        let ready =
            out.lines().map_while(Result::ok).any(|line| line.contains("Ready to accept connections"));
        self.child = Some(child);
        if !ready {
            self.kill();
        }
        ready
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
