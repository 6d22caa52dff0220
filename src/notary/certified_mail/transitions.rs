//! What happens to a certified mail. Every function here takes a mail that is locked, and asks the state machine.

use jiff::Timestamp;

use super::{
    attachments::{self, NewAttachment},
    message::{CertifiedMail, RecipientKind},
};
use crate::{
    db::{DbError, Tx},
    ids::{CertifiedMailId, NotaryId, UserId},
    notary::{
        acts,
        notifications::{Facts, Kind, MailFacts, Told},
        rules::machine::{
            Forbidden, Name as _, Who,
            certified_mail::{Event, MACHINE},
        },
    },
};

/// Characters of why a mail is not sent: what servers say is cut.
const PROBLEM_MAX: usize = 1000;
/// Mails that are given up by one transaction.
pub const BATCH: i64 = 100;
/// What the left side of a Message-ID begins with.
const MESSAGE: &str = "certified";

/// Why something is not done with a certified mail.
#[derive(Debug, thiserror::Error)]
pub enum CertifiedMailError {
    /// The state machine says no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// They work there, but may not do this.
    #[error("the notary has not permitted you to send certified mail")]
    NotPermitted,
    /// No such act at this office.
    #[error("the office has no such act")]
    NoSuchAct,
    /// There is nothing to send.
    #[error("the act has no signed deed, or was annulled")]
    NotSigned,
    /// Nobody knows where to.
    #[error("the client has named no address of certified mail: say to whom the deed is to go")]
    NoAddress,
    /// No such template at this office, or it is not used any more.
    #[error("the office has no such template")]
    NoSuchTemplate,
    /// It is not theirs to read, or there is none.
    #[error("there is a document that you may not read, or no such version of it")]
    NoSuchDocument,
    /// Fields of a template have no value.
    #[error("these fields of the template have no value: {0}")]
    NoValue(String),
    /// There is a template of this name.
    #[error("the office has a template of this name already")]
    NameTaken,
    /// There are [`super::templates::PER_OFFICE`].
    #[error("{} templates are the most", super::templates::PER_OFFICE)]
    TooManyTemplates,
    /// There are [`super::drafts::DRAFTS_PER_OFFICE`].
    #[error("{} drafts are the most: send or remove some first", super::drafts::DRAFTS_PER_OFFICE)]
    TooManyDrafts,
    /// An address stands there twice.
    #[error("an address is named twice")]
    TwiceTo,
    /// Nobody is addressed.
    #[error("name somebody in the field `to`")]
    NoRecipient,
    /// It says nothing.
    #[error("a certified mail needs a subject and a text")]
    NoWords,
    /// The provider does not send blind copies.
    #[error("the provider of certified mail does not send blind copies (`bcc`)")]
    BlindCopies,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What is to be known of the provider when a mail is put into the queue.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'s> {
    /// Of Message-IDs, and of offices without an address of their own.
    pub domain: &'s str,
    /// Whether it sends blind copies.
    pub hides: bool,
}

/// The Message-ID of a sending.
pub fn message_id(id: CertifiedMailId, sending: i32, domain: &str) -> String {
    format!("<{MESSAGE}.{id}.{sending}@{domain}>")
}

/// Which sending of which mail a Message-ID is of.
pub fn of_message_id(text: &str) -> Option<(CertifiedMailId, i32)> {
    let left = text.trim().trim_start_matches('<').split('@').next()?;
    let (id, sending) = left.strip_prefix(MESSAGE)?.strip_prefix('.')?.split_once('.')?;
    Some((id.parse().ok()?, sending.parse().ok()?))
}

/// Puts a draft into the queue, or one that has failed again: with a Message-ID of its own, and all tries before it. What goes
/// along is fixed and held. Says which sending it is: its job must be enqueued in the same transaction.
pub async fn enqueue(
    tx: &mut Tx,
    mail: &CertifiedMail,
    event: Event,
    sender: Sender<'_>,
    by: UserId,
    now: Timestamp,
) -> Result<i32, CertifiedMailError> {
    const ENQUEUE: &str = "-- notary.certified_mail.enqueue
        WITH fresh AS (
            UPDATE certified_mail_recipient SET delivered_at = NULL, failed_at = NULL, problem = NULL
            WHERE mail_id = $1 AND (delivered_at IS NOT NULL OR failed_at IS NOT NULL)
        )
        UPDATE certified_mail m SET status = $2, sending = $3, message_id = $4, sender_name = n.office_name,
            sender = coalesce(n.certified_address, 'studio-' || n.id || '@' || $5), tries = 0, next_try_at = $6, problem = NULL,
            queued_by = $7, queued_at = $6, submitted_at = NULL, sent_at = NULL, failed_at = NULL, version = m.version + 1,
            updated_at = $6
        FROM notary n WHERE m.id = $1 AND n.id = m.notary_id";
    let to = mail.next(event)?;
    assert_whole(mail, sender)?;
    if event == Event::Enqueue {
        let of =
            |it: &super::message::Attachment| NewAttachment { document: it.document_id, number: it.number };
        let wanted: Vec<NewAttachment> = mail.attachments.iter().map(of).collect();
        attachments::fix(tx, mail.id, (mail.notary_id, by), &wanted, now).await?;
    }
    let sending = mail.sending + 1;
    let message_id = message_id(mail.id, sending, sender.domain);
    let args: [&(dyn postgres_types::ToSql + Sync); 7] =
        [&mail.id, &to.as_str(), &sending, &message_id, &sender.domain, &now, &by];
    tx.execute(ENQUEUE, &args).await?;
    Ok(sending)
}

