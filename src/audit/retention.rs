//! Old entries go, from the old end of the chain, and leave the hash that they ended with.

use jiff::Timestamp;

use crate::db::{DbError, Tx};

/// Entries removed by one transaction.
pub const BATCH: i64 = 5_000;

/// Removes up to [`BATCH`] sealed entries from before `before`; how many. Only whole beginnings of the chain go: an old
/// entry behind a younger one stays until that one is old.
pub async fn remove(tx: &mut Tx, before: Timestamp, now: Timestamp) -> Result<i64, DbError> {
    const REMOVE: &str = "-- audit.retention.remove
        WITH oldest AS MATERIALIZED (
            SELECT s.seq, s.entry_id, s.hash, e.at FROM audit_seal AS s JOIN audit_entry AS e ON e.id = s.entry_id
            ORDER BY s.seq LIMIT $3
        ), last AS MATERIALIZED (
            SELECT seq, hash FROM oldest
            WHERE seq < coalesce((SELECT min(seq) FROM oldest WHERE at >= $1), 9223372036854775807)
            ORDER BY seq DESC LIMIT 1
        ), seals AS (
            DELETE FROM audit_seal WHERE seq <= (SELECT seq FROM last) RETURNING entry_id
        ), entries AS (
            DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM seals) RETURNING id
        ), anchor AS (
            INSERT INTO audit_anchor (seq, hash, removed_at) SELECT seq, hash, $2 FROM last
            ON CONFLICT (one) DO UPDATE SET seq = EXCLUDED.seq, hash = EXCLUDED.hash, removed_at = EXCLUDED.removed_at
        )
        SELECT count(*) FROM entries";
    Ok(tx.query_one(REMOVE, &[&before, &now, &BATCH]).await?.get(0))
}
