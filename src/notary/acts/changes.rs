//! What the office writes down about an act, and what the client says of it in the end.

use jiff::Timestamp;

use super::{
    act::{Act, CadastralUnit, Survey},
    transitions::ActError,
};
use crate::{
    db::{DbError, Tx},
    notary::rules::machine::act::State,
};

/// Changes to an act; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// In a few words.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// What the office notes for itself: also later than the rest.
    pub office_note: Option<String>,
    /// The bank; empty: none.
    pub bank_name: Option<String>,
    /// Its branch; empty: none.
    pub bank_branch: Option<String>,
    /// What it lends.
    pub loan_cents: Option<Option<i64>>,
    /// Where the property is; empty: nowhere.
    pub property_address: Option<String>,
    /// Its units in the land register.
    pub property_units: Option<Vec<CadastralUnit>>,
    /// Its value.
    pub property_value_cents: Option<Option<i64>>,
}

/// Whether what an act says may be changed.
pub(in crate::notary) const fn is_open(status: State) -> bool {
    matches!(status, State::Draft | State::InPreparation)
}

/// Changes a locked act. What it says is final once its signature was asked for.
pub async fn change(tx: &mut Tx, act: &Act, changes: &Changes, now: Timestamp) -> Result<(), ActError> {
    const CHANGE: &str = "-- notary.acts.change
        UPDATE act SET title = coalesce($2, title), description = coalesce($3, description),
            office_note = coalesce($4, office_note),
            bank_name = CASE WHEN $5::text IS NULL THEN bank_name ELSE nullif($5, '') END,
            bank_branch = CASE WHEN $6::text IS NULL THEN bank_branch ELSE nullif($6, '') END,
            loan_cents = CASE WHEN $7 THEN $8::bigint ELSE loan_cents END,
            property_address = CASE WHEN $9::text IS NULL THEN property_address ELSE nullif($9, '') END,
            property_units = coalesce($10, property_units),
            property_value_cents = CASE WHEN $11 THEN $12::bigint ELSE property_value_cents END,
            version = version + 1, updated_at = $13
        WHERE id = $1";
    let only_note = Changes { office_note: None, ..changes.clone() } == Changes::default();
    let has_ended = matches!(act.status, State::Archived | State::Annulled);
    if has_ended || !(only_note || is_open(act.status)) {
        return Err(ActError::Final);
    }
    let units = changes.property_units.as_ref();
    let units = units.map(|units| serde_json::to_value(units).expect("texts are JSON"));
    let args: [&(dyn postgres_types::ToSql + Sync); 13] = [
        &act.id,
        &changes.title,
        &changes.description,
        &changes.office_note,
        &changes.bank_name,
        &changes.bank_branch,
        &changes.loan_cents.is_some(),
        &changes.loan_cents.flatten(),
        &changes.property_address,
        &units,
        &changes.property_value_cents.is_some(),
        &changes.property_value_cents.flatten(),
        &now,
    ];
    tx.execute(CHANGE, &args).await?;
    Ok(())
}

/// Stores what the client says of a locked act, once it is signed and until it is archived.
pub async fn survey(tx: &mut Tx, act: &Act, survey: &Survey, now: Timestamp) -> Result<(), ActError> {
    if !matches!(act.status, State::Signed | State::Sent) {
        return Err(ActError::NotSigned);
    }
    Ok(store_survey(tx, act, survey, now).await?)
}

pub(super) async fn store_survey(
    tx: &mut Tx,
    act: &Act,
    survey: &Survey,
    now: Timestamp,
) -> Result<(), DbError> {
    const SURVEY: &str = "-- notary.acts.survey
        UPDATE act SET survey = $2, survey_completed_at = $3, version = version + 1, updated_at = $3 WHERE id = $1";
    let survey = serde_json::to_value(survey).expect("texts and numbers are JSON");
    tx.execute(SURVEY, &[&act.id, &survey, &now]).await?;
    Ok(())
}
