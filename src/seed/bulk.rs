//! Filling large tables: what COPY would have to keep up row by row is taken away and made again from the whole.
//!
//! All of it in the transaction of the data: whoever dies in between leaves everything as it was. The search vectors
//! come with the rows, so the trigger that makes them rests, too; a test compares its work with ours.

use tokio_postgres::Transaction;

/// The tables that are filled.
const TABLES: &[&str] = &["cities", "users", "events", "bookings", "reviews"];

/// Commands that bring back what was taken away.
pub(super) struct Away(Vec<String>);

/// Locks the tables for ourselves.
pub(super) async fn lock(tx: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    tx.batch_execute(&format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", TABLES.join(", "))).await
}

/// Takes away indexes, keys and the trigger.
pub(super) async fn strip(tx: &Transaction<'_>) -> Result<Away, tokio_postgres::Error> {
    // Foreign keys, also those of other tables to these, then what they point to, then the rest.
    const KEPT_UP: &str = "-- seed.bulk.kept_up
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS away,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS back,
            CASE contype WHEN 'f' THEN 1 ELSE 2 END AS turn
        FROM pg_constraint
        WHERE (conrelid = ANY ($1::text[]::regclass[]) AND contype IN ('p', 'u', 'f'))
           OR (confrelid = ANY ($1::text[]::regclass[]) AND contype = 'f')
        UNION ALL
        SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid), 3
        FROM pg_index WHERE indrelid = ANY ($1::text[]::regclass[])
          AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
        ORDER BY turn";
    let rows = tx.query(KEPT_UP, &[&TABLES]).await?;
    let mut back = Vec::with_capacity(rows.len() + 1);
    tx.batch_execute("ALTER TABLE events DISABLE TRIGGER events_search").await?;
    for row in rows {
        tx.batch_execute(row.get("away")).await?;
        back.push(row.get("back"));
    }
    back.reverse();
    back.push("ALTER TABLE events ENABLE TRIGGER events_search".to_owned());
    Ok(Away(back))
}

impl Away {
    /// Makes it again; foreign keys are checked on the way.
    pub(super) async fn restore(self, tx: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
        tx.batch_execute("SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL statement_timeout = 0").await?;
        for command in self.0 {
            tx.batch_execute(&command).await?;
        }
        Ok(())
    }
}

/// Statistics of the filled tables.
pub(super) fn analyze() -> String {
    format!("ANALYZE {}", TABLES.join(", "))
}
