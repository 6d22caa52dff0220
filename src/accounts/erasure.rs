//! Erasing a person (GDPR, article 17): the one place that says what becomes of what, and what the law keeps.
//!
//! Asking for it closes the account at once ([`begin`]); a job does the rest in [`STEPS`], each a transaction of its own that
//! may be run again. [`RULES`] has a line for every column that names a person: a test finds a table without one.
//!
//! Invariants
//! - From the transaction of the request on, nobody is let in: sessions and keys are ended, the account is disabled for good.
//! - What is kept is kept for the reason in [`KEEPS`], which the answer names. The row of the account stays, so that what is
//!   kept has an owner; it holds nothing of the person any more.
//! - No mail is written to the person any more. Those that wait hold ids alone and end when they find the account closed; what
//!   was sent is in the person's own mailbox; what an outbox has filed instead is removed by the job.
//! - What is kept for ten years goes after them: [`super::retention`].
//! - Whose business others depend on (the last administrator, a host with booked events) is told what to do first.

use jiff::{Timestamp, civil::Date};

use super::{
    api_keys,
    lockout::Keys,
    login::Accounts,
    policy::{Role, Roles},
    retention::YEARS,
    sessions::Ending,
};
use crate::{
    args, clinic,
    db::{Db, DbError, Tx},
    documents::{documents, permissions},
    ids::{BookingId, DocumentId, NotaryId, UploadId, UserId},
    notary, signing,
};

/// What becomes of the rows that name a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They are deleted.
    Removed,
    /// They stay; what is said in them about the person is replaced.
    Emptied,
    /// They stay as they are: the law wants it, see [`KEEPS`].
    Kept,
    /// They stay, and hold of the person only an id, which names nobody any more.
    Nameless,
}

/// The fate of the rows of a table that name a person in this column, and why.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The table, with its schema unless that is `public`.
    pub table: &'static str,
    /// The column with the person's id.
    pub column: &'static str,
    /// What becomes of them.
    pub fate: Fate,
    /// Why.
    pub why: &'static str,
}

const fn rule(table: &'static str, column: &'static str, fate: Fate, why: &'static str) -> Rule {
    Rule { table, column, fate, why }
}

/// Why what hangs from a patient stays.
const OF_A_PATIENT: &str = "patients are no accounts: their clinic keeps their records for their time";

