//! What the rest of the program knows: a file goes in, a document comes out.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufRead, AsyncRead},
    sync::Semaphore,
    time::Instant,
};

use super::{
    checked::Bounds,
    lines,
    ocr::{Ocr, Tesseract},
    process::{ReadError, Starter},
    turned,
};
use crate::{
    clinic::reading::{
        document::{Blank, Document, Origin, Page},
        frames::{Confinement, Frame, Picture},
        order::{Limits, Order},
        refusal::Refusal,
    },
    config::sections::Clinic,
};

/// What is read to see whether reading works.
const SAMPLE: &str = "FSH";
const SAMPLE_TEXT: &str = "FSH 7.2\n";
const SAMPLE_PICTURE: &[u8] = include_bytes!("sample.png");
const SAMPLE_PIXELS: (u32, u32) = (321, 121);
const PROBE_DEADLINE: Duration = Duration::from_secs(10);

/// A page of a file that is being read: its text has come, or its picture, which is read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageReached {
    /// From 1.
    pub page: u32,
    /// Of how many, if the file says so.
    pub of: Option<u32>,
}

/// Is told of each page, once and in order.
type Watch<'w> = &'w (dyn Fn(PageReached) + Send + Sync);

/// Reads documents, a bounded number at once.
#[derive(Debug, Clone)]
pub struct Reader {
    starter: Starter,
    limits: Limits,
    tesseract: Tesseract,
    places: Arc<Semaphore>,
}

impl Reader {
    /// `program` knows `read-document`: this program itself, as [`Reader::own_program`] finds it.
    pub fn new(program: PathBuf, limits: Limits, tesseract: Tesseract, at_once: usize) -> Self {
        Self {
            starter: Starter { program },
            limits,
            tesseract,
            places: Arc::new(Semaphore::new(at_once.max(1))),
        }
    }

    /// As it is configured.
    pub fn configured(config: &Clinic) -> Self {
        let program = config.reading_program.as_deref().map_or_else(Self::own_program, PathBuf::from);
        let limits = Limits {
            file_bytes: config.document_bytes.0 as u64,
            pages: config.reading_pages,
            pictures: config.reading_pictures,
            memory_bytes: config.reading_memory.0 as u64,
            processor: config.reading_processor.0,
            deadline: config.reading_deadline.0,
        };
        let tesseract = match config.tesseract.as_deref() {
            None => Tesseract::Installed,
            Some("off") => Tesseract::Off,
            Some(path) => Tesseract::At(path.into()),
        };
        Self::new(program, limits, tesseract, config.reading_at_once)
    }

    /// Whether workers can be started, and read. Not one of those who take turns: behind a queue of documents it would seem to
    /// hang.
    pub async fn probe(&self) -> Result<(), String> {
        let read = self.read_now(SAMPLE_TEXT.as_bytes(), &|_| ()).await.map_err(|error| error.to_string())?;
        if read.text().contains(SAMPLE) { Ok(()) } else { Err("a worker reads what is not there".to_owned()) }
    }

    /// Whether pictures are read here at all.
    pub fn reads_pictures(&self) -> bool {
        self.tesseract.is_wanted()
    }

    /// Whether tesseract is there and reads a picture that can be read.
    pub async fn probe_tesseract(&self) -> Result<(), String> {
        let program = self.tesseract.find().ok_or("there is no such program")?;
        let limits = Limits { deadline: PROBE_DEADLINE, ..self.limits };
        let ocr = Ocr::new(&self.starter, program, &limits, Instant::now() + limits.deadline);
        let (width, height) = SAMPLE_PIXELS;
        let picture = Picture {
            number: 1,
            width: width as f32,
            height: height as f32,
            pixels: SAMPLE_PIXELS,
            turned: 0.0,
            bytes: SAMPLE_PICTURE.len(),
            again_bytes: 0,
        };
        let page = ocr.read(&picture, SAMPLE_PICTURE).await.map_err(|error| error.to_string())?;
        if page.text.contains(SAMPLE) { Ok(()) } else { Err("it reads what is not there".to_owned()) }
    }

    /// This program as it runs, also after its file was replaced by a newer one.
    pub fn own_program() -> PathBuf {
        let running = PathBuf::from("/proc/self/exe");
        if running.exists() {
            running
        } else {
            std::env::current_exe().unwrap_or_else(|_| "sportello".into())
        }
    }

    /// Reads a file. Whoever stops waiting ends the processes that were started for it.
    pub async fn read(&self, file: impl AsyncRead + Unpin + Send) -> Result<Document, ReadError> {
        self.read_watched(file, &|_| ()).await
    }

    /// The same, telling of each page.
    pub async fn read_watched(
        &self,
        file: impl AsyncRead + Unpin + Send,
        watch: Watch<'_>,
    ) -> Result<Document, ReadError> {
        let Ok(_place) = self.places.acquire().await else {
            return Err(ReadError::NoWorker(std::io::Error::other("the reader is closed")));
        };
        self.read_now(file, watch).await
    }

