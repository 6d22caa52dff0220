//! What is known of a document.

use jiff::{Timestamp, civil::Date};
use postgres_types::Json;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::{
    clinic::rules::sentences::Sentence,
    ids::{ClinicId, DocumentId, PatientDocumentId, PatientId, UploadId, UserId},
    jobs::JobId,
};

stored! {
    /// What a document is about, as whoever uploads it says.
    Kind as PatientDocumentKind {
        /// Of a laboratory.
        LabReport = "lab_report",
        /// An ultrasound.
        UltrasoundImage = "ultrasound_image",
        /// Under the microscope.
        MicroscopyImage = "microscopy_image",
        /// A physician's.
        MedicalReport = "medical_report",
        /// What is to be taken.
        Prescription = "prescription",
        /// Written down while talking.
        ConsultationNotes = "consultation_notes",
        /// Of an operation.
        SurgicalReport = "surgical_report",
        /// X-rays and the like.
        ImagingStudy = "imaging_study",
        /// Of tissue.
        PathologyReport = "pathology_report",
        /// Hormones.
        HormonePanel = "hormone_panel",
    }
}

stored! {
    /// How far a document is.
    Status as PatientDocumentStatus {
        /// It has arrived.
        Pending = "pending",
        /// It is being read.
        Processing = "processing",
        /// What can be read was read.
        Completed = "completed",
        /// Nothing can be read; `failure` says why.
        Failed = "failed",
    }
}

stored! {
    /// A step of an analysis, each of which is done once.
    Step as PatientDocumentStep {
        /// What kind of file it is, whether it is whole and clean; it is stored.
        Type = "type",
        /// The text on its pages.
        Text = "text",
        /// Values in that text.
        Values = "values",
        /// What they speak of.
        Domains = "domains",
        /// What can be said of them.
        Findings = "findings",
    }
}

/// A word of ours by its stored name.
macro_rules! of_stored {
    ($($name:ident),+) => {$(
        impl $name {
            /// From its stored name.
            pub fn of(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == name)
            }
        }
    )+};
}
of_stored!(Kind, Status, Step);

/// Something that an analysis says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PatientDocumentFinding)]
pub struct Finding {
    /// What it says: a stable word, with its wordings.
    pub sentence: Sentence,
    /// Of which analyte.
    pub analyte: Option<String>,
    /// On which page.
    pub page: Option<u32>,
    /// In which line of it.
    pub line: Option<u32>,
}

/// Something that was named and is not among the values, or a page that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PatientDocumentUnread)]
pub struct Unread {
    /// What was named; `null`: the whole page.
    pub analyte: Option<String>,
    /// On which page.
    pub page: u32,
    /// In which line of it.
    pub line: Option<u32>,
    /// `no_value`, `unit`, `another_value`, `ambiguous` (decimals or thousands), `impossible` (beyond what can be),
    /// `another_person` (below the heading of the partner), `other_sex` (only the other sex has it: it belongs into the partner's
    /// record), `before_birth` (of a day before the patient was born), `uncorroborated` (two readings of a picture differ); of a
    /// page `no_ocr`, `ocr_failed`, `too_many_pictures`, `unreadable`, `too_much_text`.
    pub why: String,
}

/// A document of a patient.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PatientDocument {
    /// Its id.
    pub id: PatientDocumentId,
    /// The clinic.
    #[serde(skip)]
    #[schema(ignore)]
    pub clinic_id: ClinicId,
    /// Whose it is.
    pub patient_id: PatientId,
    /// In the shared store.
    #[serde(skip)]
    #[schema(ignore)]
    pub document_id: Option<DocumentId>,
    /// The file as it has arrived, as long as it is not in the store and may become something.
    #[serde(skip)]
    #[schema(ignore)]
    pub upload_id: Option<UploadId>,
    /// What it is about.
    pub kind: Kind,
    /// The file's name.
    pub name: String,
    /// What was written beside it.
    pub note: String,
    /// What kind of file it is, by its bytes; `null` before that is known.
    pub media_type: Option<String>,
    /// Its size.
    pub bytes: Option<i64>,
    /// How far it is.
    pub status: Status,
    /// Which analysis of it: 1, 2, 3 …
    pub run: i32,
    /// The background work: `/api/v1/tasks/{task_id}`, for who asked for it.
    #[schema(value_type = Option<String>)]
    pub task_id: Option<JobId>,
    /// The last step that is done.
    pub step: Option<Step>,
    /// Why nothing was read: a stable word. `interrupted`: the work was stopped, or died again and again; ask for
    /// another one. `no_content`: there is no file any more.
    pub failure: Option<String>,
    /// Its pages.
    pub page_count: Option<i32>,
    /// Where the text is from: `text`, `layer` (another program read the pictures), `picture` (read here), `none`.
    pub text_from: Option<String>,
    /// The day that it names itself.
    #[schema(value_type = Option<String>, format = Date)]
    pub reported_on: Option<Date>,
    /// Points of 100: how far what was read can be relied on. What they mean is said beside the details.
    pub confidence: Option<i16>,
    /// The domains of the fertility score of which it speaks.
    pub domains: Vec<String>,
    /// The method, with its version.
    pub method: Option<String>,
    /// Who uploaded it.
    pub uploaded_by: UserId,
    /// A page of it names somebody else, and nobody has confirmed that it is of the patient: its values do not count.
    pub names_another: bool,
    /// Who has confirmed that it is of the patient, though it names somebody else.
    pub confirmed_by: Option<UserId>,
    /// When that was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub confirmed_at: Option<Timestamp>,
    /// When it was analysed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub analysed_at: Option<Timestamp>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// The first document of the patient with the same file, byte by byte: its values are there twice. One of them is to be taken
    /// away.
    pub same_file_as: Option<PatientDocumentId>,
    /// Counts its changes; its ETag.
    pub version: i64,
    /// What was found; shown with the details.
    #[serde(skip)]
    #[schema(ignore)]
    pub findings: Vec<Finding>,
    /// What was named and not read; shown with the details.
    #[serde(skip)]
    #[schema(ignore)]
    pub unread: Vec<Unread>,
}

