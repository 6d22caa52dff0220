//! A picture of a page, read by tesseract: a process of its own, confined like a worker, because it decodes a picture that
//! some worker made of a file that is not trusted.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    lines,
    process::{ReadError, Starter},
    table,
};
use crate::clinic::reading::{
    document::Page,
    frames::Picture,
    order::{Limits, Order},
};

/// Bytes of its table: some thousand words, each with a dozen numbers.
const TABLE_BYTES_MAX: usize = 8 << 20;
/// It maps its models and libraries beside what the picture takes.
const MODELS_BYTES: u64 = 512 << 20;
/// Both languages of our documents.
const LANGUAGES: &str = "ita+eng";

/// Which tesseract reads pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tesseract {
    /// The one that is installed, if one is.
    Installed,
    /// The one at this path, if it is there.
    At(PathBuf),
    /// None.
    Off,
}

impl Tesseract {
    /// Whether one has to be there: it is named, or it is installed.
    pub fn is_wanted(&self) -> bool {
        match self {
            Self::Off => false,
            Self::At(_) => true,
            Self::Installed => self.find().is_some(),
        }
    }

    /// Where it is now: it may be installed or removed while we run.
    pub fn find(&self) -> Option<PathBuf> {
        match self {
            Self::Off => None,
            Self::At(path) => is_program(path).then(|| path.clone()),
            Self::Installed => {
                let path = std::env::var_os("PATH")?;
                std::env::split_paths(&path)
                    .filter(|folder| folder.is_absolute())
                    .map(|folder| folder.join("tesseract"))
                    .find(|program| is_program(program))
            }
        }
    }
}

fn is_program(path: &Path) -> bool {
    path.is_absolute() && path.is_file()
}

/// Reads the pictures of one file.
#[derive(Debug)]
pub(super) struct Ocr<'r> {
    starter: &'r Starter,
    program: PathBuf,
    memory_bytes: u64,
    processor: Duration,
    deadline: Instant,
}

impl<'r> Ocr<'r> {
    pub(super) fn new(starter: &'r Starter, program: PathBuf, limits: &Limits, deadline: Instant) -> Self {
        let memory_bytes = limits.memory_bytes.saturating_add(MODELS_BYTES);
        Self { starter, program, memory_bytes, processor: limits.processor, deadline }
    }

    /// By when all of the file has to be read.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// One page. A block of text (`--psm 6`) keeps rows of tables together, where tesseract's own idea of columns reads one
    /// after the other.
    pub(super) async fn read(&self, picture: &Picture, png: Vec<u8>) -> Result<Page, ReadError> {
        self.listen("6", &png, |table| table::page(picture, table)).await
    }

    /// Its text once more: from another picture of it, taken apart in another way (a column of lines, `--psm 4`), so that it is
    /// not misread in the same way.
    pub(super) async fn read_again(&self, picture: &Picture, png: Vec<u8>) -> Result<String, ReadError> {
        self.listen("4", &png, |table| table::again(picture, table)).await
    }

    async fn listen<T>(
        &self,
        segmentation: &str,
        png: &[u8],
        take: impl FnOnce(&[u8]) -> Option<T> + Send,
    ) -> Result<T, ReadError> {
        let program = self.program.display().to_string();
        let arguments = ["stdin", "stdout", "-l", LANGUAGES, "--psm", segmentation, "--dpi", "300", "tsv"];
        let command = std::iter::once(program).chain(arguments.map(str::to_owned)).collect();
        let order = Order::Become { memory_bytes: self.memory_bytes, processor: self.processor, command };
        // One thread: how many pages are read at once is ours to say.
        let variables = [("OMP_THREAD_LIMIT", "1")];
        // Time that does not pass while it waits is the kernel's to count; this is for what hangs.
        let deadline = self.deadline.min(Instant::now() + 2 * self.processor);
        let listen = |output| async {
            let table = lines::all(output, TABLE_BYTES_MAX).await?;
            // It writes the head of its table first: a table without one was never begun.
            Ok(take(&table))
        };
        self.starter.run(&order, &variables, png, deadline, listen).await
    }
}
