//! Writing a certified mail: a draft is what its office makes of it until it is put into the queue.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    attachments::{self, NewAttachment},
    message::{CertifiedMail, RecipientKind, may_send},
    templates,
    transitions::CertifiedMailError,
};
use crate::{
    db::Tx,
    ids::{ActId, CertifiedMailId, MailTemplateId, NotaryId, UserId},
    notary::rules::machine::{
        Forbidden, Name as _,
        certified_mail::{Event, MACHINE, State},
    },
};

/// Drafts that an office has at most: more is a program that has gone wrong.
pub const DRAFTS_PER_OFFICE: i64 = 1000;

/// Somebody to whom a mail is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecipient {
    /// In which field.
    pub kind: RecipientKind,
    /// The address, in lower case.
    pub address: String,
    /// The name beside it.
    pub name: String,
}

/// Where the words of a draft come from.
#[derive(Debug, Clone)]
pub enum Words {
    /// They were written.
    Own {
        /// The subject.
        subject: String,
        /// The text.
        body: String,
    },
    /// They are a template's, with these values besides the known ones.
    Template(MailTemplateId, BTreeMap<String, String>),
}

/// A mail to be written.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// What it is about.
    pub act: Option<ActId>,
    /// What it says.
    pub words: Words,
    /// To whom it goes.
    pub recipients: Vec<NewRecipient>,
    /// What goes along.
    pub attachments: Vec<NewAttachment>,
}

/// Changes to a draft; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The subject.
    pub subject: Option<String>,
    /// The text.
    pub body: Option<String>,
    /// To whom it goes.
    pub recipients: Option<Vec<NewRecipient>>,
    /// What goes along.
    pub attachments: Option<Vec<NewAttachment>>,
}