    /// The same without waiting for a place.
    async fn read_now(
        &self,
        file: impl AsyncRead + Unpin + Send,
        watch: Watch<'_>,
    ) -> Result<Document, ReadError> {
        let deadline = Instant::now() + self.limits.deadline;
        let ocr =
            self.tesseract.find().map(|program| Ocr::new(&self.starter, program, &self.limits, deadline));
        let order = Order::Read { limits: self.limits, pictures: ocr.is_some() };
        let listen = |output| Listener { bounds: Bounds::new(&self.limits), ocr, watch }.listen(output);
        self.starter.run(&order, &[], file, deadline, listen).await
    }
}

struct Listener<'r> {
    bounds: Bounds,
    ocr: Option<Ocr<'r>>,
    watch: Watch<'r>,
}

impl Listener<'_> {
    /// `None`: it ended before it had said all.
    async fn listen(
        mut self,
        mut output: impl AsyncBufRead + Unpin + Send,
    ) -> Result<Option<Document>, ReadError> {
        let mut pages = Vec::new();
        let mut is_first = true;
        while let Some(line) = lines::line(&mut output).await? {
            let frame = serde_json::from_slice(&line).map_err(|_| Refusal::Misbehaved)?;
            drop(line);
            match frame {
                Frame::Confined(confinement) if is_first => report(confinement),
                Frame::Pages { count } if !is_first => self.bounds.promise(count)?,
                Frame::Page(text) if !is_first => {
                    let page = self.bounds.page(text)?;
                    self.tell(page.number);
                    pages.push(page);
                }
                Frame::Picture(picture) if !is_first && self.ocr.is_some() => {
                    self.bounds.picture(&picture)?;
                    self.tell(picture.number);
                    let Some(png) = lines::exactly(&mut output, picture.bytes).await else { return Ok(None) };
                    let mut page = self.look_at(&picture, &png).await?;
                    let upright = self.upright(&picture, &page, png).await?;
                    let again = lines::exactly(&mut output, picture.again_bytes).await;
                    let Some(again) = again else { return Ok(None) };
                    if let Some(upright) = upright {
                        page = upright;
                    } else if matches!(page.origin, Origin::Picture { .. }) {
                        page.again = self.look_again(&picture, &again).await?;
                    }
                    pages.push(self.bounds.content(page)?);
                }
                Frame::Refused { refusal } => return Err(refusal.into()),
                Frame::End { pages: sent } if self.bounds.are_all(sent) => {
                    return Ok(Some(Document { pages }));
                }
                _ => return Err(Refusal::Misbehaved.into()),
            }
            is_first = false;
        }
        Ok(None)
    }

    fn tell(&self, page: u32) {
        (self.watch)(PageReached { page, of: self.bounds.promised() });
    }

    async fn look_at(&self, picture: &Picture, png: &[u8]) -> Result<Page, ReadError> {
        let Some(ocr) = &self.ocr else { return Err(Refusal::Misbehaved.into()) };
        let (number, width, height) = (picture.number, picture.width, picture.height);
        let blank = |blank| Page {
            number,
            width,
            height,
            origin: Origin::Blank(blank),
            text: String::new(),
            words: Vec::new(),
            again: None,
        };
        match ocr.read(picture, png).await {
            Ok(page) => Ok(page),
            // The time of all of the file is up, or there is no time for another try.
            Err(_) if Instant::now() >= ocr.deadline() => Err(Refusal::TooSlow.into()),
            Err(error) => {
                tracing::warn!(%error, page = number, "a picture of a page could not be read");
                Ok(blank(Blank::OcrFailed))
            }
        }
    }

    /// The page read upright, both times; `None` if it was read as it stands, or how it stands is not to be found out here.
    async fn upright(&self, picture: &Picture, page: &Page, png: Vec<u8>) -> Result<Option<Page>, ReadError> {
        let Some(ocr) = self.ocr.as_ref().filter(|_| turned::is_doubtful(page)) else { return Ok(None) };
        match turned::upright(ocr, picture, page, png).await {
            Ok(upright) => Ok(upright),
            Err(_) if Instant::now() >= ocr.deadline() => Err(Refusal::TooSlow.into()),
            // An empty page ends here, and every doubtful one where the model for this is not installed.
            Err(error) => {
                tracing::debug!(%error, page = picture.number, "how a page stands could not be found out");
                Ok(None)
            }
        }
    }

    /// `None`: there is nothing to hold the first reading against.
    async fn look_again(&self, picture: &Picture, png: &[u8]) -> Result<Option<String>, ReadError> {
        let Some(ocr) = &self.ocr else { return Err(Refusal::Misbehaved.into()) };
        match ocr.read_again(picture, png).await {
            Ok(text) => Ok(Some(text)),
            Err(_) if Instant::now() >= ocr.deadline() => Err(Refusal::TooSlow.into()),
            Err(error) => {
                tracing::warn!(%error, page = picture.number, "a picture of a page could not be read again");
                Ok(None)
            }
        }
    }
}

fn report(confinement: Confinement) {
    if !(confinement.files && confinement.calls) {
        tracing::warn!(
            files = confinement.files,
            calls = confinement.calls,
            "the kernel confines workers only in part: of Landlock (files) and seccomp (calls) one is missing"
        );
    }
}
