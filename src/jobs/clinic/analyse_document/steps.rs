//! The steps of an analysis, each with its checkpoint.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use jiff::civil::Date;
use tokio_util::io::StreamReader;

use super::{AnalyseDocument, Halt};
use crate::{
    audit::{self, Entry, Who},
    clinic::{
        analysis::{
            findings,
            graded::{self, Grading},
            read::{self, Read},
            result::{self, Found},
            state,
        },
        documents::{
            Finding, PatientDocument, Step, arrival, content, list,
            pages::{self, PageText},
        },
        laboratory::identity::Person,
        patients::entries::{self, Refused},
        reading::{Blank, Document, Origin, PageReached, ReadError},
        scores,
    },
    db::Tx,
    documents::{
        check::{CheckError, Kind, Texts},
        publish,
    },
    jobs::{
        Dependency, JobContext, Outage,
        clinic::{
            analyse_document::Halt::{Failed, Gone, Later},
            summary_changed,
        },
        documents::{
            RemoveObjects,
            arrived::{self, SCANNER_PAUSE, Scan},
        },
    },
    notary::time::today,
};

impl From<Refused> for Halt {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Db(error) => Self::Error(error.into()),
            refused => Failed(refused.code().into()),
        }
    }
}

/// Whether files of this kind are read: PDF, pictures, text.
const fn is_read(kind: Kind) -> bool {
    matches!(kind, Kind::Pdf | Kind::Jpeg | Kind::Png | Kind::Tiff) || kind.is_text()
}

/// Where reading begins and ends, in percent: of a scan it is nearly all of the time.
const READING: Range<f32> = 10.0..85.0;

/// How far an analysis is when this page is reached. Of files that do not say how many pages they have, `most` could come.
fn percent(reached: PageReached, most: u32) -> f32 {
    let of = reached.of.unwrap_or(most).max(reached.page).max(1);
    let done = reached.page.saturating_sub(1) as f32 / of as f32;
    READING.start + done * (READING.end - READING.start)
}

/// What follows from a text, and nothing else.
struct Understood {
    read: Read,
    gradings: Vec<Grading>,
    findings: Vec<Finding>,
}

impl Understood {
    fn of(pages: Vec<PageText>, whose: (&Person, bool), uploaded_on: Date) -> Self {
        let read = read::read(pages, whose, uploaded_on);
        let gradings = graded::of(&read);
        let findings = findings::of(&read, &gradings);
        Self { read, gradings, findings }
    }
}

/// A mistake of ours in taking a text apart is an error like others, after which the document says that it has failed. What a panic
/// says is left out: it quotes the text.
fn calmly<T>(work: impl FnOnce() -> T) -> anyhow::Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| anyhow::anyhow!("what follows from a text has panicked"))
}

impl AnalyseDocument {
    /// All of them.
    pub(super) async fn steps(&self, ctx: &JobContext, document: PatientDocument) -> Result<(), Halt> {
        let document = self.stored(ctx, document).await?;
        let pages = self.text(ctx, &document).await?;
        let text_from = read::text_from(&pages);
        let person = self.person(ctx, &document).await?;
        let (uploaded_on, is_confirmed) = (today(document.created_at), document.confirmed_at.is_some());
        let understand = move || Understood::of(pages, (&person, is_confirmed), uploaded_on);
        let understood = ctx.blocking(move |_| calmly(understand)).await?;
        let Understood { read, gradings, findings } = understood;
        let count = serde_json::json!({ "values": read.values.len(), "unread": read.unread.len() });
        self.pass(ctx, Step::Values, &count).await?;
        self.pass(ctx, Step::Domains, &read.domains()).await?;
        self.pass(ctx, Step::Findings, &findings.len()).await?;
        let found = Found { read: &read, gradings: &gradings, findings: &findings, text_from };
        self.end(ctx, &document, &found).await
    }

    /// For those who watch.
    fn say(&self, ctx: &JobContext, percent: f32, step: Step) {
        let data = serde_json::json!({ "document": self.document, "step": step });
        ctx.attempt().progress(percent, step.as_str(), Some(data));
    }

    /// The same of each page of a document that has several. It costs nothing: of what is said within a moment the newest is told.
    fn say_page(&self, ctx: &JobContext, reached: PageReached) {
        let (page, of) = (reached.page, reached.of);
        if of == Some(1) {
            return;
        }
        let note = of.map_or_else(|| format!("page {page}"), |of| format!("page {page} of {of}"));
        let step = Step::Text;
        let data = serde_json::json!({ "document": self.document, "step": step, "page": page, "pages": of });
        ctx.attempt().progress(percent(reached, ctx.config.clinic.reading_pages), note, Some(data));
    }