/// Every column that names a person.
pub const RULES: &[Rule] = &[
    rule(
        "users",
        "id",
        Fate::Emptied,
        "what is kept needs an owner; address, name, password and the rest are replaced",
    ),
    rule("sessions", "user_id", Fate::Removed, "nobody logs in any more; refresh tokens go along"),
    rule("totp", "user_id", Fate::Removed, "nobody logs in any more"),
    rule("recovery_code", "user_id", Fate::Removed, "nobody logs in any more"),
    rule("account_token", "user_id", Fate::Removed, "nobody logs in any more"),
    rule("api_key", "user_id", Fate::Removed, "nobody acts for the person any more; counted hours go along"),
    rule("calendar_links", "user_id", Fate::Removed, "nobody reads the calendar any more"),
    rule("favourites", "user_id", Fate::Removed, "they served the person alone"),
    rule("reviews", "user_id", Fate::Removed, "they are the person's words; the averages of events follow"),
    rule(
        "consent",
        "user_id",
        Fate::Emptied,
        "what was agreed to must be shown (GDPR 7(1)); from where is removed",
    ),
    rule("bookings", "user_id", Fate::Kept, "accounts are kept for ten years"),
    rule("events", "host_id", Fate::Kept, "those with bookings belong to the accounts; others are removed"),
    rule("document", "owner_id", Fate::Removed, "but those that the law keeps until a day"),
    rule(
        "document_version",
        "uploaded_by",
        Fate::Nameless,
        "versions of other people's documents are theirs",
    ),
    rule("document_permission", "user_id", Fate::Removed, "nobody uses it any more"),
    rule(
        "document_permission",
        "granted_by",
        Fate::Nameless,
        "those to documents that the law keeps; what others have from the person elsewhere is removed",
    ),
    rule("document_link", "created_by", Fate::Emptied, "those to other people's documents are revoked"),
    rule(
        "document_time_stamp",
        "requested_by",
        Fate::Nameless,
        "it belongs to the document; those of the person's own go with them",
    ),
    rule(
        "signing_certificate",
        "user_id",
        Fate::Emptied,
        "that its number is revoked must be told; what was signed holds a copy of its own",
    ),
    rule("document_quota", "user_id", Fate::Removed, "it goes with the last document"),
    rule("upload", "user_id", Fate::Removed, "with its parts; what a clinic has accepted is its patient's"),
    rule(
        "notary",
        "user_id",
        Fate::Emptied,
        "what others did at the office stays theirs; nobody finds it any more",
    ),
    rule("notary_service", "notary_id", Fate::Removed, "they go with the office"),
    rule("collaborator", "user_id", Fate::Removed, "nobody works there any more"),
    rule("collaborator", "notary_id", Fate::Removed, "nobody works for an office that is gone"),
    rule("partner", "user_id", Fate::Removed, "nobody brings clients any more"),
    rule("availability", "notary_id", Fate::Removed, "the office is closed"),
    rule("availability_exception", "notary_id", Fate::Removed, "the office is closed"),
    rule(
        "appointment",
        "client_id",
        Fate::Emptied,
        "when somebody met the office is also the office's; what was said about it is removed",
    ),
    rule("appointment", "notary_id", Fate::Nameless, "when somebody met an office is also theirs"),
    rule("appointment", "decided_by", Fate::Nameless, "the appointment is somebody else's"),
    rule(
        "act",
        "client_id",
        Fate::Kept,
        "acts are kept for good (art. 61 L. 89/1913); those that were never signed are emptied",
    ),
    rule("act", "notary_id", Fate::Nameless, "the acts are the clients', and the archive's"),
    rule(
        "signature_request",
        "signer_id",
        Fate::Removed,
        "what was signed is in the document; so are requests of the person's acts and office",
    ),
    rule("signature_request", "requested_by", Fate::Nameless, "the request is somebody else's"),
    rule("act_template", "notary_id", Fate::Removed, "the office is closed; deeds keep what they say"),
    rule("act_template", "created_by", Fate::Nameless, "the template is the office's"),
    rule(
        "deed",
        "drafted_by",
        Fate::Nameless,
        "the deed is the act's; those of acts that were never signed are removed",
    ),
    rule("register_counter", "notary_id", Fate::Nameless, "numbers of the register are never given twice"),
    rule("conservation_package", "notary_id", Fate::Nameless, "the packages belong to the acts"),
    rule("register_entry", "notary_id", Fate::Nameless, "the register belongs to the acts"),
    rule(
        "notary_review",
        "client_id",
        Fate::Removed,
        "they are the person's words; the ratings of notaries follow",
    ),
    rule(
        "notary_review",
        "notary_id",
        Fate::Emptied,
        "they are their clients' words; the answers are removed",
    ),
    rule("certified_mail_template", "notary_id", Fate::Removed, "the office writes no mails any more"),
    rule(
        "certified_mail",
        "notary_id",
        Fate::Nameless,
        "what was sent is kept as a letter, or with its act; what never left is removed",
    ),
    rule("certified_mail", "created_by", Fate::Nameless, "the letter is the office's"),
    rule("certified_mail", "queued_by", Fate::Nameless, "the letter is the office's"),
    rule("participant", "user_id", Fate::Removed, "nobody comes any more"),
    rule("participant", "invited_by", Fate::Nameless, "the invitation is somebody else's"),
    rule("appointment_document", "uploaded_by", Fate::Nameless, "the office has accepted it"),
    rule("appointment_document", "reviewed_by", Fate::Nameless, "the document is somebody else's"),
    rule("notification", "user_id", Fate::Removed, "nobody reads them any more"),
    rule("notification_preference", "user_id", Fate::Removed, "nobody is told of anything any more"),
    rule("client_profile", "user_id", Fate::Removed, "what acts say of the person is in the acts"),
    rule("clinic_member", "user_id", Fate::Removed, "nobody works there any more"),
    rule("patient_consent", "patient_id", Fate::Nameless, OF_A_PATIENT),
    rule("patient_document", "patient_id", Fate::Nameless, OF_A_PATIENT),
    rule("laboratory_value", "patient_id", Fate::Nameless, OF_A_PATIENT),
    rule("graded_analysis", "patient_id", Fate::Nameless, OF_A_PATIENT),
    rule("fertility_score", "patient_id", Fate::Nameless, OF_A_PATIENT),
    rule("patient_report", "patient_id", Fate::Nameless, OF_A_PATIENT),
    rule("patient_consent", "recorded_by", Fate::Nameless, "the consent is the patient's"),
    rule("patient_merge", "merged_by", Fate::Nameless, "the record is the patient's"),
    rule("patient_document", "uploaded_by", Fate::Nameless, "the document is about the patient"),
    rule("patient_document", "confirmed_by", Fate::Nameless, "the document is about the patient"),
    rule("laboratory_value", "recorded_by", Fate::Nameless, "the value is the patient's"),
    rule("laboratory_value", "replaced_by", Fate::Nameless, "another value, no person"),
    rule("graded_analysis", "recorded_by", Fate::Nameless, "the analysis is the patient's"),
    rule("analysis_batch", "requested_by", Fate::Nameless, "what was asked for is about patients"),
    rule("patient_report", "requested_by", Fate::Nameless, "the report is about the patient"),
    rule("audit_entry", "who", Fate::Kept, "security: who did what, by ids, for `audit.keep`"),
    rule("journal", "actor_id", Fate::Kept, "security: what administrators did, by ids"),
    rule("job.body", "owner_id", Fate::Nameless, "jobs about the person were cancelled and emptied"),
    rule(
        "job.done",
        "owner_id",
        Fate::Nameless,
        "the history of jobs is emptied, and goes after `jobs.keep_done`",
    ),
    rule("job.batch", "owner_id", Fate::Nameless, "it goes with its jobs"),
];

