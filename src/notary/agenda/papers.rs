//! The documents that an appointment needs: listed from the type of its act, handed in by the client, accepted or refused
//! with a reason by the office, until all are accepted.
//!
//! A file is a version of a document of the shared store. While it is part of an appointment it is held: nobody deletes it.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    appointment::{Appointment, Reader, visible},
    decisions::{DecisionError, facts, step},
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{AppointmentId, DocumentId, PaperId, UserId},
    notary::{
        notifications::{Facts, Kind, Names, Told, agenda_people},
        rules::machine::{
            Forbidden, Name as _, Standing, Who,
            appointment::{Event as Happens, MACHINE as APPOINTMENT, State as Stage},
            appointment_document::{Event, MACHINE, State},
        },
    },
};

/// Documents of one appointment.
pub const PER_APPOINTMENT: i64 = 60;
/// What holds their files.
const HOLDER: &str = "appointment";

/// A document that an appointment needs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = AppointmentDocument)]
pub struct Paper {
    /// Its id.
    pub id: PaperId,
    /// The type, of the catalogue.
    pub document_type: String,
    /// The type's name in Italian.
    pub name_it: String,
    /// The type's name in English.
    pub name_en: String,
    /// Where it is in its life.
    pub status: State,
    /// Whether nothing goes on without it.
    pub is_mandatory: bool,
    /// The file: a document of the shared store.
    pub document_id: Option<DocumentId>,
    /// Its version that was handed in.
    pub number: Option<i32>,
    /// The file's name.
    pub file_name: Option<String>,
    /// When it was uploaded.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub uploaded_at: Option<Timestamp>,
    /// When it was last looked at.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reviewed_at: Option<Timestamp>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// Counts its changes.
    pub version: i64,
}

macro_rules! paper_columns {
    () => {
        "d.id, d.document_type, t.name_it, t.name_en, d.status, d.is_mandatory, d.document_id, d.number, \
         (SELECT v.name FROM document_version v WHERE v.document_id = d.document_id AND v.number = d.number) AS file_name, \
         d.uploaded_at, d.reviewed_at, d.reason, d.version"
    };
}

impl Paper {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            document_type: row.get("document_type"),
            name_it: row.get("name_it"),
            name_en: row.get("name_en"),
            status: State::parse(row.get("status"))
                .expect("the constraint appointment_document_status_known"),
            is_mandatory: row.get("is_mandatory"),
            document_id: row.get("document_id"),
            number: row.get("number"),
            file_name: row.get("file_name"),
            uploaded_at: row.get("uploaded_at"),
            reviewed_at: row.get("reviewed_at"),
            reason: row.get("reason"),
            version: row.get("version"),
        }
    }

    fn names(&self) -> Names {
        Names { it: self.name_it.clone(), en: self.name_en.clone() }
    }
}

/// Why something is not done with a document.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// The state machine of the document or of its appointment says no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It is not theirs, or there is none.
    #[error("there is no such document of yours: upload it first")]
    NoSuchDocument,
    /// Not everything is there.
    #[error("mandatory documents are missing: {0}")]
    Missing(String),
    /// There are [`PER_APPOINTMENT`].
    #[error("{PER_APPOINTMENT} documents are the most")]
    TooMany,
    /// There is one of this type.
    #[error("the appointment has a document of this type already")]
    Twice,
    /// The catalogue does not know the type.
    #[error("there is no such type of document")]
    NoSuchType,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<DecisionError> for PaperError {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::Forbidden(forbidden) => Self::Forbidden(forbidden),
            DecisionError::Db(error) => Self::Db(error),
            other => Self::Missing(other.to_string()),
        }
    }
}