    /// A step is done, in the transaction of what it has made.
    async fn passed(
        &self,
        ctx: &JobContext,
        tx: &mut Tx,
        step: Step,
        value: &impl serde::Serialize,
    ) -> Result<(), Halt> {
        if !state::passed(tx, (self.document, self.run), Some(step), ctx.clock.now()).await? {
            return Err(Gone);
        }
        Ok(ctx.step_in(tx, step.as_str(), value).await?)
    }

    /// The same for a step that has made nothing but itself; one that was done before is not done again.
    async fn pass(&self, ctx: &JobContext, step: Step, value: &impl serde::Serialize) -> Result<(), Halt> {
        let percent = match step {
            Step::Type | Step::Text => READING.end,
            Step::Values => 90.0,
            Step::Domains => 93.0,
            Step::Findings => 96.0,
        };
        let mut tx = ctx.db.begin("clinic.pass_step").await?;
        if ctx.step_value::<serde_json::Value>(&mut tx, step.as_str()).await?.is_none() {
            self.passed(ctx, &mut tx, step, value).await?;
        }
        tx.commit().await?;
        self.say(ctx, percent, step);
        Ok(())
    }

    /// The file is checked, scanned and stored; the checkpoint is the row that names it.
    async fn stored(&self, ctx: &JobContext, document: PatientDocument) -> Result<PatientDocument, Halt> {
        if document.document_id.is_some() {
            return Ok(document);
        }
        self.say(ctx, 5.0, Step::Type);
        let Some(id) = self.upload else { return Err(Failed("no_content".into())) };
        let upload = publish::complete(&ctx.db, id).await?;
        let upload = upload.ok_or(Failed("no_content".into()))?;
        let kind = match arrived::checked(ctx, &upload, Texts::Legacy).await {
            Ok(kind) if is_read(kind) => kind,
            Ok(_) => return Err(Failed("wrong_type".into())),
            Err(CheckError::Refused(refusal)) => return Err(Failed(refusal.code)),
            Err(CheckError::Io(error)) => return Err(anyhow::Error::from(error).into()),
        };
        let scanned_by = match arrived::scan(ctx, &upload).await? {
            Scan::Passed(by) => by,
            Scan::Refused(refusal) => return Err(Failed(refusal.code)),
            Scan::Later => return Err(Later(SCANNER_PAUSE)),
        };
        let stored = arrived::store(ctx, &upload, kind, scanned_by).await?;
        let now = ctx.clock.now();
        let mut tx = ctx.db.begin("clinic.store_document").await?;
        let published = async {
            let patient = entries::still_kept(&mut tx, document.patient_id).await?;
            if !arrival::publish(&mut tx, self.document, (&upload, &stored), now).await? {
                return Err(Gone);
            }
            self.passed(ctx, &mut tx, Step::Type, &kind.media_type()).await?;
            let published = list::of_analysis(&mut tx, self.document).await?;
            Ok((published.ok_or(Gone)?, patient.archived_at.is_some()))
        };
        match published.await {
            Ok((published, is_archived)) => {
                ctx.jobs.enqueue(&mut tx, &RemoveObjects::of_upload(id)).await?;
                tx.commit().await?;
                // It was accepted before, and is kept; read it is when the record is open again and somebody asks for it.
                if is_archived { Err(Refused::Archived.into()) } else { Ok(published) }
            }
            Err(halt) => {
                tx.rollback().await?;
                ctx.storage.delete(&stored.object).await?;
                Err(halt)
            }
        }
    }

    /// The text of its pages; the checkpoint is that text.
    async fn text(&self, ctx: &JobContext, document: &PatientDocument) -> Result<Vec<PageText>, Halt> {
        let run = (self.document, self.run);
        let mut tx = ctx.db.begin("clinic.known_pages").await?;
        let known = pages::of_run(&mut tx, run).await?;
        tx.commit().await?;
        let pages = if let Some(pages) = known {
            pages
        } else {
            self.say(ctx, READING.start, Step::Text);
            let pages = PageText::of(self.read(ctx, document).await?);
            let now = ctx.clock.now();
            let mut tx = ctx.db.begin("clinic.keep_pages").await?;
            // It took its time: the patient may be nobody any more, or not want it.
            entries::still_admitted(&mut tx, document.patient_id, now).await?;
            pages::keep(&mut tx, run, &pages, now).await?;
            self.passed(ctx, &mut tx, Step::Text, &pages.len()).await?;
            tx.commit().await?;
            pages
        };
        match PageText::document(pages.clone()).blank() {
            Some(Blank::NoOcr) => Err(Failed("no_ocr".into())),
            Some(Blank::OcrFailed) => Err(Failed("ocr_failed".into())),
            Some(_) => Err(Failed("no_text".into())),
            None => Ok(pages),
        }
    }

