//! A picture of a page, read by tesseract: a process of its own, confined like a worker, because it decodes a picture that
//! some worker made of a file that is not trusted.

use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::{
    lines,
    process::{ReadError, Starter},
    table,
};
use crate::clinic::reading::{
    document::Page,
    frames::Picture,
    order::{Limits, Order, QuarterTurn},
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
    pub(super) starter: &'r Starter,
    program: PathBuf,
    pub(super) limits: Limits,
    deadline: Instant,
}

impl<'r> Ocr<'r> {
    pub(super) fn new(starter: &'r Starter, program: PathBuf, limits: &Limits, deadline: Instant) -> Self {
        Self { starter, program, limits: *limits, deadline }
    }

    /// By when all of the file has to be read.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// One page. A block of text (`--psm 6`) keeps rows of tables together, where tesseract's own idea of columns reads one
    /// after the other.
    pub(super) async fn read(&self, picture: &Picture, png: &[u8]) -> Result<Page, ReadError> {
        self.listen(table_of("6"), png, |table| table::page(picture, table)).await
    }

    /// Its text once more: from another picture of it, taken apart in another way (a column of lines, `--psm 4`), so that it is
    /// not misread in the same way.
    pub(super) async fn read_again(&self, picture: &Picture, png: &[u8]) -> Result<String, ReadError> {
        self.listen(table_of("4"), png, |table| table::again(picture, table)).await
    }

    /// How a page has to be turned to stand upright; `None` if it does. An error, too, if there is too little on it to tell, or
    /// the model for that (`osd`) is not installed.
    pub(super) async fn turn_wanted(&self, png: &[u8]) -> Result<Option<QuarterTurn>, ReadError> {
        let arguments = ["stdin", "stdout", "-l", "osd", "--psm", "0", "--dpi", "300"];
        self.listen(arguments.to_vec(), png, degrees_said).await.map(QuarterTurn::of_degrees)
    }

    /// By when one that has just been begun has to be done: time that does not pass while it waits is the kernel's to count;
    /// this is for what hangs.
    pub(super) fn deadline_of_one(&self) -> Instant {
        self.deadline.min(Instant::now() + 2 * self.limits.processor)
    }

    async fn listen<T>(
        &self,
        arguments: Vec<&str>,
        png: &[u8],
        take: impl FnOnce(&[u8]) -> Option<T> + Send,
    ) -> Result<T, ReadError> {
        let program = self.program.display().to_string();
        let command = std::iter::once(program).chain(arguments.into_iter().map(str::to_owned)).collect();
        let memory_bytes = self.limits.memory_bytes.saturating_add(MODELS_BYTES);
        let order = Order::Become { memory_bytes, processor: self.limits.processor, command };
        // One thread: how many pages are read at once is ours to say.
        let variables = [("OMP_THREAD_LIMIT", "1")];
        let deadline = self.deadline_of_one();
        let listen = |output| async {
            let table = lines::all(output, TABLE_BYTES_MAX).await?;
            // It writes the head of its table first: a table without one was never begun.
            Ok(take(&table))
        };
        self.starter.run(&order, &variables, png, deadline, listen).await
    }
}

/// What makes it write the table of a page that is taken apart so.
fn table_of(segmentation: &str) -> Vec<&str> {
    vec!["stdin", "stdout", "-l", LANGUAGES, "--psm", segmentation, "--dpi", "300", "tsv"]
}

/// From what it says of a page's orientation, a line each: by how many degrees it is to be turned clockwise. `None` if it says
/// nothing that can be.
fn degrees_said(said: &[u8]) -> Option<u32> {
    let said = std::str::from_utf8(said).ok()?;
    let degrees = said.lines().find_map(|line| line.strip_prefix("Rotate:"))?.trim().parse().ok()?;
    matches!(degrees, 0 | 90 | 180 | 270).then_some(degrees)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_of_orientation_is_taken_only_if_it_can_be() {
        let said = |turn: &str| {
            degrees_said(format!("Page number: 0\nOrientation in degrees: 90\nRotate: {turn}\n").as_bytes())
        };
        assert_eq!([said("0"), said("90"), said("270")], [Some(0), Some(90), Some(270)]);
        assert_eq!([said("45"), said("-90"), degrees_said(b""), degrees_said(b"\xff")], [None; 4]);
    }
}
