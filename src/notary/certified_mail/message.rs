//! A certified mail, and who sees it: who may send certified mail for its office, and administrators. Nobody else, not even
//! the client whose act it is about.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::transitions::CertifiedMailError;
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ActId, CertifiedMailId, DocumentId, NotaryId, UserId},
    notary::{
        agenda::appointment::Reader,
        rules::machine::{
            Forbidden, Name as _, Standing,
            certified_mail::{Event, MACHINE, State},
        },
    },
};

/// Addressees of a mail: providers need not take more (RFC 6109 names 50).
pub const RECIPIENTS_MAX: usize = 50;
/// Documents that go along.
pub const ATTACHMENTS_MAX: usize = 20;
/// Characters of a subject.
pub const SUBJECT_MAX: usize = 500;
/// Characters of a text.
pub const BODY_MAX: usize = 50_000;

stored! {
    /// In which field somebody is addressed.
    RecipientKind as CertifiedMailRecipientKind {
        /// To whom it is.
        To = "to",
        /// Who is to know of it.
        Cc = "cc",
        /// Who is to know of it without the others knowing. Operators of certified mail do not allow it (RFC 6109, 3.1.1).
        Bcc = "bcc",
    }
}

/// Somebody to whom a mail goes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = CertifiedMailRecipient)]
pub struct Recipient {
    /// In which field.
    pub kind: RecipientKind,
    /// The address.
    pub address: String,
    /// The name beside it; may be empty.
    pub name: String,
    /// When the addressee's provider had it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Timestamp>,
    /// When it was clear that it does not arrive.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failed_at: Option<Timestamp>,
    /// Why.
    pub problem: Option<String>,
}

/// A document that goes along.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = CertifiedMailAttachment)]
pub struct Attachment {
    /// The document.
    pub document_id: DocumentId,
    /// Its version; of a draft `null`: the newest when it is put into the queue.
    pub number: Option<i32>,
    /// The file's name; `null` when the document of a draft is gone.
    pub file_name: Option<String>,
    /// What kind of file it is.
    pub media_type: Option<String>,
    /// Its size.
    pub bytes: Option<i64>,
    /// Of its content, in hexadecimal digits.
    pub sha256: Option<String>,
}

/// A certified mail.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct CertifiedMail {
    /// Its id.
    pub id: CertifiedMailId,
    /// Whose it is.
    pub notary_id: NotaryId,
    /// The act it is about.
    pub act_id: Option<ActId>,
    /// Where it is in its life.
    pub status: State,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// From which address it is sent, once it is in the queue.
    pub sender: Option<String>,
    /// The Message-ID of this sending.
    pub message_id: Option<String>,
    /// To whom it goes, in their order.
    pub recipients: Vec<Recipient>,
    /// What goes along, in its order.
    pub attachments: Vec<Attachment>,
    /// How often it was tried to hand it over since it was put into the queue.
    pub tries: i32,
    /// When it is tried again at the earliest.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_try_at: Option<Timestamp>,
    /// Its size as it is sent, once that is known.
    pub bytes: Option<i64>,
    /// Why it was not sent, or not delivered; of a queued one why it was not sent yet.
    pub problem: Option<String>,
    /// Who wrote it.
    pub created_by: UserId,
    /// Who put it into the queue.
    pub queued_by: Option<UserId>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub queued_at: Option<Timestamp>,
    /// When the provider took it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// When the last addressee's provider had it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Timestamp>,
    /// When it was given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failed_at: Option<Timestamp>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
    /// What the reader may do with it now.
    pub possible: Vec<Event>,
    /// Which sending this is.
    #[serde(skip)]
    pub sending: i32,
    /// What the office is called.
    #[serde(skip)]
    pub office_name: String,
    /// Whether the provider has it, and its receipt of acceptance is waited for.
    #[serde(skip)]
    pub is_submitted: bool,
    /// What the reader is to it.
    #[serde(skip)]
    pub standing: Standing,
}

/// The columns of [`CertifiedMail::from_row`], of tables `m` (certified mail) and `n` (notary).
macro_rules! mail_columns {
    ($who:literal, $admin:literal) => {
        concat!(
            "m.id, m.notary_id, n.office_name, m.act_id, m.status, m.subject, m.body, m.sender, m.message_id, m.sending, m.tries,
             m.next_try_at, m.bytes, m.problem, m.created_by, m.queued_by, m.queued_at, m.submitted_at IS NOT NULL AS is_submitted,
             m.sent_at, m.delivered_at, m.failed_at, m.created_at, m.updated_at, m.version, (
                SELECT coalesce(jsonb_agg(jsonb_build_object('kind', r.kind, 'address', r.address, 'name', r.name,
                    'delivered_at', r.delivered_at, 'failed_at', r.failed_at, 'problem', r.problem) ORDER BY r.position), '[]')
                FROM certified_mail_recipient r WHERE r.mail_id = m.id) AS recipients, (
                SELECT coalesce(jsonb_agg(jsonb_build_object('document_id', x.document_id, 'number', x.number,
                    'file_name', v.name, 'media_type', v.media_type, 'bytes', v.bytes,
                    'sha256', encode(coalesce(x.sha256, v.sha256), 'hex')) ORDER BY x.position), '[]')
                FROM certified_mail_attachment x LEFT JOIN document d ON d.id = x.document_id AND d.deleted_at IS NULL
                LEFT JOIN document_version v ON v.document_id = d.id AND v.number = coalesce(x.number, d.latest)
                WHERE x.mail_id = m.id) AS attachments,
             n.user_id = ",
            $who,
            " AS is_notary, ",
            staffed!("send_certified_mail", "m.notary_id", $who),
            " AS is_staff, ",
            $admin,
            "::boolean AS is_admin"
        )
    };
}