/// Writes a draft for an office. Subject and text of a template, filled, must be checked by the caller as if they had been
/// written: `check` says what is wrong with them.
pub async fn create<E: From<CertifiedMailError>>(
    tx: &mut Tx,
    (id, office, by): (CertifiedMailId, NotaryId, UserId),
    new: &NewMail,
    check: impl Fn(&str, &str) -> Result<(), E>,
    now: Timestamp,
) -> Result<(), E> {
    may_send(tx, office, by).await?;
    if let Some(act) = new.act {
        of_the_office(tx, office, act).await?;
    }
    let (subject, body) = match &new.words {
        Words::Own { subject, body } => (subject.clone(), body.clone()),
        Words::Template(template, values) => {
            filled(tx, (office, by), (*template, values), new.act, now).await?
        }
    };
    check(&subject, &body)?;
    insert(tx, (id, office, by), new.act, (&subject, &body), now).await?;
    replace_recipients(tx, id, &new.recipients).await?;
    attachments::replace(tx, id, (office, by), &new.attachments, now).await?;
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    (id, office, by): (CertifiedMailId, NotaryId, UserId),
    act: Option<ActId>,
    (subject, body): (&str, &str),
    now: Timestamp,
) -> Result<(), CertifiedMailError> {
    const INSERT: &str = "-- notary.certified_mail.create
        INSERT INTO certified_mail (id, notary_id, act_id, status, subject, body, created_by, created_at, updated_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8
        WHERE (SELECT count(*) FROM (SELECT FROM certified_mail WHERE notary_id = $2 AND status = $4 LIMIT $9) AS drafts) < $9";
    let status = MACHINE.start.as_str();
    let args: [&(dyn postgres_types::ToSql + Sync); 9] =
        [&id, &office, &act, &status, &subject, &body, &by, &now, &DRAFTS_PER_OFFICE];
    if tx.execute(INSERT, &args).await? == 0 { Err(CertifiedMailError::TooManyDrafts) } else { Ok(()) }
}

/// Acts of other offices do not exist.
async fn of_the_office(tx: &mut Tx, office: NotaryId, act: ActId) -> Result<(), CertifiedMailError> {
    const ACT: &str = "-- notary.certified_mail.act_of_the_office
        SELECT FROM act WHERE id = $1 AND notary_id = $2 FOR NO KEY UPDATE";
    tx.query_opt(ACT, &[&act, &office]).await?.map(drop).ok_or(CertifiedMailError::NoSuchAct)
}

async fn filled(
    tx: &mut Tx,
    (office, by): (NotaryId, UserId),
    (template, values): (MailTemplateId, &BTreeMap<String, String>),
    act: Option<ActId>,
    now: Timestamp,
) -> Result<(String, String), CertifiedMailError> {
    let template = templates::lock(tx, by, template).await?.filter(|template| template.is_active);
    let template = template.ok_or(CertifiedMailError::NoSuchTemplate)?;
    let mut all = templates::known(tx, office, act, now).await?;
    all.extend(values.clone());
    let missing: BTreeSet<String> =
        match (templates::fill(&template.subject, &all), templates::fill(&template.body, &all)) {
            (Ok(subject), Ok(body)) => return Ok((subject, body)),
            (subject, body) => {
                subject.err().unwrap_or_default().into_iter().chain(body.err().unwrap_or_default()).collect()
            }
        };
    Err(CertifiedMailError::NoValue(missing.into_iter().collect::<Vec<_>>().join(", ")))
}

async fn replace_recipients(
    tx: &mut Tx,
    id: CertifiedMailId,
    recipients: &[NewRecipient],
) -> Result<(), CertifiedMailError> {
    const REMOVE: &str = "-- notary.certified_mail.remove_recipients
        DELETE FROM certified_mail_recipient WHERE mail_id = $1";
    const ADD: &str = "-- notary.certified_mail.add_recipients
        INSERT INTO certified_mail_recipient (mail_id, position, kind, address, name)
        SELECT $1, r.n, r.kind, r.address, r.name
        FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS r (kind, address, name, n)";
    let kinds: Vec<&str> = recipients.iter().map(|it| it.kind.as_str()).collect();
    let addresses: Vec<&str> = recipients.iter().map(|it| it.address.as_str()).collect();
    let names: Vec<&str> = recipients.iter().map(|it| it.name.as_str()).collect();
    tx.execute(REMOVE, &[&id]).await?;
    match tx.execute(ADD, &[&id, &kinds, &addresses, &names]).await {
        Err(error) if error.constraint() == Some("certified_mail_recipient_once") => {
            Err(CertifiedMailError::TwiceTo)
        }
        added => Ok(added.map(drop)?),
    }
}

/// Only a draft is changed or removed; the machine has no event for it, because the state stays.
fn assert_draft(mail: &CertifiedMail, event: &'static str) -> Result<(), CertifiedMailError> {
    if mail.status == State::Draft {
        return Ok(());
    }
    let (machine, from) = (MACHINE.name, mail.status.as_str());
    Err(Forbidden::State { machine, from, event }.into())
}

/// Changes a locked draft.
pub async fn change(
    tx: &mut Tx,
    mail: &CertifiedMail,
    changes: &Changes,
    by: UserId,
    now: Timestamp,
) -> Result<(), CertifiedMailError> {
    const CHANGE: &str = "-- notary.certified_mail.change
        UPDATE certified_mail SET subject = coalesce($2, subject), body = coalesce($3, body), version = version + 1,
            updated_at = $4
        WHERE id = $1";
    assert_draft(mail, "change")?;
    if let Some(recipients) = &changes.recipients {
        replace_recipients(tx, mail.id, recipients).await?;
    }
    if let Some(wanted) = &changes.attachments {
        attachments::replace(tx, mail.id, (mail.notary_id, by), wanted, now).await?;
    }
    tx.execute(CHANGE, &[&mail.id, &changes.subject, &changes.body, &now]).await?;
    Ok(())
}

/// Removes a locked mail that was never sent: a draft.
pub async fn remove(tx: &mut Tx, mail: &CertifiedMail) -> Result<(), CertifiedMailError> {
    const REMOVE: &str = "-- notary.certified_mail.remove\nDELETE FROM certified_mail WHERE id = $1";
    assert_draft(mail, Event::Enqueue.as_str())?;
    attachments::let_go(tx, mail.id).await?;
    tx.execute(REMOVE, &[&mail.id]).await?;
    Ok(())
}