    /// Has the file read by another process.
    async fn read(&self, ctx: &JobContext, document: &PatientDocument) -> Result<Document, Halt> {
        let file = document.document_id.ok_or(Gone)?;
        let content = content::of(&ctx.db, file).await?.ok_or(Gone)?;
        let bytes = ctx.contents.open(&content, 0..content.version.bytes.unsigned_abs()).await?;
        let file = StreamReader::new(Box::pin(bytes.into_stream()));
        let outcome = ctx.reader.read_watched(file, &|turn| self.say_page(ctx, turn)).await;
        let is_first = ctx.attempt().number == 1;
        let read = match outcome {
            Ok(read) => read,
            // A machine with less to do might read it.
            Err(ReadError::Refused(refusal)) if refusal.is_of_the_moment() && is_first => {
                return Err(anyhow::Error::from(refusal).into());
            }
            Err(ReadError::Refused(refusal)) => return Err(Failed(refusal.name().into())),
            Err(ReadError::Source(error)) => return Err(anyhow::Error::from(error).into()),
            Err(ReadError::NoWorker(error)) => {
                let outage = Outage { dependency: Dependency::Reader, why: error.to_string() };
                return Err(anyhow::Error::from(outage).into());
            }
        };
        match self.blames_tesseract(ctx, &read).await {
            Some(halt) => Err(halt),
            None => Ok(read),
        }
    }

    /// Pictures were not read that should have been: if that is so of a picture that can be read, too, the document waits.
    async fn blames_tesseract(&self, ctx: &JobContext, read: &Document) -> Option<Halt> {
        let is_wanted = ctx.reader.reads_pictures();
        let failed = read.pages.iter().find(|page| match page.origin {
            Origin::Blank(Blank::OcrFailed) => true,
            Origin::Blank(Blank::NoOcr) => is_wanted,
            _ => false,
        })?;
        let why = format!("page {} of a document could not be read", failed.number);
        ctx.breakers.accuse(Dependency::Tesseract, &why).await.map(Later)
    }

    async fn person(&self, ctx: &JobContext, document: &PatientDocument) -> Result<Person, Halt> {
        let mut tx = ctx.db.begin("clinic.person_of_document").await?;
        let patient = entries::still_admitted(&mut tx, document.patient_id, ctx.clock.now()).await?;
        tx.commit().await?;
        Ok(patient.content.person())
    }

    /// All that was found is written down, with the end of the job.
    async fn end(&self, ctx: &JobContext, document: &PatientDocument, found: &Found<'_>) -> Result<(), Halt> {
        let now = ctx.clock.now();
        let mut tx = ctx.db.begin("clinic.end_of_analysis").await?;
        let patient = entries::still_admitted(&mut tx, document.patient_id, now).await?;
        let written = result::write(&mut tx, (&patient, document), found, now).await?;
        let values = written.ok_or(Gone)?;
        scores::changed(&mut tx, &ctx.jobs, patient.id).await?;
        let action = "patient_document.analyse";
        let mut entry = Entry::new(now, Who::System, action, "patient", patient.id);
        entry.details = serde_json::json!({ "document": self.document, "run": self.run, "values": values });
        audit::record(&mut tx, &[entry]).await?;
        let answer = serde_json::json!({
            "status": "completed",
            "document": format!("/api/v1/clinic/patients/{}/documents/{}", patient.id, self.document),
            "values": values,
        });
        ctx.attempt().answer(&answer).context("the answer is small")?;
        summary_changed(&mut tx, (&ctx.jobs, &ctx.config.clinic), now).await?;
        ctx.finish(&mut tx).await.map_err(anyhow::Error::from)?;
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{PageReached, calmly, percent};

    #[test]
    fn pages_bring_an_analysis_forward_and_never_to_its_end() {
        let told = |of| (1..=12).map(move |page| percent(PageReached { page, of }, 200));
        for of in [Some(12), None, Some(0)] {
            assert!(told(of).is_sorted_by(|before, after| before <= after), "{of:?}");
            assert!(told(of).all(|it| (10.0..85.0).contains(&it)), "{of:?}");
        }
        assert!((percent(PageReached { page: 7, of: Some(12) }, 200) - 47.5).abs() < 0.01);
    }

    #[test]
    fn a_panic_is_an_error_that_quotes_nothing() {
        assert_eq!(calmly(|| 7).unwrap(), 7);
        let text = "FSH 7,2 mUI/mL";
        let error = calmly(|| text.get(..3).filter(|it| *it != "FSH").expect(text).len()).unwrap_err();
        assert!(!format!("{error:?}").contains("7,2"), "{error:?}");
    }
}
