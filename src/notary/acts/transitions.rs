//! What happens to an act. Every function here takes an act that [`super::act::lock`] has locked, and asks the state machine.

use jiff::Timestamp;

use super::{
    act::{Act, Survey},
    changes::store_survey,
    opening::told,
    register,
};
use crate::{
    db::{DbError, Tx},
    ids::{ActId, NotaryId, UserId},
    notary::{
        deeds::freezing,
        notifications::{Facts, Kind, Told},
        rules::machine::{
            Forbidden, Name as _, Who,
            act::{Event, MACHINE, State},
        },
        signatures::answering,
    },
};

/// Why something is not done with an act.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// A state machine says no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// They work there, but may not do this.
    #[error("the notary has not permitted you to manage acts")]
    NotPermitted,
    /// Notaries are not their own clients.
    #[error("nobody is a client of the own office")]
    OwnOffice,
    /// No such type of act, or none was named.
    #[error("name a type of act of the catalogue")]
    NoSuchType,
    /// No such appointment at this office.
    #[error("the office has no such appointment")]
    NoSuchAppointment,
    /// The appointment has not come so far.
    #[error("an act is opened from an appointment that is ready, in progress or completed")]
    NotReady,
    /// There is an act of this appointment.
    #[error("an act was opened from this appointment already")]
    Twice,
    /// Its signature was asked for.
    #[error("what the act says is final: its signature was asked for")]
    Final,
    /// Something is missing that its type needs.
    #[error("before this act is signed it needs: {0}")]
    Incomplete(String),
    /// It is not signed.
    #[error("the survey is about an act that is signed, and not yet archived")]
    NotSigned,
    /// Nothing was drafted; and acts are signed with their deed ([`crate::notary::signatures::deed::sign`]), and no other way.
    #[error("the act has no text: draft a deed first")]
    NoDeed,
    /// The newest deed cannot be signed.
    #[error("the newest deed of this act lacks: {0}")]
    DeedIncomplete(String),
    /// The act was changed after it.
    #[error("the act was changed after its newest deed was drafted: draft it again")]
    DeedOutdated,
    /// Archiving needs the survey.
    #[error("the survey is missing: have the client complete it, or send it along")]
    NoSurvey,
    /// Another act has the number of the register that stands on the deed.
    #[error("the number is another act's")]
    NumberTaken,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The people of an office who are told of its acts: the notary, and collaborators who manage them.
pub(super) async fn act_people(tx: &mut Tx, office: NotaryId) -> Result<Vec<UserId>, DbError> {
    const PEOPLE: &str = "-- notary.acts.people
        SELECT n.user_id FROM notary n WHERE n.id = $1
        UNION SELECT w.user_id FROM collaborator w
        WHERE w.notary_id = $1 AND w.agreed_at IS NOT NULL AND 'manage_acts' = ANY (w.permissions)";
    Ok(tx.query(PEOPLE, &[&office]).await?.iter().map(|row| row.get("user_id")).collect())
}

/// Something happens to an act, with a reason (of annulling: why; of sending: how it was handed over) or the survey where there
/// is one; signing alone happens elsewhere. Annulling annuls the entry, archiving registers it for good. Says who is told.
pub async fn apply(
    tx: &mut Tx,
    act: &Act,
    (event, reason, survey): (Event, Option<&str>, Option<&Survey>),
    by: UserId,
    now: Timestamp,
) -> Result<Vec<Told>, ActError> {
    let to = act.next(event)?;
    match event {
        Event::RequestSignature => {
            assert_complete(tx, act).await?;
            freezing::freeze(tx, act, now).await?;
        }
        Event::Archive => {
            if let Some(survey) = survey {
                store_survey(tx, act, survey, now).await?;
            } else if act.survey.is_none() {
                return Err(ActError::NoSurvey);
            }
            register::register(tx, act, now).await?;
        }
        Event::Annul => register::annul(tx, act, reason.unwrap_or_default(), now).await?,
        Event::Sign => return Err(ActError::NoDeed),
        Event::Prepare | Event::Send => {}
    }
    step(tx, act, to, reason, now).await?;
    if matches!(to, State::Archived | State::Annulled) {
        answering::end_with_act(tx, act.id, now).await?;
    }
    let number = act.protocol_number.clone().unwrap_or_default();
    match to {
        // Now there is a text that stays as it is: the client reads it, the notary signs it.
        State::AwaitingSignature => tell_people(tx, act, (Kind::ActAvailable, number), by).await,
        State::Archived => tell_people(tx, act, (Kind::ActCompleted, number), by).await,
        _ => Ok(Vec::new()),
    }
}

/// The client and the office hear of an act with this number, but not who has done it.
pub(in crate::notary) async fn tell_people(
    tx: &mut Tx,
    act: &Act,
    (kind, number): (Kind, String),
    by: UserId,
) -> Result<Vec<Told>, ActError> {
    let facts = Facts { office: act.office_name.clone(), act: act.title.clone(), number, ..Facts::default() };
    let mut people = act_people(tx, act.notary_id).await?;
    people.push(act.client_id);
    Ok(told(people, by, kind, &facts, act.id))
}

/// A certified mail about an act was accepted by its provider: a signed act was sent by it. The act is locked. Whatever else it
/// is stays as it is: it was handed over before, or annulled.
pub async fn sent_by_mail(tx: &mut Tx, act: ActId, now: Timestamp) -> Result<(), DbError> {
    const SENT: &str = "-- notary.acts.sent_by_mail
        UPDATE act SET status = $2, sent_at = $3, version = version + 1, updated_at = $3
        WHERE id = $1 AND status = ANY ($4)";
    let from = MACHINE.sources(Event::Send, Who::System);
    tx.execute(SENT, &[&act, &State::Sent.as_str(), &now, &from]).await?;
    Ok(())
}

async fn step(
    tx: &mut Tx,
    act: &Act,
    to: State,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    const STEP: &str = "-- notary.acts.step
        UPDATE act SET status = $3, reason = CASE WHEN $3 = 'annulled' THEN $4 ELSE reason END,
            handed_over = CASE WHEN $3 = 'sent' THEN $4 ELSE handed_over END,
            sent_at = CASE WHEN $3 = 'sent' THEN $5::timestamptz ELSE sent_at END,
            closed_at = CASE WHEN $3 = 'archived' THEN $5::timestamptz ELSE closed_at END,
            annulled_at = CASE WHEN $3 = 'annulled' THEN $5::timestamptz ELSE annulled_at END,
            version = version + 1, updated_at = $5
        WHERE id = $1 AND status = $2";
    let moved = tx.execute(STEP, &[&act.id, &act.status.as_str(), &to.as_str(), &reason, &now]).await?;
    debug_assert_eq!(moved, 1, "the row is locked");
    Ok(())
}

/// Whether everything is there that the type of act needs.
async fn assert_complete(tx: &mut Tx, act: &Act) -> Result<(), ActError> {
    const PARTIES: &str = "-- notary.acts.count_parties
        SELECT count(*) AS parties FROM act_party WHERE act_id = $1";
    let parties: i64 = tx.query_one(PARTIES, &[&act.id]).await?.get("parties");
    let missing: Vec<&str> = [
        (act.needs.parties && parties == 0, "parties"),
        (act.needs.property && act.property_address.is_none(), "property_address"),
        (act.needs.bank && act.bank_name.is_none(), "bank_name"),
    ]
    .into_iter()
    .filter_map(|(is_missing, what)| is_missing.then_some(what))
    .collect();
    if missing.is_empty() { Ok(()) } else { Err(ActError::Incomplete(missing.join(", "))) }
}
