//! The view made anew, and how old it is.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::ClinicId,
};

/// How old what is shown may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SummaryFreshness)]
pub struct Freshness {
    /// When the counts were made.
    #[schema(value_type = String, format = DateTime)]
    pub refreshed_at: Timestamp,
    /// Something of the clinic has changed that may not be counted yet; it will be in some seconds.
    pub is_stale: bool,
}

impl Freshness {
    fn from_row(row: &Row) -> Self {
        Self { refreshed_at: row.get("refreshed_at"), is_stale: row.get("is_stale") }
    }
}

/// How fresh a clinic's counts are. Asked before they are read, so that what is read is not older than is said.
pub async fn freshness(db: &Db, clinic: ClinicId) -> Result<Freshness, DbError> {
    const FRESHNESS: &str = "-- clinic.summary.freshness
        SELECT s.refreshed_at, EXISTS (SELECT FROM patient_summary_change AS c WHERE c.clinic_id = $1) AS is_stale
        FROM patient_summary_state AS s";
    let rows = db.read(FRESHNESS, args![clinic]).await?;
    Ok(Freshness::from_row(rows.first().expect("there is one row, since the migration")))
}

/// What there is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Something has changed.
    pub is_due: bool,
    /// When it was made.
    pub refreshed_at: Timestamp,
    /// How long that took.
    pub took_ms: i64,
}

/// Whether anything has changed since it was made.
pub async fn due(db: &Db) -> Result<Due, DbError> {
    const DUE: &str = "-- clinic.summary.due
        SELECT s.refreshed_at, s.took_ms, EXISTS (SELECT FROM patient_summary_change) AS is_due
        FROM patient_summary_state AS s";
    let rows = db.read(DUE, args![]).await?;
    let row = rows.first().expect("there is one row, since the migration");
    Ok(Due { is_due: row.get("is_due"), refreshed_at: row.get("refreshed_at"), took_ms: row.get("took_ms") })
}

/// Makes the view anew; nobody who reads it waits. Who has changed something and is seen here is in it: the changes are taken
/// away by an earlier snapshot than the one it is made from, and only together with it.
pub async fn refresh(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    // Over all clinics it takes longer than what else is done in a transaction.
    const PATIENCE: &str = "-- clinic.summary.patience
        SELECT set_config('statement_timeout', '600s', true)";
    const SEEN: &str = "-- clinic.summary.seen
        DELETE FROM patient_summary_change";
    const REFRESH: &str = "-- clinic.summary.refresh
        REFRESH MATERIALIZED VIEW CONCURRENTLY patient_summary";
    const DONE: &str = "-- clinic.summary.done
        UPDATE patient_summary_state SET refreshed_at = $1,
            took_ms = (1000 * extract(epoch FROM clock_timestamp() - now()))::bigint";
    tx.execute(PATIENCE, &[]).await?;
    tx.execute(SEEN, &[]).await?;
    tx.execute(REFRESH, &[]).await?;
    tx.execute(DONE, &[&now]).await?;
    Ok(())
}