fn assert_whole(mail: &CertifiedMail, sender: Sender<'_>) -> Result<(), CertifiedMailError> {
    let has = |kind| mail.recipients.iter().any(|it| it.kind == kind);
    if mail.subject.is_empty() || mail.body.is_empty() {
        return Err(CertifiedMailError::NoWords);
    }
    if !has(RecipientKind::To) {
        return Err(CertifiedMailError::NoRecipient);
    }
    if !sender.hides && has(RecipientKind::Bcc) {
        return Err(CertifiedMailError::BlindCopies);
    }
    Ok(())
}

/// Takes a quarantined mail back to be made smaller.
pub async fn revise(tx: &mut Tx, mail: &CertifiedMail, now: Timestamp) -> Result<(), CertifiedMailError> {
    const REVISE: &str = "-- notary.certified_mail.revise
        UPDATE certified_mail SET status = $2, problem = NULL, bytes = NULL, next_try_at = NULL, version = version + 1,
            updated_at = $3
        WHERE id = $1";
    let to = mail.next(Event::Revise)?;
    attachments::let_go(tx, mail.id).await?;
    tx.execute(REVISE, &[&mail.id, &to.as_str(), &now]).await?;
    Ok(())
}

/// A sending is about to be tried, and is over by `until` at the latest. Whether it is still to be sent.
pub async fn begin_try(
    tx: &mut Tx,
    (id, sending): (CertifiedMailId, i32),
    until: Timestamp,
) -> Result<bool, DbError> {
    const BEGIN: &str = "-- notary.certified_mail.begin_try
        UPDATE certified_mail SET tries = tries + 1, next_try_at = $3, problem = NULL
        WHERE id = $1 AND sending = $2 AND status = 'queued' AND submitted_at IS NULL";
    Ok(tx.execute(BEGIN, &[&id, &sending, &until]).await? == 1)
}

/// A sending was tried in vain: it stays queued, and is tried again then.
pub async fn wait(
    tx: &mut Tx,
    (id, sending): (CertifiedMailId, i32),
    problem: &str,
    next_try_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    const WAIT: &str = "-- notary.certified_mail.wait
        UPDATE certified_mail SET problem = $3, next_try_at = $4, version = version + 1, updated_at = $5
        WHERE id = $1 AND sending = $2 AND status = 'queued'";
    tx.execute(WAIT, &[&id, &sending, &cut(problem), &next_try_at, &now]).await?;
    Ok(())
}

/// The provider has it. It stays queued until the receipt of acceptance says that it was taken.
pub async fn submitted(
    tx: &mut Tx,
    mail: &mut CertifiedMail,
    bytes: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    const SUBMITTED: &str = "-- notary.certified_mail.submitted
        UPDATE certified_mail SET submitted_at = $2, bytes = $3, problem = NULL, next_try_at = NULL, version = version + 1,
            updated_at = $2
        WHERE id = $1";
    tx.execute(SUBMITTED, &[&mail.id, &now, &bytes]).await?;
    mail.is_submitted = true;
    Ok(())
}

/// A job or a receipt moves a mail on.
pub(super) async fn step(
    tx: &mut Tx,
    mail: &mut CertifiedMail,
    event: Event,
    problem: Option<&str>,
    now: Timestamp,
) -> Result<(), CertifiedMailError> {
    const STEP: &str = "-- notary.certified_mail.step
        UPDATE certified_mail SET status = $3, problem = $4, next_try_at = NULL,
            submitted_at = CASE WHEN $3 = 'sent' THEN coalesce(submitted_at, $5) ELSE submitted_at END,
            sent_at = CASE WHEN $3 = 'sent' THEN $5::timestamptz ELSE sent_at END,
            delivered_at = CASE WHEN $3 = 'delivered' THEN $5::timestamptz END,
            failed_at = CASE WHEN $3 IN ('failed', 'quarantined') THEN $5::timestamptz END,
            version = version + 1, updated_at = $5
        WHERE id = $1 AND status = $2";
    let to = MACHINE.next_by(mail.status, event, Who::System)?;
    let problem = problem.map(cut);
    let moved = tx.execute(STEP, &[&mail.id, &mail.status.as_str(), &to.as_str(), &problem, &now]).await?;
    debug_assert_eq!(moved, 1, "the row is locked");
    mail.status = to;
    Ok(())
}