/// Something that is kept, as the person is told.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = KeptByLaw)]
pub struct Kept {
    /// What.
    pub what: &'static str,
    /// Why: the law that wants it.
    pub source: &'static str,
    /// For how long, in years of the law; `null`: until a day, or for good.
    pub years: Option<u8>,
    /// Until when, where that is a day; `null` without `years`: for good.
    #[schema(value_type = Option<String>, format = Date)]
    pub until: Option<Date>,
    /// How many there are, where they are counted.
    pub count: Option<i64>,
}

const fn kept(what: &'static str, source: &'static str) -> Kept {
    Kept { what, source, years: Some(YEARS), until: None, count: None }
}

const AUDIT: &str = "the audit log, by ids and network addresses";

/// What is kept of everybody.
pub const KEEPS: [Kept; 4] = [
    kept("bookings and payments, and events that were booked", "art. 2220 c.c. (accounting records)"),
    kept("consents that were given and taken back", "art. 7(1) GDPR, art. 2946 c.c. (proof, limitation)"),
    // Until when is the operator's business: `audit.keep`.
    Kept {
        what: AUDIT,
        source: "art. 5(2) and 32 GDPR (accountability, security)",
        years: None,
        until: None,
        count: None,
    },
    kept("the fact and the time of the erasure", "art. 5(2) GDPR (accountability)"),
];

