//! What people are told: stored with what it is about, put into words when it is read, mailed to who wants it so.
//!
//! Invariants
//! - A notification is written in the transaction of what it tells.
//! - It says what was so when it happened; its words are made from that for each reader's language, from the one place for
//!   texts ([`crate::mail`]).
//! - Nobody but its person sees it, marks it or removes it.
//! - They have an order: `seq` is given as the transaction ends, one transaction at a time, so that who has read number n has
//!   seen all before it (migration 0030). At the same moment every server hears whose it is.

use jiff::Timestamp;
use minijinja::context;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ActId, AppointmentId, NotaryId, NotificationId, UserId},
    key,
    mail::{self, Language, Text, moment},
    notary::rules::machine::Name as _,
};

crate::notary::rules::machine::table::names! {
    /// What somebody is told of.
    Kind as NotificationKind {
        /// Somebody asks for an appointment.
        AppointmentRequested = "appointment_requested",
        /// The office agrees.
        AppointmentConfirmed = "appointment_confirmed",
        /// The office does not, or somebody else got the slot, or nobody answered in time.
        AppointmentRejected = "appointment_rejected",
        /// It was moved, or somebody answered an invitation.
        AppointmentChanged = "appointment_changed",
        /// One side gives it up.
        AppointmentCancelled = "appointment_cancelled",
        /// It is near.
        AppointmentReminder = "appointment_reminder",
        /// Documents are needed.
        DocumentsMissing = "documents_missing",
        /// The client has handed documents in.
        DocumentUploaded = "document_uploaded",
        /// A document is as it must be.
        DocumentAccepted = "document_accepted",
        /// It is not.
        DocumentRejected = "document_rejected",
        /// All are.
        DocumentsAccepted = "documents_accepted",
        /// A draft can be read.
        ActAvailable = "act_available",
        /// A case was opened.
        ActCreated = "act_created",
        /// An act was signed.
        ActSigned = "act_signed",
        /// An act was archived.
        ActCompleted = "act_completed",
        /// The service has something to say.
        SystemMessage = "system_message",
        /// Somebody is invited to an appointment.
        Other = "other",
    }
}

impl Kind {
    /// Whether it is mailed to who has not said otherwise: what cannot wait, or asks for something.
    pub const fn is_mailed_by_default(self) -> bool {
        !matches!(self, Self::DocumentAccepted | Self::ActCreated | Self::AppointmentChanged)
    }

    /// Its words.
    pub const fn text(self) -> Text {
        match self {
            Self::AppointmentRequested => Text::AppointmentRequested,
            Self::AppointmentConfirmed => Text::AppointmentConfirmed,
            Self::AppointmentRejected => Text::AppointmentRejected,
            Self::AppointmentChanged => Text::AppointmentChanged,
            Self::AppointmentCancelled => Text::AppointmentCancelled,
            Self::AppointmentReminder => Text::AppointmentReminder,
            Self::DocumentsMissing => Text::DocumentsMissing,
            Self::DocumentUploaded => Text::DocumentUploaded,
            Self::DocumentAccepted => Text::DocumentAccepted,
            Self::DocumentRejected => Text::DocumentRejected,
            Self::DocumentsAccepted => Text::DocumentsAccepted,
            Self::ActAvailable => Text::ActAvailable,
            Self::ActCreated => Text::ActCreated,
            Self::ActSigned => Text::ActSigned,
            Self::ActCompleted => Text::ActCompleted,
            Self::SystemMessage => Text::SystemMessage,
            Self::Other => Text::Invitation,
        }
    }
}

/// Notifications of one look at what is new: what a slow reader keeps in memory.
pub const PAGE: usize = 20;

/// Notifications that are removed by one transaction.
pub const BATCH: i64 = 1000;

/// A name that the catalogue has in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Names {
    /// In Italian.
    pub it: String,
    /// In English.
    pub en: String,
}

impl Names {
    /// In a language.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::It => &self.it,
            Language::En => &self.en,
        }
    }
}

/// What a notification says, as it was when it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The office.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub office: String,
    /// Who has done it, or whose matter it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub person: String,
    /// When the appointment begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// Where that is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub time_zone: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Of which documents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Names>,
    /// Of which act.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub act: String,
    /// Its number in the register.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub number: String,
    /// Of a certified mail that needs somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailFacts>,
}

