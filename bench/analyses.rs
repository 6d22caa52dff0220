//! Documents of patients: how long it takes from an upload to its finished analysis, alone and fifty at once; how many a
//! processor reads in a second; and what everybody else notices meanwhile.
//!
//! The real binary on a private PostgreSQL. The document is a laboratory report of two pages with text, of the corpus of the
//! clinic desk. Documents are read by processes of their own, `clinic.reading_at_once` at once: that is the bulkhead.

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

use person::Person;
use server::Server;
use support::{Ground, Measured, Options, Report, Variant};
use tokio::task::JoinSet;
use uploaders::{Patients, Uploaders, upload_and_wait};

/// Who uploads at once.
const PEOPLE: usize = 50;
/// Of those who ask for something else meanwhile, between an answer and the next question.
const REST: Duration = Duration::from_millis(2);
/// About whom.
const PATIENTS: i64 = 500;

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
    let patients = Patients::new(register(&ground).await?);
    let mut report = Report::new("analyses", ground.version().await?, options.json);
    upload_and_wait(&person, patients.next(), 1).await?; // what is made once is made
    let mut variants =
        ["one after the other", "fifty at once"].map(|name| Variant { name, rounds: Vec::new() });
    for _ in 0..options.rounds {
        for (variant, people) in variants.iter_mut().zip([1, PEOPLE]) {
            variant.rounds.push(measure(options, &person, &patients, people).await?);
        }
    }
    report.add("from an upload to its analysis (documents a second)".to_owned(), None, variants.into());
    let processors = std::thread::available_parallelism()?.get() as f64;
    let crowd = Uploaders { person: person.clone(), patients, people: PEOPLE };
    let told =
        |rate: f64| format!("they got {rate:.1} analyses a second, {:.1} per processor", rate / processors);
    let token = Some(&*person.token);
    for (what, token, rest) in [
        ("cached detail, 4 people who rest between questions,", None, REST),
        ("detail from the database, 4 people who rest,", token, REST),
        ("detail from the database, as many as it goes,", token, Duration::ZERO),
    ] {
        let name = format!("{what} beside {PEOPLE} people whose documents are analysed");
        if options.wants(&name) {
            let both = (&ground, &server);
            let variants =
                beside::compare(options, both, beside::Asking { token, rest }, || crowd.start(), told)
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
        ("logs.format", "json"),
    ];
    settings.extend(options.settings.iter().filter_map(|setting| setting.split_once('=')));
    Server::start(&settings).await
}

/// A clinic where the person works, and patients who have consented; their paths.
async fn register(ground: &Ground) -> anyhow::Result<Vec<String>> {
    const WORK: &str = "-- bench.analyses.work
        WITH clinic AS (
            INSERT INTO clinic (id, name, city, created_at, updated_at)
            VALUES (gen_random_uuid(), 'Clinica Aurora', 'Bologna', now(), now()) RETURNING id
        ), person AS (
            UPDATE users SET roles = array_append(roles, 'staff') WHERE email = 'clinic@example.org' RETURNING id
        ), member AS (
            INSERT INTO clinic_member (user_id, clinic_id, permissions, agreed_at, created_at, updated_at)
            SELECT p.id, c.id, '{manage_members}', now(), now(), now() FROM person AS p, clinic AS c
        )
        INSERT INTO patient (id, clinic_id, medical_record_number, first_name, last_name, name_key, born_on, sex,
            consented_at, last_entry_at, created_at, updated_at)
        SELECT gen_random_uuid(), c.id, 'B-' || n, 'Anna', 'Bianchi', 'anna bianchi', '1990-05-17', 'female', now(), now(),
            now(), now()
        FROM clinic AS c, generate_series(1, $1::bigint) AS n RETURNING id::text";
    let rows = ground.client().query(WORK, &[&PATIENTS]).await?;
    Ok(rows.iter().map(|row| format!("/api/v1/clinic/patients/{}", row.get::<_, &str>(0))).collect())
}

/// So many people upload for a while, each the next when the last was analysed.
async fn measure(
    options: &Options,
    person: &Person,
    patients: &Patients,
    people: usize,
) -> anyhow::Result<Measured> {
    let (began, until) = (Instant::now(), Instant::now() + options.time());
    let mut tasks = JoinSet::new();
    for _ in 0..people {
        let (person, patients) = (person.clone(), patients.clone());
        tasks.spawn(async move {
            let mut took = Vec::new();
            while took.is_empty() || Instant::now() < until {
                took.push(upload_and_wait(&person, patients.next(), people).await?);
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