/// Why a person is not erased yet.
#[derive(Debug, thiserror::Error)]
pub enum NotYet {
    /// Nobody would look after the service.
    #[error("this is the last administrator: make another one on the command line first")]
    LastAdmin,
    /// People hold tickets.
    #[error("events that are still to come have bookings: withdraw them first, which refunds everybody")]
    BookedEvents {
        /// Their names in URLs.
        events: Vec<String>,
    },
    /// People have appointments with the office.
    #[error("{0} appointments with your office are still to come: cancel them first, which tells everybody")]
    Appointments(i64),
    /// It has begun already.
    #[error("the account is closed already")]
    Closed,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What [`begin`] has done.
#[derive(Debug)]
pub struct Begun {
    /// What is kept.
    pub kept: Vec<Kept>,
    /// Events that were withdrawn, by their names in URLs.
    pub withdrawn: Vec<String>,
}

/// Closes the account for good: from the commit on nobody is let in. The job must be enqueued in the same transaction.
pub async fn begin(
    tx: &mut Tx,
    accounts: &Accounts,
    user: UserId,
    today: Date,
    now: Timestamp,
) -> Result<Begun, NotYet> {
    const CLOSE: &str = "-- accounts.erasure.close
        UPDATE users SET status = 'disabled', erased_at = $2, version = version + 1, updated_at = $2
        WHERE id = $1 AND erased_at IS NULL RETURNING roles, email";
    // Of two administrators who leave at once, one stays.
    const ADMINS: &str = "-- accounts.erasure.admins
        SELECT id FROM users WHERE roles @> '{admin}' AND status = 'active' ORDER BY id FOR NO KEY UPDATE";
    let admins = tx.query(ADMINS, &[]).await?;
    if let [only] = admins.as_slice()
        && only.get::<_, UserId>("id") == user
    {
        return Err(NotYet::LastAdmin);
    }
    let row = tx.query_opt(CLOSE, &[&user, &now]).await?.ok_or(NotYet::Closed)?;
    let roles = Roles::stored(&row.get::<_, Vec<&str>>("roles"));
    let to_come = notary::erasure::to_come(tx, user, now).await?;
    if to_come > 0 {
        return Err(NotYet::Appointments(to_come));
    }
    let withdrawn = if roles.has(Role::Host) || roles.has(Role::Admin) {
        leave_stage(tx, user, today, now).await?
    } else {
        Vec::new()
    };
    accounts.sessions().end_others(tx, user, None, Ending::Changed).await?;
    api_keys::revoke_all(tx, user, now).await?;
    signing::store::revoke(tx, user, now).await?;
    accounts.lockout.succeeded(tx, &Keys::of(row.get("email"), None), now).await?;
    let mut kept = KEEPS.to_vec();
    for log in kept.iter_mut().filter(|kept| kept.what == AUDIT) {
        log.until = today.checked_add(accounts.audit_kept).ok();
    }
    kept.extend(documents_kept(tx, user, today).await?);
    let acts = notary::erasure::acts_kept(tx, user).await?;
    kept.extend((acts > 0).then_some(Kept {
        what: "notarial acts that were signed, their parties and their numbers",
        source: "art. 61 L. 89/1913 (notaries keep acts for good)",
        years: None,
        until: None,
        count: Some(acts),
    }));
    let letters = notary::erasure::letters_kept(tx, user).await?;
    kept.extend((letters > 0).then_some(Kept {
        what: "certified mails that were sent to the person, or by the person's office, with their receipts",
        source: "art. 2220 c.c. (letters); art. 61 L. 89/1913 (what belongs to a signed act is kept for good)",
        years: Some(YEARS),
        until: None,
        count: Some(letters),
    }));
    Ok(Begun { kept, withdrawn })
}

/// Withdraws the person's events that are still to come, unless somebody has booked one.
async fn leave_stage(tx: &mut Tx, user: UserId, today: Date, now: Timestamp) -> Result<Vec<String>, NotYet> {
    // First locked, then looked at: whoever books meanwhile has booked before, or finds it withdrawn.
    const LOCK: &str = "-- accounts.erasure.lock_events
        SELECT id FROM events WHERE host_id = $1 AND status = 'published' AND ends_on >= $2 ORDER BY id
        FOR NO KEY UPDATE";
    const BOOKED: &str = "-- accounts.erasure.booked
        SELECT slug FROM events e WHERE e.id = ANY ($1) AND EXISTS (SELECT FROM bookings b
            WHERE b.event_id = e.id AND b.status IN ('pending', 'confirmed')) ORDER BY slug";
    const WITHDRAW: &str = "-- accounts.erasure.withdraw
        UPDATE events SET status = 'withdrawn', withdrawn_at = $2, version = version + 1, updated_at = $2
        WHERE id = ANY ($1) RETURNING slug";
    let ids: Vec<uuid::Uuid> =
        tx.query(LOCK, &[&user, &today]).await?.iter().map(|row| row.get("id")).collect();
    let events: Vec<String> = tx.query(BOOKED, &[&ids]).await?.iter().map(|row| row.get("slug")).collect();
    if !events.is_empty() {
        return Err(NotYet::BookedEvents { events });
    }
    let withdrawn = tx.query(WITHDRAW, &[&ids, &now]).await?;
    Ok(withdrawn.iter().map(|row| row.get("slug")).collect())
}

async fn documents_kept(tx: &mut Tx, user: UserId, today: Date) -> Result<Option<Kept>, DbError> {
    const DOCUMENTS: &str = "-- accounts.erasure.documents_kept
        SELECT count(*) AS count, max(keep_until) AS until FROM document WHERE owner_id = $1 AND keep_until > $2";
    let row = tx.query_one(DOCUMENTS, &[&user, &today]).await?;
    let until: Option<Date> = row.get("until");
    Ok(until.map(|until| Kept {
        what: "documents that must be kept until a day",
        source: "the law of their desk (`keep_until` of the document)",
        years: None,
        until: Some(until),
        count: Some(row.get("count")),
    }))
}

/// What a step leaves to be done after its commit.
#[derive(Debug, Default)]
pub struct After {
    /// Objects of the storage that no row names any more.
    pub objects: Vec<String>,
    /// Uploads whose parts no row names any more.
    pub uploads: Vec<UploadId>,
    /// Events whose pages show something else now.
    pub events: Vec<String>,
    /// Offices whose pages show something else now: the person's own, and those the person had reviewed.
    pub offices: Vec<NotaryId>,
    /// There was more than one transaction takes: run the step again.
    pub is_unfinished: bool,
}

/// One part of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Sessions, second factor, tokens, keys, the calendar's link.
    Access,
    /// Favourites.
    Favourites,
    /// Reviews, of events and of notaries.
    Reviews,
    /// Events that nobody has ever booked.
    Events,
    /// Files on their way.
    Uploads,
    /// Appointments: what is open is cancelled, what was said is removed, files are let go.
    Appointments,
    /// Documents that the law does not keep.
    Documents,
    /// Rights at other people's documents, and links to them.
    Shares,
    /// What the person is to the notary desk: client, partner, collaborator, office.
    Notary,
    /// Where the person works for the clinic desk.
    Clinic,
    /// Where the person was when agreeing.
    Consents,
    /// Name, address and the rest.
    Profile,
}