/// What became of a certified mail that was not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct MailFacts {
    /// Its subject.
    pub subject: String,
    /// Why it was given up; empty: it is too large.
    pub problem: String,
    /// Its size.
    pub megabytes: String,
    /// The largest there may be.
    pub limit: String,
}

impl MailFacts {
    /// Of a mail with this subject.
    pub fn of(subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..Self::default() }
    }
}

/// Something for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub user: UserId,
    /// What.
    pub kind: Kind,
    /// And in detail.
    pub facts: Facts,
    /// About which appointment.
    pub appointment: Option<AppointmentId>,
    /// About which act.
    pub act: Option<ActId>,
}

/// Writes down what people are told; whoever is erased is told nothing. Gives those that their people want by mail: the
/// caller enqueues the mails in the same transaction.
pub async fn tell(
    tx: &mut Tx,
    told: &[Told],
    now: Timestamp,
) -> Result<Vec<(NotificationId, UserId)>, DbError> {
    const TELL: &str = "-- notary.notifications.tell
        WITH new AS (
            INSERT INTO notification (id, user_id, kind, arguments, appointment_id, act_id, created_at)
            SELECT t.id, t.user_id, t.kind, t.arguments, t.appointment_id, t.act_id, $7
            FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::uuid[], $6::uuid[]) WITH ORDINALITY
                AS t (id, user_id, kind, arguments, appointment_id, act_id, n)
            JOIN users u ON u.id = t.user_id AND u.erased_at IS NULL ORDER BY t.n
            RETURNING id, user_id, kind
        )
        SELECT new.id, new.user_id FROM new LEFT JOIN notification_preference p ON p.user_id = new.user_id AND p.kind = new.kind
        WHERE coalesce(p.by_mail, new.kind = ANY ($8)) ORDER BY new.id";
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<NotificationId> = told.iter().map(|_| NotificationId::new(now)).collect();
    let users: Vec<UserId> = told.iter().map(|told| told.user).collect();
    let kinds: Vec<&str> = told.iter().map(|told| told.kind.as_str()).collect();
    let facts: Vec<serde_json::Value> = told
        .iter()
        .map(|told| serde_json::to_value(&told.facts).expect("texts and times are JSON"))
        .collect();
    let appointments: Vec<Option<AppointmentId>> = told.iter().map(|told| told.appointment).collect();
    let acts: Vec<Option<ActId>> = told.iter().map(|told| told.act).collect();
    let mailed: Vec<&str> =
        Kind::ALL.iter().filter(|kind| kind.is_mailed_by_default()).map(|kind| kind.as_str()).collect();
    let args: [&(dyn postgres_types::ToSql + Sync); 8] =
        [&ids, &users, &kinds, &facts, &appointments, &acts, &now, &mailed];
    Ok(tx.query(TELL, &args).await?.iter().map(|row| (row.get("id"), row.get("user_id"))).collect())
}

/// The people of an office who are told of its agenda: the notary, and collaborators who manage it.
pub async fn agenda_people(tx: &mut Tx, office: NotaryId) -> Result<Vec<UserId>, DbError> {
    const PEOPLE: &str = "-- notary.notifications.agenda_people
        SELECT n.user_id FROM notary n WHERE n.id = $1
        UNION SELECT w.user_id FROM collaborator w
        WHERE w.notary_id = $1 AND w.agreed_at IS NOT NULL AND 'manage_agenda' = ANY (w.permissions)";
    Ok(tx.query(PEOPLE, &[&office]).await?.iter().map(|row| row.get("user_id")).collect())
}

/// A notification, in words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// What it is about.
    pub kind: Kind,
    /// In a few words.
    pub title: String,
    /// The rest.
    pub message: String,
    /// The appointment it is about.
    pub appointment_id: Option<AppointmentId>,
    /// The act it is about.
    pub act_id: Option<ActId>,
    /// When it was read.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub read_at: Option<Timestamp>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Its place among all notifications.
    #[serde(skip)]
    pub seq: i64,
}

