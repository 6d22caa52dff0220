//! Large files: what receiving one costs in memory, how fast one is fetched beside reading it from the disk, and what
//! everybody else notices of fifty people who fetch one at once.
//!
//! The real binary on a private PostgreSQL, its storage a local directory. The file is a PDF of random bytes, so that
//! nothing is gained by packing it. Memory is the highest resident memory since a mark (`VmHWM`, reset at the mark).

#![expect(clippy::print_stderr, reason = "progress goes where the report does not")]

#[path = "support/beside.rs"]
mod beside;
#[path = "support/files.rs"]
mod files;
#[path = "support/load.rs"]
mod load;
#[path = "support/person.rs"]
mod person;
#[path = "support/server.rs"]
mod server;
mod support;

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bytes::Bytes;
use files::Fetchers;
use person::Person;
use rustix::fs::{Advice, fadvise};
use server::Server;
use support::{Ground, Measured, Options, Report, Variant, report::order};

/// The file.
const BYTES: usize = 200 << 20;
/// Who fetches at once.
const PEOPLE: usize = 50;
/// Of each, when lines are what limits them: 50 of them fill a gigabit.
const LINE: u64 = 2_500_000;
/// What receiving a file may cost in memory.
const GROWTH_MAX: u64 = 32 << 20;

fn main() -> anyhow::Result<()> {
    if load::take_over()? || files::take_over()? {
        return Ok(());
    }
    let options = Options::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let bytes = if options.smoke { 10 << 20 } else { BYTES };
    let ground = Ground::open(options).await?;
    let server = start(&ground, options).await?;
    let person = Person::register(server.address, "bench@example.org").await?;
    let mut report = Report::new("documents", ground.version().await?, options.json);
    receive(&server, &person, &pdf(1 << 20, 1), "a small one, as a warm-up").await?;
    let path = receive(&server, &person, &pdf(bytes, 2), "whole").await?;
    interrupted(&server, &person, &pdf(bytes, 3)).await?;
    if !ground.data_dir().join("files").exists() {
        eprintln!("files are in a bucket: reading them from the disk is not compared");
        drop(server);
        return ground.close().await;
    }
    report.add(
        "a file is fetched (MiB per second)".to_owned(),
        None,
        fetch(options, &ground, &person, &path).await?,
    );
    for (name, line) in [("each on a line of 20 Mbit/s", Some(LINE)), ("as fast as it goes", None)] {
        let name = format!("cached detail beside {PEOPLE} people who fetch a file, {name}");
        if options.wants(&name) {
            let fetchers = Fetchers { person: person.clone(), path: path.clone(), people: PEOPLE, line };
            let told = |rate: f64| format!("they got {:.0} MiB/s together", rate / f64::from(1 << 20));
            let variants = beside::compare(
                options,
                (&ground, &server),
                beside::Asking::default(),
                || fetchers.start(),
                told,
            )
            .await?;
            report.add(name, None, variants);
        }
    }
    drop(server);
    ground.close().await?;
    report.finish()
}

async fn start(ground: &Ground, options: &Options) -> anyhow::Result<Server> {
    let data_dir = ground.data_dir().display().to_string();
    let mut settings = vec![
        ("database.url", ground.url()),
        ("database.data_dir", &data_dir),
        ("server.listen", "127.0.0.1:0"),
        ("limits.enabled", "false"),
        ("documents.quota", "50GiB"),
        ("logs.format", "json"),
    ];
    settings.extend(options.settings.iter().filter_map(|setting| setting.split_once('=')));
    Server::start(&settings).await
}

/// Random bytes that look like a PDF to those who look at both its ends (SplitMix64).
fn pdf(bytes: usize, seed: u64) -> Bytes {
    const END: &[u8] = b"\nstartxref\n9\n%%EOF\n";
    let mut content = b"%PDF-1.7\n".to_vec();
    let mut state = seed;
    while content.len() < bytes - END.len() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        content.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    content.truncate(bytes - END.len());
    content.extend_from_slice(END);
    content.into()
}