/// The provider has taken it. The signed act that it is about was sent by it.
pub async fn accept(tx: &mut Tx, mail: &mut CertifiedMail, now: Timestamp) -> Result<(), CertifiedMailError> {
    step(tx, mail, Event::Send, None, now).await?;
    if let Some(act) = mail.act_id {
        acts::transitions::sent_by_mail(tx, act, now).await?;
    }
    Ok(())
}

/// It is given up. Says whom to tell.
pub async fn fail(
    tx: &mut Tx,
    mail: &mut CertifiedMail,
    problem: &str,
    now: Timestamp,
) -> Result<Vec<Told>, CertifiedMailError> {
    step(tx, mail, Event::Fail, Some(problem), now).await?;
    let facts = MailFacts { problem: cut(problem), ..MailFacts::of(&mail.subject) };
    told(tx, mail, facts).await
}

/// It is too large. Says whom to tell.
pub async fn quarantine(
    tx: &mut Tx,
    mail: &mut CertifiedMail,
    (bytes, limit): (i64, i64),
    now: Timestamp,
) -> Result<Vec<Told>, CertifiedMailError> {
    const BYTES: &str = "-- notary.certified_mail.weigh\nUPDATE certified_mail SET bytes = $2 WHERE id = $1";
    let problem =
        format!("too large: {} MB as it is sent, {} MB are the most", megabytes(bytes), megabytes(limit));
    step(tx, mail, Event::Quarantine, Some(&problem), now).await?;
    tx.execute(BYTES, &[&mail.id, &bytes]).await?;
    let facts =
        MailFacts { megabytes: megabytes(bytes), limit: megabytes(limit), ..MailFacts::of(&mail.subject) };
    told(tx, mail, facts).await
}

/// As people write it, with one decimal.
fn megabytes(bytes: i64) -> String {
    let tenths = bytes.unsigned_abs().div_ceil(100_000);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Mails that have waited for too long, and that nobody is trying to send at this moment; of `only` this one, whether it is.
pub async fn overdue(
    tx: &mut Tx,
    queued_before: Timestamp,
    only: Option<CertifiedMailId>,
    now: Timestamp,
) -> Result<Vec<CertifiedMailId>, DbError> {
    // While it is tried there is no problem yet, and the end of the try is to come.
    const OVERDUE: &str = "-- notary.certified_mail.overdue
        SELECT id FROM certified_mail
        WHERE status = 'queued' AND queued_at < $1 AND ($2::uuid IS NULL OR id = $2)
          AND (submitted_at IS NOT NULL OR problem IS NOT NULL OR next_try_at < $3)
        ORDER BY queued_at LIMIT $4";
    let rows = tx.query(OVERDUE, &[&queued_before, &only, &now, &BATCH]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}

/// The people of an office who may send its certified mail hear of it.
async fn told(tx: &mut Tx, mail: &CertifiedMail, facts: MailFacts) -> Result<Vec<Told>, CertifiedMailError> {
    let facts = Facts { office: mail.office_name.clone(), mail: Some(facts), ..Facts::default() };
    let people = people(tx, mail.notary_id).await?.into_iter();
    let kind = Kind::SystemMessage;
    Ok(people
        .map(|user| Told { user, kind, facts: facts.clone(), appointment: None, act: mail.act_id })
        .collect())
}

async fn people(tx: &mut Tx, office: NotaryId) -> Result<Vec<UserId>, DbError> {
    const PEOPLE: &str = "-- notary.certified_mail.people
        SELECT n.user_id FROM notary n WHERE n.id = $1
        UNION SELECT w.user_id FROM collaborator w
        WHERE w.notary_id = $1 AND w.agreed_at IS NOT NULL AND 'send_certified_mail' = ANY (w.permissions)";
    Ok(tx.query(PEOPLE, &[&office]).await?.iter().map(|row| row.get("user_id")).collect())
}

/// Not longer than a column is.
pub(super) fn cut(problem: &str) -> String {
    let text: String = problem.chars().filter(|c| !c.is_control()).take(PROBLEM_MAX).collect();
    if text.trim().is_empty() { "—".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::{cut, megabytes, message_id, of_message_id};
    use crate::ids::CertifiedMailId;

    #[test]
    fn a_message_id_names_its_sending() {
        let id = CertifiedMailId(uuid::Uuid::from_u128(7));
        let text = message_id(id, 3, "pec.example.org");
        assert_eq!(text, "<certified.00000000-0000-0000-0000-000000000007.3@pec.example.org>");
        assert_eq!(of_message_id(&text), Some((id, 3)));
        for other in ["<notification.x@a.it>", "<certified.x.1@a.it>", "", "<certified.@a>"] {
            assert_eq!(of_message_id(other), None, "{other}");
        }
    }

    #[test]
    fn what_servers_say_fits_a_line() {
        assert_eq!(cut("550 no\r\nX: y"), "550 noX: y");
        assert_eq!(cut(&"è".repeat(2000)).chars().count(), 1000);
        assert_eq!((cut("\n"), megabytes(50_000_001).as_str()), ("—".to_owned(), "50.1"));
    }
}