/// The words of a notification: as a mail to somebody, or with an empty name without a greeting.
pub fn in_words(
    kind: Kind,
    facts: &Facts,
    language: Language,
    (to, name): (&str, &str),
    id: String,
) -> Result<mail::Mail, minijinja::Error> {
    let zone = if facts.time_zone.is_empty() { "Europe/Rome" } else { &facts.time_zone };
    let documents: Vec<&str> = facts.documents.iter().map(|names| names.in_language(language)).collect();
    let values = context! {
        name => name,
        office => &facts.office,
        person => &facts.person,
        begins => facts.starts_at.map(|at| moment(at, zone, language)),
        reason => &facts.reason,
        documents => documents.join("\n"),
        act => &facts.act,
        number => &facts.number,
        mail => facts.mail.as_ref().map(minijinja::value::Serde),
    };
    mail::render(kind.text(), language, (to, name), values, id)
}

impl Notification {
    fn from_row(row: &Row, language: Language) -> Result<Self, minijinja::Error> {
        let kind = Kind::parse(row.get("kind")).unwrap_or(Kind::Other);
        let facts: Facts = serde_json::from_value(row.get("arguments")).unwrap_or_default();
        let words = in_words(kind, &facts, language, ("", ""), String::new())?;
        Ok(Self {
            id: row.get("id"),
            kind,
            title: words.subject,
            message: words.text.trim().to_owned(),
            appointment_id: row.get("appointment_id"),
            act_id: row.get("act_id"),
            read_at: row.get("read_at"),
            created_at: row.get("created_at"),
            seq: row.get("seq"),
        })
    }
}

/// Why there are no notifications.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// A text does not fit what was stored.
    #[error("a notification cannot be put into words")]
    Words(#[from] minijinja::Error),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A person's notifications, newest first.
pub async fn list(
    db: &Db,
    (user, language): (UserId, Language),
    unread_only: bool,
    (before, limit): (Option<i64>, i64),
) -> Result<Vec<Notification>, NotificationError> {
    const ALL: &str = "-- notary.notifications.list
        SELECT id, kind, arguments, appointment_id, act_id, read_at, created_at, seq FROM notification
        WHERE user_id = $1 AND ($2::bigint IS NULL OR seq < $2) ORDER BY seq DESC LIMIT $3";
    const UNREAD: &str = "-- notary.notifications.list_unread
        SELECT id, kind, arguments, appointment_id, act_id, read_at, created_at, seq FROM notification
        WHERE user_id = $1 AND read_at IS NULL AND ($2::bigint IS NULL OR seq < $2) ORDER BY seq DESC LIMIT $3";
    let statement = if unread_only { UNREAD } else { ALL };
    let rows = db.read(statement, args![user, before, limit]).await?;
    Ok(rows.iter().map(|row| Notification::from_row(row, language)).collect::<Result<_, _>>()?)
}

/// The number of a person's newest notification; 0 if there is none.
pub async fn newest(db: &Db, user: UserId) -> Result<i64, DbError> {
    const NEWEST: &str = "-- notary.notifications.newest
        SELECT k.n, o.seq FROM unnest($1::uuid[]) WITH ORDINALITY AS k (user_id, n)
        CROSS JOIN LATERAL (
            SELECT seq FROM notification WHERE user_id = k.user_id ORDER BY seq DESC LIMIT 1) o";
    Ok(db.lookup(NEWEST, key![user]).await?.first().map_or(0, |row| row.get("seq")))
}

/// A person's notifications after a number, in their order, at most [`PAGE`].
pub async fn since(
    db: &Db,
    (user, language): (UserId, Language),
    seq: i64,
) -> Result<Vec<Notification>, NotificationError> {
    const SINCE: &str = "-- notary.notifications.since
        SELECT k.n, o.* FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS k (user_id, seq, n)
        CROSS JOIN LATERAL (
            SELECT id, kind, arguments, appointment_id, act_id, read_at, created_at, seq FROM notification
            WHERE user_id = k.user_id AND seq > k.seq ORDER BY seq LIMIT 20) o
        ORDER BY k.n, o.seq";
    let rows = db.lookup(SINCE, key![user, seq]).await?;
    Ok(rows.iter().map(|row| Notification::from_row(row, language)).collect::<Result<_, _>>()?)
}

/// Marks notifications of a person as read: one, or all. How many were unread.
pub async fn mark_read(
    tx: &mut Tx,
    user: UserId,
    id: Option<NotificationId>,
    now: Timestamp,
) -> Result<u64, DbError> {
    const READ: &str = "-- notary.notifications.mark_read
        UPDATE notification SET read_at = $3
        WHERE user_id = $1 AND read_at IS NULL AND ($2::uuid IS NULL OR id = $2)";
    tx.execute(READ, &[&user, &id, &now]).await
}

/// Whether a person has a notification.
pub async fn exists(db: &Db, user: UserId, id: NotificationId) -> Result<bool, DbError> {
    const EXISTS: &str =
        "-- notary.notifications.exists\nSELECT FROM notification WHERE id = $2 AND user_id = $1";
    Ok(!db.read(EXISTS, args![user, id]).await?.is_empty())
}

/// Removes a person's notification. Whether there was one.
pub async fn remove(tx: &mut Tx, user: UserId, id: NotificationId) -> Result<bool, DbError> {
    const REMOVE: &str =
        "-- notary.notifications.remove\nDELETE FROM notification WHERE id = $2 AND user_id = $1";
    Ok(tx.execute(REMOVE, &[&user, &id]).await? > 0)
}

/// What is needed to mail a notification.
#[derive(Debug)]
pub struct ToMail {
    /// What it says.
    pub kind: Kind,
    /// In detail.
    pub facts: Facts,
    /// The person's address.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// The person's language.
    pub language: Language,
}

/// Marks a notification as mailed.
pub async fn mailed(tx: &mut Tx, id: NotificationId, now: Timestamp) -> Result<(), DbError> {
    const MAILED: &str = "-- notary.notifications.mailed
        UPDATE notification SET mailed_at = $2 WHERE id = $1 AND mailed_at IS NULL";
    tx.execute(MAILED, &[&id, &now]).await?;
    Ok(())
}

/// Removes notifications older than `before`, at most [`BATCH`]. How many.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, DbError> {
    const PRUNE: &str = "-- notary.notifications.prune
        DELETE FROM notification WHERE id IN (SELECT id FROM notification WHERE created_at < $1 LIMIT $2)";
    tx.execute(PRUNE, &[&before, &BATCH]).await
}

