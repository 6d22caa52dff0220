//! Documents of patients: how long it takes from an upload to its finished analysis, alone and fifty at once; how many a
//! processor reads in a second; and what everybody else notices meanwhile.
//!
//! The real binary on a private PostgreSQL. The document is a laboratory report of two pages with text, of the corpus of the
//! clinic desk. Documents are read by processes of their own, `clinic.reading_at_once` at once: that is the bulkhead.

#![expect(clippy::print_stderr, reason = "progress goes where the report does not")]

#[path = "support/beside.rs"]
mod beside;
#[path = "support/load.rs"]
mod load;
#[path = "support/person.rs"]
mod person;
#[path = "support/server.rs"]
mod server;
mod support;
#[path = "support/uploaders.rs"]
mod uploaders;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use hyper::Method;
use person::{Person, full, whole};
use server::Server;
use support::{Ground, Measured, Options, Report, Variant};
use tokio::task::JoinSet;
use uploaders::{Uploaders, upload_and_wait};

/// Who uploads at once.
const PEOPLE: usize = 50;

fn main() -> anyhow::Result<()> {
    if load::take_over()? || uploaders::take_over()? {
        return Ok(());
    }
    let options = Options::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let ground = Ground::open(options).await?;
    let server = start(&ground, options).await?;
    let person = Person::register(server.address, "clinic@example.org").await?;
    let path = a_patient(&ground, &person).await?;
    let mut report = Report::new("analyses", ground.version().await?, options.json);
    upload_and_wait(&person, &path).await?; // what is made once is made
    let mut variants =
        ["one after the other", "fifty at once"].map(|name| Variant { name, rounds: Vec::new() });
    for _ in 0..options.rounds {
        for (variant, people) in variants.iter_mut().zip([1, PEOPLE]) {
            variant.rounds.push(measure(options, &person, &path, people).await?);
        }
    }
    let processors = std::thread::available_parallelism()?.get() as f64;
    for variant in &variants {
        let best = variant.rounds.iter().map(|round| round.rate).fold(0.0, f64::max);
        eprintln!(
            "{}: up to {best:.1} documents a second, {:.1} per processor",
            variant.name,
            best / processors
        );
    }
    report.add("from an upload to its analysis (documents a second)".to_owned(), None, variants.into());
    let name = format!("cached detail beside {PEOPLE} people whose documents are analysed");
    if options.wants(&name) {
        let crowd = Uploaders { person: person.clone(), path, people: PEOPLE };
        let told = |rate: f64| format!("they got {rate:.1} analyses a second");
        let variants = beside::compare(options, &ground, &server, || crowd.start(), told).await?;
        report.add(name, None, variants);
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
        ("logs.format", "json"),
    ];
    settings.extend(options.settings.iter().filter_map(|setting| setting.split_once('=')));
    Server::start(&settings).await
}

/// A clinic where the person works, and a patient who has consented; the path of the patient.
async fn a_patient(ground: &Ground, person: &Person) -> anyhow::Result<String> {
    const WORK: &str = "-- bench.analyses.work
        WITH clinic AS (
            INSERT INTO clinic (id, name, city, created_at, updated_at)
            VALUES (gen_random_uuid(), 'Clinica Aurora', 'Bologna', now(), now()) RETURNING id
        ), person AS (
            UPDATE users SET roles = array_append(roles, 'staff') WHERE email = 'clinic@example.org' RETURNING id
        )
        INSERT INTO clinic_member (user_id, clinic_id, permissions, agreed_at, created_at, updated_at)
        SELECT p.id, c.id, '{manage_members}', now(), now(), now() FROM person AS p, clinic AS c";
    const PATIENTS: &str = "/api/v1/clinic/patients";
    ground.client().execute(WORK, &[]).await?;
    let json = [("content-type", "application/json".to_owned())];
    let anna = r#"{"first_name": "Anna", "last_name": "Bianchi", "born_on": "1990-05-17", "sex": "female"}"#;
    let body = full(Bytes::from_static(anna.as_bytes()));
    let made = whole(person.ask(Method::POST, PATIENTS, &json, body).await?, 201).await?;
    let made: serde_json::Value = serde_json::from_slice(&made)?;
    let path = format!("{PATIENTS}/{}", made["id"].as_str().context("no id")?);
    let body = full(Bytes::from_static(br#"{"is_given": true}"#));
    whole(person.ask(Method::PUT, &format!("{path}/consent"), &json, body).await?, 200).await?;
    Ok(path)
}

/// So many people upload for a while, each the next when the last was analysed.
async fn measure(options: &Options, person: &Person, path: &str, people: usize) -> anyhow::Result<Measured> {
    let (began, until) = (Instant::now(), Instant::now() + options.time());
    let mut tasks = JoinSet::new();
    for _ in 0..people {
        let (person, path) = (person.clone(), path.to_owned());
        tasks.spawn(async move {
            let mut took = Vec::new();
            while took.is_empty() || Instant::now() < until {
                took.push(upload_and_wait(&person, &path).await?);
            }
            anyhow::Ok(took)
        });
    }
    let mut all: Vec<Duration> = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.extend(done??);
    }
    let spent = began.elapsed();
    all.sort_unstable();
    let at = |part: f64| all[((all.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    Ok(Measured {
        rate: all.len() as f64 / spent.as_secs_f64(),
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        server_us: None, // most of it is spent by other processes
        postgres_us: None,
        errors: 0,
    })
}
