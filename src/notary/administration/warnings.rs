//! Licences that end soon: their notaries are warned once of each last day.

use jiff::{ToSpan as _, civil::Date};

use crate::{
    db::{DbError, Tx},
    ids::{NotaryId, UserId},
    notary::licence::WARNING_DAYS,
};

/// Warned of in one transaction.
pub const BATCH: i64 = 100;

/// A licence that ends soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    /// Whose.
    pub notary: NotaryId,
    /// The notary's account.
    pub user: UserId,
    /// The last day.
    pub ends_on: Date,
}

/// Licences whose last day comes within 30 days and was not warned of, at most [`BATCH`]. They are warned of with the commit.
pub async fn due(tx: &mut Tx, today: Date) -> Result<Vec<Warning>, DbError> {
    const DUE: &str = "-- notary.administration.warnings_due
        UPDATE notary AS n SET licence_warned = n.licence_ends_on
        WHERE n.id IN (SELECT d.id FROM notary AS d
            WHERE d.licence_active AND d.licence_ends_on BETWEEN $1 AND $2
              AND d.licence_warned IS DISTINCT FROM d.licence_ends_on
            ORDER BY d.licence_ends_on, d.id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING n.id, n.user_id, n.licence_ends_on";
    let until = today.saturating_add(WARNING_DAYS.days());
    let rows = tx.query(DUE, &[&today, &until, &BATCH]).await?;
    let warnings = rows.iter().map(|row| Warning {
        notary: row.get("id"),
        user: row.get("user_id"),
        ends_on: row.get("licence_ends_on"),
    });
    Ok(warnings.collect())
}