/// What is needed to send a notification by mail, while its person is there.
pub async fn to_mail(db: &Db, id: NotificationId) -> Result<Option<ToMail>, DbError> {
    const TO_MAIL: &str = "-- notary.notifications.to_mail
        SELECT o.kind, o.arguments, u.email, u.name, u.language FROM notification o JOIN users u ON u.id = o.user_id
        WHERE o.id = $1 AND u.status = 'active'";
    let rows = db.read(TO_MAIL, args![id]).await?;
    Ok(rows.first().map(|row| ToMail {
        kind: Kind::parse(row.get("kind")).unwrap_or(Kind::Other),
        facts: serde_json::from_value(row.get("arguments")).unwrap_or_default(),
        email: row.get("email"),
        name: row.get("name"),
        language: Language::of(row.get("language")),
    }))
}

/// A person's wishes: every kind, and whether it is mailed.
pub async fn preferences(db: &Db, user: UserId) -> Result<Vec<(Kind, bool)>, DbError> {
    const PREFERENCES: &str = "-- notary.notifications.preferences
        SELECT kind, by_mail FROM notification_preference WHERE user_id = $1";
    let rows = db.read(PREFERENCES, args![user]).await?;
    let said = |kind: Kind| {
        let row = rows.iter().find(|row| row.get::<_, &str>("kind") == kind.as_str());
        row.map_or(kind.is_mailed_by_default(), |row| row.get("by_mail"))
    };
    Ok(Kind::ALL.iter().map(|kind| (*kind, said(*kind))).collect())
}

/// Sets what a person wants by mail.
pub async fn prefer(tx: &mut Tx, user: UserId, wishes: &[(Kind, bool)]) -> Result<(), DbError> {
    const PREFER: &str = "-- notary.notifications.prefer
        INSERT INTO notification_preference (user_id, kind, by_mail)
        SELECT $1, w.kind, w.by_mail FROM unnest($2::text[], $3::boolean[]) AS w (kind, by_mail)
        ON CONFLICT (user_id, kind) DO UPDATE SET by_mail = excluded.by_mail";
    let kinds: Vec<&str> = wishes.iter().map(|(kind, _)| kind.as_str()).collect();
    let by_mail: Vec<bool> = wishes.iter().map(|(_, by_mail)| *by_mail).collect();
    tx.execute(PREFER, &[&user, &kinds, &by_mail]).await?;
    Ok(())
}
