//! What asking for the signature needs: a deed that is whole, and says what the act says.

use jiff::Timestamp;

use super::deed::texts;
use crate::{
    db::Tx,
    mail::Language,
    notary::{
        acts::{act::Act, transitions::ActError},
        templates::fields::{self, DRAFTED_ON},
    },
};

/// Freezes the newest deed of a locked act.
pub async fn freeze(tx: &mut Tx, act: &Act, now: Timestamp) -> Result<(), ActError> {
    const NEWEST: &str = "-- notary.deeds.newest
        SELECT number, language, facts, missing, unprintable FROM deed WHERE act_id = $1
        ORDER BY number DESC LIMIT 1";
    const FREEZE: &str = "-- notary.deeds.freeze
        UPDATE deed SET frozen_at = $3 WHERE act_id = $1 AND number = $2";
    let Some(row) = tx.query_opt(NEWEST, &[&act.id]).await? else { return Err(ActError::NoDeed) };
    let mut lacks: Vec<String> = row.get("missing");
    let unprintable: String = row.get("unprintable");
    if !unprintable.is_empty() {
        lacks.push(unprintable);
    }
    if !lacks.is_empty() {
        return Err(ActError::DeedIncomplete(lacks.join(", ")));
    }
    let mut then = texts(&row, "facts");
    let mut now_says = fields::of(tx, act.id, Language::of(row.get("language")), now).await?;
    for facts in [&mut then, &mut now_says] {
        facts.remove(DRAFTED_ON);
    }
    if then != now_says {
        return Err(ActError::DeedOutdated);
    }
    tx.execute(FREEZE, &[&act.id, &row.get::<_, i32>("number"), &now]).await?;
    Ok(())
}
