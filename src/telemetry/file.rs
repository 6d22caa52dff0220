//! The log file, written by a thread of its own. Whoever logs only puts a line into a bounded queue.

use std::{
    io::{self, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use tracing_subscriber::fmt::MakeWriter;

use super::rotation::Rotation;

/// Lines waiting for the disk; beyond it they are dropped and counted. About 2 MB.
const QUEUE: usize = 8192;

enum Order {
    Write(Box<[u8]>),
    Stop,
}

/// An open log file. Dropping it writes what is queued and ends the thread.
#[derive(Debug)]
pub struct FileLog {
    writer: Writer,
    thread: Option<JoinHandle<()>>,
}

/// Where the subscriber writes.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
}

impl FileLog {
    /// Opens or goes on with the file at `path`; see `logs.file_bytes` and `logs.file_keep`.
    pub fn open(path: &Path, limit: u64, keep: usize) -> io::Result<Self> {
        let rotation = Rotation::open(path, limit, keep)?;
        let (log, queue) = Self::queue(QUEUE);
        log.started(queue, rotation)
    }

    /// A queue that nobody empties yet.
    fn queue(bound: usize) -> (Self, Receiver<Order>) {
        let (sender, receiver) = sync_channel(bound);
        (Self { writer: Writer { queue: sender, dropped: Arc::default() }, thread: None }, receiver)
    }

    fn started(mut self, queue: Receiver<Order>, rotation: Rotation) -> io::Result<Self> {
        let dropped = Arc::clone(&self.writer.dropped);
        let write = move || write_all(&queue, rotation, &dropped);
        self.thread = Some(thread::Builder::new().name("log-file".to_owned()).spawn(write)?);
        Ok(self)
    }

    /// For the subscriber.
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }

    /// Lines dropped so far.
    pub fn dropped(&self) -> u64 {
        self.writer.dropped.load(Relaxed)
    }
}

impl Drop for FileLog {
    fn drop(&mut self) {
        // The thread empties the queue, so this waits for a disk at most.
        let told = self.thread.is_some() && self.writer.queue.send(Order::Stop).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| told) {
            let _ = thread.join();
        }
    }
}

fn write_all(queue: &Receiver<Order>, mut rotation: Rotation, dropped: &AtomicU64) {
    let mut reported = 0;
    while let Ok(Order::Write(line)) = queue.recv() {
        // A disk that is full must not end the service: the line is lost, and counted.
        if rotation.write(&line).is_err() {
            dropped.fetch_add(1, Relaxed);
            continue;
        }
        let now = dropped.load(Relaxed);
        if now > reported {
            let report =
                format!("{{\"level\":\"WARN\",\"message\":\"log lines dropped\",\"dropped\":{now}}}\n");
            if rotation.write(report.as_bytes()).is_ok() {
                reported = now;
            }
        }
    }
}

impl Write for Writer {
    /// One call is one record: the formatter hands over whole lines.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Order::Write(line.into())).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Writer {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::{super::rotation::Rotation, FileLog};

    #[test]
    fn a_full_queue_drops_lines_counts_them_and_says_so_in_the_file() {
        let path = std::env::temp_dir().join(format!("sportello-log-{}-full.log", std::process::id()));
        let (log, queue) = FileLog::queue(2);
        let mut writer = log.writer();
        for n in 0..5 {
            writer.write_all(format!("line {n}\n").as_bytes()).unwrap();
        }
        assert_eq!(log.dropped(), 3);
        drop(log.started(queue, Rotation::open(&path, 1 << 20, 1).unwrap()).unwrap());
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(
            text,
            "line 0\n{\"level\":\"WARN\",\"message\":\"log lines dropped\",\"dropped\":3}\nline 1\n"
        );
    }
}