/// Every part, in their order.
pub const STEPS: [Step; 12] = [
    Step::Access,
    Step::Favourites,
    Step::Reviews,
    Step::Events,
    Step::Uploads,
    Step::Appointments,
    Step::Documents,
    Step::Shares,
    Step::Notary,
    Step::Clinic,
    Step::Consents,
    Step::Profile,
];

/// Documents taken by one transaction.
const BATCH: i64 = 100;

impl Step {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Favourites => "favourites",
            Self::Reviews => "reviews",
            Self::Events => "events",
            Self::Uploads => "uploads",
            Self::Appointments => "appointments",
            Self::Documents => "documents",
            Self::Shares => "shares",
            Self::Notary => "notary",
            Self::Clinic => "clinic",
            Self::Consents => "consents",
            Self::Profile => "profile",
        }
    }

    /// Does it, for somebody whose account is closed. A second run finds nothing to do.
    pub async fn run(self, tx: &mut Tx, user: UserId, today: Date, now: Timestamp) -> Result<After, DbError> {
        match self {
            Self::Access => access(tx, user).await,
            Self::Favourites => favourites(tx, user).await,
            Self::Reviews => reviews(tx, user).await,
            Self::Events => events(tx, user).await,
            Self::Uploads => uploads(tx, user).await,
            Self::Appointments => notary::erasure::appointments(tx, user, now).await,
            Self::Documents => own_documents(tx, user, today).await,
            Self::Shares => shares(tx, user, now).await,
            Self::Notary => notary::erasure::profiles(tx, user, now).await,
            Self::Clinic => clinic::erasure::membership(tx, user).await,
            Self::Consents => consents(tx, user).await,
            Self::Profile => profile(tx, user, now).await,
        }
    }
}

