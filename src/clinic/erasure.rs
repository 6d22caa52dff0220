//! What becomes of an erased person's things at the clinic desk. The rules are in [`crate::accounts::erasure::RULES`].
//!
//! Patients are no accounts: what somebody wrote down about them is theirs and the clinic's, and stays, by an id.

use crate::{
    accounts::erasure::After,
    db::{DbError, Tx},
    ids::UserId,
};

/// The person works in no clinic any more.
pub async fn membership(tx: &mut Tx, user: UserId) -> Result<After, DbError> {
    const MEMBERSHIP: &str = "-- clinic.erasure.membership\nDELETE FROM clinic_member WHERE user_id = $1";
    tx.execute(MEMBERSHIP, &[&user]).await?;
    Ok(After::default())
}