/// Sends a file in one piece, and says what it cost.
async fn receive(server: &Server, person: &Person, file: &Bytes, how: &str) -> anyhow::Result<String> {
    let before = server.mark()?;
    let began = Instant::now();
    let upload = person.announce(file.len()).await?;
    person.piece(&upload, 0, file.clone(), None).await?;
    let path = person.document(&upload).await?;
    told(server, file.len(), how, began.elapsed(), before)?;
    Ok(path)
}

/// The same over a line that breaks when 60 % are sent.
async fn interrupted(server: &Server, person: &Person, file: &Bytes) -> anyhow::Result<()> {
    let before = server.mark()?;
    let began = Instant::now();
    let upload = person.announce(file.len()).await?;
    let sent = file.len() / 10 * 6;
    person.piece(&upload, 0, file.clone(), Some(sent)).await?;
    // The server may still be storing what had arrived: it says so (409), and is asked again, as clients of tus do.
    let mut kept = person.offset(&upload).await?;
    while person.piece(&upload, kept, file.slice(kept..), None).await.is_err() {
        let now = person.offset(&upload).await?;
        anyhow::ensure!(kept < now && now <= sent, "the server has {now} bytes of {sent} that were sent");
        kept = now;
    }
    let path = person.document(&upload).await?;
    let how = format!("interrupted at 60 %, {} KiB sent twice", (sent - kept) >> 10);
    told(server, file.len(), &how, began.elapsed(), before)?;
    let fetched = person.fetch(&path).await?;
    anyhow::ensure!(fetched == file.len() as u64, "{fetched} bytes came back");
    Ok(())
}

fn told(server: &Server, bytes: usize, how: &str, took: Duration, before: u64) -> anyhow::Result<()> {
    let growth = server.highest()?.saturating_sub(before);
    let missed = if growth < GROWTH_MAX { "" } else { ": missed" };
    eprintln!(
        "{} MiB sent and stored, {how}: {:.1} s ({:.0} MiB/s), memory grew by {:.1} MiB of {} MiB (target < {} MiB{missed})",
        bytes >> 20,
        took.as_secs_f64(),
        (bytes >> 20) as f64 / took.as_secs_f64(),
        growth as f64 / f64::from(1 << 20),
        before >> 20,
        GROWTH_MAX >> 20,
    );
    Ok(())
}

/// Over HTTP, and by reading the same object from the disk.
async fn fetch(
    options: &Options,
    ground: &Ground,
    person: &Person,
    path: &str,
) -> anyhow::Result<Vec<Variant>> {
    let object = largest(&ground.data_dir().join("files"))?;
    let mut variants = ["over HTTP", "read from the disk"].map(|name| Variant { name, rounds: Vec::new() });
    for round in 0..options.rounds {
        for index in order(round, 2) {
            forget(&object)?;
            let began = Instant::now();
            let bytes = if index == 0 { person.fetch(path).await? } else { read(object.clone()).await? };
            let took = began.elapsed();
            variants[index].rounds.push(Measured {
                rate: bytes as f64 / f64::from(1 << 20) / took.as_secs_f64(),
                p50_ms: took.as_secs_f64() * 1e3,
                p99_ms: took.as_secs_f64() * 1e3,
                server_us: None,
                postgres_us: None,
                errors: 0,
            });
        }
    }
    Ok(variants.into())
}

/// The next who reads it reads the disk.
fn forget(path: &Path) -> anyhow::Result<()> {
    Ok(fadvise(File::open(path)?, 0, None, Advice::DontNeed)?)
}

async fn read(path: PathBuf) -> anyhow::Result<u64> {
    let read = move || -> anyhow::Result<u64> {
        let (mut file, mut buffer, mut bytes) = (File::open(path)?, vec![0; 256 << 10], 0);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(bytes),
                read => bytes += read as u64,
            }
        }
    };
    tokio::task::spawn_blocking(read).await?
}

fn largest(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut found: Option<(u64, PathBuf)> = None;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let (path, meta) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
            if meta.is_dir() {
                folders.push(path);
            } else if found.as_ref().is_none_or(|(bytes, _)| *bytes < meta.len()) {
                found = Some((meta.len(), path));
            }
        }
    }
    Ok(found.ok_or_else(|| anyhow::anyhow!("the storage is empty"))?.1)
}