async fn access(tx: &mut Tx, user: UserId) -> Result<After, DbError> {
    const SESSIONS: &str = "-- accounts.erasure.sessions\nDELETE FROM sessions WHERE user_id = $1";
    const TOTP: &str = "-- accounts.erasure.totp\nDELETE FROM totp WHERE user_id = $1";
    const CODES: &str = "-- accounts.erasure.recovery_codes\nDELETE FROM recovery_code WHERE user_id = $1";
    const TOKENS: &str = "-- accounts.erasure.tokens\nDELETE FROM account_token WHERE user_id = $1";
    const KEYS: &str = "-- accounts.erasure.api_keys\nDELETE FROM api_key WHERE user_id = $1";
    const LINKS: &str = "-- accounts.erasure.calendar_links\nDELETE FROM calendar_links WHERE user_id = $1";
    for statement in [SESSIONS, TOTP, CODES, TOKENS, KEYS, LINKS] {
        tx.execute(statement, &[&user]).await?;
    }
    signing::store::forget(tx, user).await?;
    Ok(After::default())
}

async fn favourites(tx: &mut Tx, user: UserId) -> Result<After, DbError> {
    const FAVOURITES: &str = "-- accounts.erasure.favourites\nDELETE FROM favourites WHERE user_id = $1";
    tx.execute(FAVOURITES, &[&user]).await?;
    Ok(After::default())
}

async fn reviews(tx: &mut Tx, user: UserId) -> Result<After, DbError> {
    const REVIEWS: &str = "-- accounts.erasure.reviews
        WITH gone AS (
            DELETE FROM reviews WHERE user_id = $1 RETURNING event_id, rating, status
        ), counted AS (
            UPDATE events SET rating_sum = rating_sum - g.rating, rating_count = rating_count - 1
            FROM gone g WHERE events.id = g.event_id AND g.status = 'published'
        )
        SELECT e.slug FROM gone JOIN events e ON e.id = gone.event_id";
    let events = tx.query(REVIEWS, &[&user]).await?.iter().map(|row| row.get("slug")).collect();
    let offices = notary::erasure::reviews(tx, user).await?;
    Ok(After { events, offices, ..After::default() })
}

/// Pictures of events go with their rows; the files without a row are pruned at night.
async fn events(tx: &mut Tx, user: UserId) -> Result<After, DbError> {
    const UNBOOKED: &str = "-- accounts.erasure.unbooked_events
        DELETE FROM events e WHERE e.host_id = $1
          AND NOT EXISTS (SELECT FROM bookings b WHERE b.event_id = e.id)
          AND NOT EXISTS (SELECT FROM reviews r WHERE r.event_id = e.id) RETURNING e.slug";
    const HOSTED: &str = "-- accounts.erasure.hosted_events\nSELECT slug FROM events WHERE host_id = $1";
    let gone = tx.query(UNBOOKED, &[&user]).await?;
    // Those that stay show the host's name.
    let stay = tx.query(HOSTED, &[&user]).await?;
    let events = gone.iter().chain(&stay).map(|row| row.get("slug")).collect();
    Ok(After { events, ..After::default() })
}

