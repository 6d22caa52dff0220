//! People who upload documents of a patient and wait for their analyses; also as a crowd in a process of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{
    beside,
    person::{Person, full, whole},
};

/// Set in the environment of the crowd's process.
const ROLE: &str = "SPORTELLO_BENCH_UPLOADERS";
/// A report of two pages.
const DOCUMENT: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/corpus/clinic/documents/it-ospedale-due-pagine.pdf"
));
/// One person looks so often whether the analysis has ended, and fifty together no more often than ten: what is measured is
/// not the looking. It is part of what an analysis takes.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKERS_MAX: u32 = 10;

/// Uploads a document, one of `people` who do; from then until its analysis has ended.
pub(crate) async fn upload_and_wait(person: &Person, path: &str, people: usize) -> anyhow::Result<Duration> {
    const BEGIN: &str = "--XX\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nlab_report\r\n--XX\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"referto.pdf\"\r\nContent-Type: application/pdf\r\n\r\n";
    let look_every = LOOK_EVERY * (people as u32).div_ceil(LOOKERS_MAX);
    let form = [BEGIN.as_bytes(), DOCUMENT, b"\r\n--XX--\r\n"].concat();
    let headers = [
        ("content-type", "multipart/form-data; boundary=XX".to_owned()),
        ("content-length", form.len().to_string()),
    ];
    let began = Instant::now();
    let form = bytes::Bytes::from(form);
    let sent = loop {
        let path = format!("{path}/documents");
        let sent = person.ask(Method::POST, &path, &headers, full(form.clone())).await?;
        if sent.status() != StatusCode::SERVICE_UNAVAILABLE {
            break sent;
        }
        // There is no place at the moment: as a client does, again, and the time is part of what it takes.
        whole(sent, 503).await?;
        tokio::time::sleep(look_every).await;
    };
    let sent: serde_json::Value = serde_json::from_slice(&whole(sent, 202).await?)?;
    let document = format!("{path}/documents/{}", sent["document"]["id"].as_str().context("no id")?);
    loop {
        let answer = person.ask(Method::GET, &document, &[], full(bytes::Bytes::new())).await?;
        let answer: serde_json::Value = serde_json::from_slice(&whole(answer, 200).await?)?;
        match answer["status"].as_str() {
            Some("completed") => return Ok(began.elapsed()),
            Some("failed") => anyhow::bail!("it failed: {}", answer["failure"]),
            _ => tokio::time::sleep(look_every).await,
        }
    }
}

/// Patients, each in turn: no record grows beyond what records are, and nobody waits for another's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Patients {
    /// Their paths.
    paths: Arc<[String]>,
    #[serde(skip)]
    turn: Arc<AtomicU64>,
}

impl Patients {
    pub(crate) fn new(paths: Vec<String>) -> Self {
        Self { paths: paths.into(), turn: Arc::default() }
    }

    pub(crate) fn next(&self) -> &str {
        &self.paths[self.turn.fetch_add(1, Relaxed) as usize % self.paths.len()]
    }
}

/// A crowd.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Uploaders {
    pub(crate) person: Person,
    pub(crate) patients: Patients,
    pub(crate) people: usize,
}

impl Uploaders {
    /// In a process of its own.
    pub(crate) fn start(&self) -> anyhow::Result<beside::Beside> {
        beside::Beside::start(ROLE, self)
    }
}

/// Uploads if this process was started for it; returns whether it was. It says how many analyses a second there were.
pub(crate) fn take_over() -> anyhow::Result<bool> {
    beside::take_over(ROLE, |crowd: Uploaders| async move {
        let (total, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let mut uploading = JoinSet::new();
        for _ in 0..crowd.people {
            let (crowd, total) = (crowd.clone(), total.clone());
            uploading.spawn(async move {
                loop {
                    if let Err(error) =
                        upload_and_wait(&crowd.person, crowd.patients.next(), crowd.people).await
                    {
                        return error;
                    }
                    total.fetch_add(1, Relaxed);
                }
            });
        }
        tokio::select! {
            told = beside::told_to_end() => told?,
            Some(ended) = uploading.join_next() => return Err(ended?),
        }
        Ok(total.load(Relaxed) as f64 / began.elapsed().as_secs_f64())
    })
}