/// After the confirmation: lists what the type of act needs, and moves the appointment on. Without a type of act nothing
/// happens; without documents the appointment is ready.
pub(super) async fn open(
    tx: &mut Tx,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<Vec<Told>, DecisionError> {
    let Some(act_type) = &appointment.act_type else { return Ok(Vec::new()) };
    let documents = list_needed(tx, appointment.id, act_type, now).await?;
    let event = if documents.is_empty() { Happens::MakeReady } else { Happens::OpenDocuments };
    let to = APPOINTMENT.next_by(Stage::Confirmed, event, Who::System)?;
    step(tx, appointment.id, (Stage::Confirmed, to), None, None, now).await?;
    Ok(missing(appointment, documents))
}

/// The client is told which documents are needed.
fn missing(appointment: &Appointment, documents: Vec<Names>) -> Vec<Told> {
    if documents.is_empty() {
        return Vec::new();
    }
    let facts = Facts { documents, ..facts(appointment) };
    vec![told(appointment, appointment.client_id, Kind::DocumentsMissing, facts)]
}

/// Another type of act: what it needs is listed anew. Only while nothing was handed in.
pub(super) async fn retype(
    tx: &mut Tx,
    appointment: &Appointment,
    act_type: &str,
    now: Timestamp,
) -> Result<Vec<Told>, DecisionError> {
    const RETYPE: &str = "-- notary.papers.retype
        UPDATE appointment SET act_type = t.code FROM act_type t
        WHERE appointment.id = $1 AND t.code = $2 AND t.is_active
          AND NOT EXISTS (SELECT FROM appointment_document d WHERE d.appointment_id = $1 AND d.status <> 'missing')";
    const KNOWN: &str = "-- notary.papers.knows_act_type\nSELECT FROM act_type WHERE code = $1 AND is_active";
    const CLEAR: &str = "-- notary.papers.clear\nDELETE FROM appointment_document WHERE appointment_id = $1";
    if !matches!(appointment.status, Stage::Provisional | Stage::Confirmed | Stage::DocumentsOpen) {
        return Err(DecisionError::HandedIn);
    }
    if tx.query_opt(KNOWN, &[&act_type]).await?.is_none() {
        return Err(DecisionError::NoSuchActType);
    }
    if tx.execute(RETYPE, &[&appointment.id, &act_type]).await? == 0 {
        return Err(DecisionError::HandedIn);
    }
    match appointment.status {
        Stage::Confirmed => {
            let now_of = Appointment { act_type: Some(act_type.to_owned()), ..appointment.clone() };
            open(tx, &now_of, now).await
        }
        Stage::DocumentsOpen => {
            tx.execute(CLEAR, &[&appointment.id]).await?;
            let documents = list_needed(tx, appointment.id, act_type, now).await?;
            if documents.is_empty() {
                Err(DecisionError::NeedsNone)
            } else {
                Ok(missing(appointment, documents))
            }
        }
        _ => Ok(Vec::new()),
    }
}

/// Lists the documents that a type of act needs.
async fn list_needed(
    tx: &mut Tx,
    id: AppointmentId,
    act_type: &str,
    now: Timestamp,
) -> Result<Vec<Names>, DbError> {
    const OPEN: &str = "-- notary.papers.open
        WITH new AS (
            INSERT INTO appointment_document (id, appointment_id, document_type, is_mandatory, created_at, updated_at)
            SELECT gen_random_uuid(), $1, r.document_type, r.is_mandatory, $3, $3 FROM required_document r
            JOIN document_type t ON t.code = r.document_type AND t.is_active WHERE r.act_type = $2
            RETURNING document_type
        )
        SELECT t.name_it, t.name_en FROM new JOIN document_type t ON t.code = new.document_type ORDER BY t.position";
    let rows = tx.query(OPEN, &[&id, &act_type, &now]).await?;
    Ok(rows.iter().map(|row| Names { it: row.get("name_it"), en: row.get("name_en") }).collect())
}

fn told(appointment: &Appointment, user: UserId, kind: Kind, facts: Facts) -> Told {
    Told { user, kind, facts, appointment: Some(appointment.id), act: None }
}

/// The documents of an appointment that this person sees.
pub async fn list(db: &Db, reader: Reader, id: AppointmentId) -> Result<Vec<Paper>, DbError> {
    const LIST: &str = concat!(
        "-- notary.papers.list
        SELECT ",
        paper_columns!(),
        " FROM appointment a JOIN notary n ON n.id = a.notary_id JOIN appointment_document d ON d.appointment_id = a.id
        JOIN document_type t ON t.code = d.document_type
        WHERE a.id = $1 AND ",
        visible!("$2", "$3"),
        " ORDER BY t.position LIMIT $4"
    );
    let rows = db.read(LIST, args![id, reader.user, reader.is_admin, PER_APPOINTMENT]).await?;
    Ok(rows.iter().map(Paper::from_row).collect())
}

/// A document of a locked appointment, locked.
pub async fn lock(tx: &mut Tx, appointment: AppointmentId, id: PaperId) -> Result<Option<Paper>, DbError> {
    const LOCK: &str = concat!(
        "-- notary.papers.lock
        SELECT ",
        paper_columns!(),
        " FROM appointment_document d JOIN document_type t ON t.code = d.document_type
        WHERE d.id = $2 AND d.appointment_id = $1 FOR NO KEY UPDATE OF d"
    );
    Ok(tx.query_opt(LOCK, &[&appointment, &id]).await?.map(|row| Paper::from_row(&row)))
}

/// The office asks for a document besides those of the type of act; the client is told.
pub async fn ask_for(
    tx: &mut Tx,
    appointment: &Appointment,
    (id, document_type, is_mandatory): (PaperId, &str, bool),
    now: Timestamp,
) -> Result<(Paper, Vec<Told>), PaperError> {
    const ASK: &str = "-- notary.papers.ask_for
        INSERT INTO appointment_document (id, appointment_id, document_type, is_mandatory, created_at, updated_at)
        SELECT $1, $2, t.code, $4, $5, $5 FROM document_type t
        WHERE t.code = $3 AND t.is_active AND $6 > (SELECT count(*) FROM appointment_document WHERE appointment_id = $2)
        ON CONFLICT (appointment_id, document_type) DO NOTHING";
    const LOOK: &str = "-- notary.papers.look
        SELECT EXISTS (SELECT FROM document_type WHERE code = $2 AND is_active) AS is_known,
            EXISTS (SELECT FROM appointment_document WHERE appointment_id = $1 AND document_type = $2) AS is_there";
    if APPOINTMENT.is_end(appointment.status) || appointment.status == Stage::Provisional {
        let (machine, from) = (APPOINTMENT.name, appointment.status.as_str());
        return Err(Forbidden::State { machine, from, event: Happens::OpenDocuments.as_str() }.into());
    }
    let args: [&(dyn postgres_types::ToSql + Sync); 6] =
        [&id, &appointment.id, &document_type, &is_mandatory, &now, &PER_APPOINTMENT];
    if tx.execute(ASK, &args).await? == 0 {
        let look = tx.query_one(LOOK, &[&appointment.id, &document_type]).await?;
        return Err(match (look.get("is_known"), look.get("is_there")) {
            (false, _) => PaperError::NoSuchType,
            (_, true) => PaperError::Twice,
            _ => PaperError::TooMany,
        });
    }
    if matches!(appointment.status, Stage::Confirmed) {
        let to = appointment.next(Happens::OpenDocuments)?;
        step(tx, appointment.id, (Stage::Confirmed, to), None, None, now).await?;
    }
    let paper = lock(tx, appointment.id, id).await?.ok_or(PaperError::NoSuchDocument)?;
    let facts = Facts { documents: vec![paper.names()], ..facts(appointment) };
    let told = told(appointment, appointment.client_id, Kind::DocumentsMissing, facts);
    Ok((paper, vec![told]))
}

/// Puts a document of this person's, its newest version, in its place: the client's until it is handed in, the office's
/// accepted at once. What was there before is let go.
pub async fn put(
    tx: &mut Tx,
    appointment: &Appointment,
    paper: &Paper,
    (document, by): (DocumentId, UserId),
    now: Timestamp,
) -> Result<Paper, PaperError> {
    const PUT: &str = "-- notary.papers.put
        WITH own AS (
            SELECT id, latest FROM document WHERE id = $3 AND owner_id = $4 AND deleted_at IS NULL AND NOT of_clinic FOR KEY SHARE
        ), held AS (
            INSERT INTO document_hold (document_id, holder, holder_id, held_at) SELECT own.id, $6, $1, $5 FROM own
            ON CONFLICT DO NOTHING
        ), let_go AS (
            DELETE FROM document_hold h WHERE h.document_id = $7 AND h.holder = $6 AND h.holder_id = $1
              AND $7 <> $3 AND EXISTS (SELECT FROM own)
        )
        UPDATE appointment_document d SET document_id = own.id, number = own.latest, status = $2, uploaded_by = $4,
            uploaded_at = $5, reason = NULL, version = d.version + 1, updated_at = $5
        FROM own WHERE d.id = $1";
    let standing = appointment.standing;
    let (event, who) = if standing.is_office() {
        (Event::Provide, if standing.is_notary { Who::Notary } else { Who::Collaborator })
    } else {
        (Event::Upload, if standing.is_client { Who::Client } else { Who::Partner })
    };
    let to = MACHINE.next_by(paper.status, event, who)?;
    let args: [&(dyn postgres_types::ToSql + Sync); 7] =
        [&paper.id, &to.as_str(), &document, &by, &now, &HOLDER, &paper.document_id];
    if tx.execute(PUT, &args).await? == 0 {
        return Err(PaperError::NoSuchDocument);
    }
    lock(tx, appointment.id, paper.id).await?.ok_or(PaperError::NoSuchDocument)
}

/// The client takes back what is not handed in yet.
pub async fn take_back(tx: &mut Tx, paper: &Paper, now: Timestamp) -> Result<(), PaperError> {
    const TAKE_BACK: &str = "-- notary.papers.take_back
        WITH let_go AS (DELETE FROM document_hold WHERE holder_id = $1 AND holder = $3)
        UPDATE appointment_document SET document_id = NULL, number = NULL, status = 'missing', uploaded_by = NULL,
            uploaded_at = NULL, version = version + 1, updated_at = $2
        WHERE id = $1";
    MACHINE.next_by(paper.status, Event::Remove, Who::Client)?;
    tx.execute(TAKE_BACK, &[&paper.id, &now, &HOLDER]).await?;
    Ok(())
}

/// The client hands in all that is uploaded; the office is told once.
pub async fn submit(tx: &mut Tx, appointment: &Appointment, now: Timestamp) -> Result<Vec<Told>, PaperError> {
    const MISSING: &str = "-- notary.papers.missing
        SELECT string_agg(d.document_type, ', ' ORDER BY d.document_type) AS missing FROM appointment_document d
        WHERE d.appointment_id = $1 AND d.is_mandatory AND d.status IN ('missing', 'rejected')";
    const SUBMIT: &str = "-- notary.papers.submit
        UPDATE appointment_document d SET status = 'in_review', version = d.version + 1, updated_at = $2
        FROM document_type t WHERE d.appointment_id = $1 AND d.status = 'uploaded' AND t.code = d.document_type
        RETURNING t.name_it, t.name_en";
    let to = appointment.next(Happens::SubmitDocuments)?;
    let missing: Option<String> = tx.query_one(MISSING, &[&appointment.id]).await?.get("missing");
    if let Some(missing) = missing {
        return Err(PaperError::Missing(missing));
    }
    let rows = tx.query(SUBMIT, &[&appointment.id, &now]).await?;
    step(tx, appointment.id, (appointment.status, to), None, None, now).await?;
    let documents = rows.iter().map(|row| Names { it: row.get("name_it"), en: row.get("name_en") }).collect();
    let facts = Facts { documents, ..facts(appointment) };
    let people = agenda_people(tx, appointment.notary_id).await?;
    let mut told: Vec<Told> = people
        .into_iter()
        .map(|person| told(appointment, person, Kind::DocumentUploaded, facts.clone()))
        .collect();
    // Nothing but what the office has provided: there is nothing to look at.
    told.extend(settle(tx, appointment, to, now).await?);
    Ok(told)
}

/// The office accepts a document, or refuses it for a reason. With the last one the appointment moves on, and the client is
/// told.
pub async fn review(
    tx: &mut Tx,
    appointment: &Appointment,
    paper: &Paper,
    refused: Option<&str>,
    by: UserId,
    now: Timestamp,
) -> Result<Vec<Told>, PaperError> {
    const REVIEW: &str = "-- notary.papers.review
        UPDATE appointment_document SET status = $2, reason = $3, reviewed_by = $4, reviewed_at = $5,
            version = version + 1, updated_at = $5
        WHERE id = $1";
    let event = if refused.is_some() { Event::Reject } else { Event::Accept };
    // Whom the notary has permitted this is of the office here, whatever else of the agenda is closed.
    let standing = appointment.standing;
    let is_collaborator = standing.is_collaborator || appointment.may_review;
    let to = Standing { is_collaborator, ..standing }.next(&MACHINE, paper.status, event)?;
    tx.execute(REVIEW, &[&paper.id, &to.as_str(), &refused, &by, &now]).await?;
    let facts = Facts {
        documents: vec![paper.names()],
        reason: refused.unwrap_or_default().to_owned(),
        ..facts(appointment)
    };
    let kind = if refused.is_some() { Kind::DocumentRejected } else { Kind::DocumentAccepted };
    let mut told = vec![told(appointment, appointment.client_id, kind, facts)];
    told.extend(settle(tx, appointment, appointment.status, now).await?);
    Ok(told)
}

/// Moves an appointment under review on when nothing is left to be looked at.
async fn settle(
    tx: &mut Tx,
    appointment: &Appointment,
    status: Stage,
    now: Timestamp,
) -> Result<Vec<Told>, PaperError> {
    const COUNT: &str = "-- notary.papers.count
        SELECT count(*) FILTER (WHERE status = 'in_review') AS waiting,
            count(*) FILTER (WHERE status = 'rejected') AS rejected
        FROM appointment_document WHERE appointment_id = $1";
    let count = tx.query_one(COUNT, &[&appointment.id]).await?;
    if status != Stage::DocumentsReview || count.get::<_, i64>("waiting") > 0 {
        return Ok(Vec::new());
    }
    let is_refused = count.get::<_, i64>("rejected") > 0;
    let event = if is_refused { Happens::RefuseDocuments } else { Happens::AcceptDocuments };
    let to = APPOINTMENT.next_by(status, event, Who::System)?;
    step(tx, appointment.id, (status, to), None, None, now).await?;
    if is_refused {
        return Ok(Vec::new()); // they were told of each
    }
    Ok(vec![told(appointment, appointment.client_id, Kind::DocumentsAccepted, facts(appointment))])
}

/// Whether every mandatory document of an appointment is accepted; else which are not.
pub(super) async fn all_accepted(tx: &mut Tx, id: AppointmentId) -> Result<Result<(), String>, DbError> {
    const OPEN: &str = "-- notary.papers.not_accepted
        SELECT string_agg(d.document_type, ', ' ORDER BY d.document_type) AS missing FROM appointment_document d
        WHERE d.appointment_id = $1 AND d.is_mandatory AND d.status <> 'accepted'";
    let missing: Option<String> = tx.query_one(OPEN, &[&id]).await?.get("missing");
    Ok(missing.map_or(Ok(()), Err))
}

/// Lets the files of an appointment go that nothing comes of.
pub(super) async fn let_go(tx: &mut Tx, id: AppointmentId) -> Result<(), DbError> {
    const LET_GO: &str = "-- notary.papers.let_go
        WITH gone AS (
            UPDATE appointment_document d SET document_id = NULL, number = NULL, status = 'missing', version = d.version + 1
            WHERE d.appointment_id = $1 AND d.document_id IS NOT NULL RETURNING d.id
        )
        DELETE FROM document_hold h USING gone WHERE h.holder_id = gone.id AND h.holder = $2";
    tx.execute(LET_GO, &[&id, &HOLDER]).await?;
    Ok(())
}

/// The file of a document, for whoever sees the appointment: which version of which document. Drafts of the client, before
/// they are handed in, are seen by the client alone.
pub async fn file_of(
    db: &Db,
    reader: Reader,
    appointment: AppointmentId,
    id: PaperId,
) -> Result<Option<(DocumentId, i32)>, DbError> {
    const FILE: &str = concat!(
        "-- notary.papers.file_of
        SELECT d.document_id, d.number FROM appointment a JOIN notary n ON n.id = a.notary_id
        JOIN appointment_document d ON d.appointment_id = a.id
        WHERE a.id = $1 AND d.id = $2 AND d.document_id IS NOT NULL AND (d.status <> 'uploaded' OR d.uploaded_by = $3)
          AND (a.client_id = $3 OR ",
        staffed!("review_documents", "a.notary_id", "$3"),
        ")"
    );
    let rows = db.read(FILE, args![appointment, id, reader.user]).await?;
    Ok(rows.first().map(|row| (row.get("document_id"), row.get("number"))))
}