/// The condition under which somebody sees mail `m`.
macro_rules! mail_visible {
    ($who:literal, $admin:literal) => {
        concat!("(", $admin, "::boolean OR ", staffed!("send_certified_mail", "m.notary_id", $who), ")")
    };
}
pub(super) use mail_visible;

fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> T {
    serde_json::from_value(row.get(column)).expect("the statement writes what this type reads")
}

impl CertifiedMail {
    /// Where `event` leads, if the reader may do it.
    pub fn next(&self, event: Event) -> Result<State, Forbidden> {
        self.standing.next(&MACHINE, self.status, event)
    }

    fn from_row(row: &Row) -> Self {
        let is_notary: bool = row.get("is_notary");
        let standing = Standing {
            is_notary,
            is_collaborator: row.get::<_, bool>("is_staff") && !is_notary,
            is_admin: row.get("is_admin"),
            ..Standing::default() // nobody else sees it
        };
        let status = State::parse(row.get("status")).expect("the constraint certified_mail_status_known");
        Self {
            id: row.get("id"),
            notary_id: row.get("notary_id"),
            act_id: row.get("act_id"),
            status,
            subject: row.get("subject"),
            body: row.get("body"),
            sender: row.get("sender"),
            message_id: row.get("message_id"),
            recipients: json(row, "recipients"),
            attachments: json(row, "attachments"),
            tries: row.get("tries"),
            next_try_at: row.get("next_try_at"),
            bytes: row.get("bytes"),
            problem: row.get("problem"),
            created_by: row.get("created_by"),
            queued_by: row.get("queued_by"),
            queued_at: row.get("queued_at"),
            sent_at: row.get("sent_at"),
            delivered_at: row.get("delivered_at"),
            failed_at: row.get("failed_at"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
            possible: standing.possible(&MACHINE, status),
            sending: row.get("sending"),
            office_name: row.get("office_name"),
            is_submitted: row.get("is_submitted"),
            standing,
        }
    }
}

/// A mail, if this person sees it.
pub async fn find(db: &Db, reader: Reader, id: CertifiedMailId) -> Result<Option<CertifiedMail>, DbError> {
    const FIND: &str = concat!(
        "-- notary.certified_mail.find\nSELECT ",
        mail_columns!("$2", "$3"),
        " FROM certified_mail m JOIN notary n ON n.id = m.notary_id WHERE m.id = $1 AND ",
        mail_visible!("$2", "$3")
    );
    let rows = db.read(FIND, args![id, reader.user, reader.is_admin]).await?;
    Ok(rows.first().map(CertifiedMail::from_row))
}

/// A mail that this person sees, locked until the end of the transaction.
pub async fn lock(
    tx: &mut Tx,
    reader: Reader,
    id: CertifiedMailId,
) -> Result<Option<CertifiedMail>, DbError> {
    // First the row alone: what is read below is what the one before has left.
    const LOCK: &str = concat!(
        "-- notary.certified_mail.lock\nSELECT ",
        mail_columns!("$2", "$3"),
        " FROM certified_mail m JOIN notary n ON n.id = m.notary_id WHERE m.id = $1 AND ",
        mail_visible!("$2", "$3")
    );
    lock_row(tx, id).await?;
    let row = tx.query_opt(LOCK, &[&id, &reader.user, &reader.is_admin]).await?;
    Ok(row.map(|row| CertifiedMail::from_row(&row)))
}

/// A mail, whoever asks, locked: for jobs and receipts.
pub async fn lock_any(tx: &mut Tx, id: CertifiedMailId) -> Result<Option<CertifiedMail>, DbError> {
    const ANY: &str = concat!(
        "-- notary.certified_mail.lock_any\nSELECT ",
        mail_columns!("$2", "$3"),
        " FROM certified_mail m JOIN notary n ON n.id = m.notary_id WHERE m.id = $1"
    );
    lock_row(tx, id).await?;
    let row = tx.query_opt(ANY, &[&id, &UserId(uuid::Uuid::nil()), &false]).await?;
    Ok(row.map(|row| CertifiedMail::from_row(&row)))
}

/// The act first: whoever changes both holds it, and two never wait for each other.
async fn lock_row(tx: &mut Tx, id: CertifiedMailId) -> Result<(), DbError> {
    const ACT: &str = "-- notary.certified_mail.lock_act
        SELECT FROM act WHERE id = (SELECT act_id FROM certified_mail WHERE id = $1) FOR NO KEY UPDATE";
    const ROW: &str = "-- notary.certified_mail.lock_row
        SELECT FROM certified_mail WHERE id = $1 FOR NO KEY UPDATE";
    tx.query(ACT, &[&id]).await?;
    tx.query(ROW, &[&id]).await?;
    Ok(())
}

/// Whether this person may send certified mail for an office. The office in a few words, if so.
pub(super) async fn may_send(tx: &mut Tx, office: NotaryId, who: UserId) -> Result<(), CertifiedMailError> {
    const MAY: &str = concat!(
        "-- notary.certified_mail.may_send\nSELECT FROM notary n WHERE n.id = $1 AND ",
        staffed!("send_certified_mail", "n.id", "$2")
    );
    tx.query_opt(MAY, &[&office, &who]).await?.map(drop).ok_or(CertifiedMailError::NotPermitted)
}