async fn uploads(tx: &mut Tx, user: UserId) -> Result<After, DbError> {
    const UPLOADS: &str = "-- accounts.erasure.uploads
        WITH gone AS (
            DELETE FROM upload AS u WHERE u.user_id = $1
              AND NOT EXISTS (SELECT FROM patient_document AS d WHERE d.upload_id = u.id) RETURNING u.id
        ), room AS (
            UPDATE document_quota AS q SET arriving = coalesce((SELECT sum(u.length) FROM upload AS u
                JOIN patient_document AS d ON d.upload_id = u.id WHERE u.user_id = $1), 0)::bigint
            WHERE q.user_id = $1
        )
        SELECT id FROM gone";
    let uploads = tx.query(UPLOADS, &[&user]).await?.iter().map(|row| row.get("id")).collect();
    Ok(After { uploads, ..After::default() })
}

async fn own_documents(tx: &mut Tx, user: UserId, today: Date) -> Result<After, DbError> {
    const FREE: &str = "-- accounts.erasure.documents
        SELECT id FROM document d WHERE d.owner_id = $1 AND (d.keep_until IS NULL OR d.keep_until <= $2)
          AND NOT EXISTS (SELECT FROM document_hold h WHERE h.document_id = d.id)
        ORDER BY d.id LIMIT $3 FOR UPDATE";
    let free = tx.query(FREE, &[&user, &today, &BATCH]).await?;
    let mut objects = Vec::new();
    for row in &free {
        let id: DocumentId = row.get("id");
        objects.extend(documents::remove(tx, id).await?);
    }
    Ok(After { objects, is_unfinished: free.len() as i64 >= BATCH, ..After::default() })
}

async fn shares(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<After, DbError> {
    const LINKS: &str = "-- accounts.erasure.links
        UPDATE document_link SET revoked_at = $2 WHERE created_by = $1 AND revoked_at IS NULL";
    const QUOTA: &str = "-- accounts.erasure.quota
        DELETE FROM document_quota q WHERE q.user_id = $1
          AND NOT EXISTS (SELECT FROM document d WHERE d.owner_id = $1)";
    let revoked = permissions::revoke_all_of(tx, user, BATCH, now).await?;
    tx.execute(LINKS, &[&user, &now]).await?;
    tx.execute(QUOTA, &[&user]).await?;
    Ok(After { is_unfinished: revoked >= BATCH, ..After::default() })
}

async fn consents(tx: &mut Tx, user: UserId) -> Result<After, DbError> {
    const CONSENTS: &str = "-- accounts.erasure.consents
        UPDATE consent SET address = NULL WHERE user_id = $1 AND address IS NOT NULL";
    tx.execute(CONSENTS, &[&user]).await?;
    Ok(After::default())
}

/// The name of who is nobody any more.
pub const NAMELESS: &str = "—";

async fn profile(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<After, DbError> {
    // No password hashes to this; no mail goes to `.invalid` (RFC 2606). The old address is free again.
    const PROFILE: &str = "-- accounts.erasure.profile
        UPDATE users SET email = 'erased-' || id || '@erased.invalid', email_verified_at = NULL, name = $2,
            password_hash = '!', phone = NULL, bio = NULL, roles = '{client}', role = 'user', version = version + 1,
            updated_at = $3
        WHERE id = $1 AND erased_at IS NOT NULL AND password_hash <> '!'";
    tx.execute(PROFILE, &[&user, &NAMELESS, &now]).await?;
    Ok(After::default())
}

/// Bookings of a person, from above `after` on: mails about them are named by their ids.
pub async fn bookings(
    db: &Db,
    user: UserId,
    after: Option<BookingId>,
    limit: i64,
) -> Result<Vec<BookingId>, DbError> {
    const BOOKINGS: &str = "-- accounts.erasure.bookings
        SELECT id FROM bookings WHERE user_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3";
    let rows = db.read(BOOKINGS, args![user, after, limit]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}
