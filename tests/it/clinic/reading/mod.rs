//! From a file to its text: what is read, what is refused, and what a worker can do to us.

mod confined;
mod corpus;
mod figures;
mod hostile;
mod pdf;
mod scans;
mod turned;
mod untrue;

use std::{path::PathBuf, time::Duration};

use sportello::clinic::reading::{Document, Limits, ReadError, Reader, Refusal, parent::Tesseract};

/// Enough for a document, little for a bomb.
const LIMITS: Limits = Limits {
    file_bytes: 50 << 20,
    pages: 200,
    pictures: 3,
    memory_bytes: 384 << 20,
    processor: Duration::from_secs(4),
    deadline: Duration::from_secs(60),
};

/// A program that knows `read-document`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_sportello");

fn reader(tesseract: Tesseract) -> Reader {
    Reader::new(PROGRAM.into(), LIMITS, tesseract, 2)
}

async fn read(bytes: &[u8]) -> Result<Document, Refusal> {
    outcome(reader(Tesseract::Off).read(bytes).await)
}

/// What came of it; that no worker could be started is no outcome.
fn outcome(result: Result<Document, ReadError>) -> Result<Document, Refusal> {
    match result {
        Ok(document) => Ok(document),
        Err(ReadError::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{error}"),
    }
}

/// The documents that were made for tests.
fn corpus(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/clinic").join(folder)
}

/// Files of the corpus whose names end so, by name.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(corpus(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder}/*{ending}");
    files
}