/// What a [`PatientDocument`] is read from: a row `d`, and that of its content `f`, if it is there.
macro_rules! patient_document_columns {
    () => {
        "d.id, d.clinic_id, d.patient_id, d.document_id, d.upload_id, d.kind, d.name, d.note, f.media_type, f.bytes, d.status, d.run, \
         d.job_id, d.step, d.failure, d.page_count, d.text_from, d.reported_on, d.confidence, d.domains, d.method, \
         d.uploaded_by, d.confirmed_by, d.confirmed_at, d.analysed_at, d.created_at, d.updated_at, d.version, d.findings, d.unread, \
         (SELECT o.id FROM patient_document AS o JOIN document_version AS g ON g.document_id = o.document_id AND g.number = 1 \
          WHERE o.patient_id = d.patient_id AND o.id < d.id AND g.sha256 = f.sha256 ORDER BY o.id LIMIT 1) AS same_file_as"
    };
}

/// Documents with their contents.
macro_rules! patient_documents {
    () => {
        " FROM patient_document AS d LEFT JOIN document_version AS f ON f.document_id = d.document_id AND f.number = 1 "
    };
}

impl PatientDocument {
    pub(in crate::clinic) fn from_row(row: &Row) -> Self {
        // What only a newer server knows is shown as the nearest that is known here.
        let status = Status::of(row.get("status")).unwrap_or(Status::Processing);
        let findings: Vec<Finding> = of_newer(row, "findings");
        Self {
            id: row.get("id"),
            clinic_id: row.get("clinic_id"),
            patient_id: row.get("patient_id"),
            document_id: row.get("document_id"),
            upload_id: row.get("upload_id"),
            kind: Kind::of(row.get("kind")).unwrap_or(Kind::MedicalReport),
            name: row.get("name"),
            note: row.get("note"),
            media_type: row.get("media_type"),
            bytes: row.get("bytes"),
            status,
            run: row.get("run"),
            task_id: row.get("job_id"),
            step: row.get::<_, Option<&str>>("step").and_then(Step::of),
            failure: row.get("failure"),
            page_count: row.get("page_count"),
            text_from: row.get("text_from"),
            reported_on: row.get("reported_on"),
            confidence: row.get("confidence"),
            domains: row.get("domains"),
            method: row.get("method"),
            uploaded_by: row.get("uploaded_by"),
            names_another: findings.iter().any(|it| it.sentence == Sentence::DocumentOfAnother),
            confirmed_by: row.get("confirmed_by"),
            confirmed_at: row.get("confirmed_at"),
            analysed_at: row.get("analysed_at"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            same_file_as: row.get("same_file_as"),
            version: row.get("version"),
            findings,
            unread: of_newer(row, "unread"),
        }
    }
}

/// The items that are understood: a newer server may have written others.
pub(in crate::clinic) fn of_newer<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Vec<T> {
    let items: Json<Vec<serde_json::Value>> = row.get(column);
    items.0.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Kind, Status, Step};

    #[test]
    fn words_are_stored_by_the_names_that_the_api_has() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(Kind::of(kind.as_str()), Some(*kind));
        }
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for step in Step::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.as_str());
        }
        assert_eq!((Kind::ALL.len(), Kind::of("selfie")), (10, None));
    }
}
