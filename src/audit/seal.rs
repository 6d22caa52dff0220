//! Sealing: entries that wait get their place in the chain, in one order for all servers.

use jiff::Timestamp;

use super::{
    Recorded,
    chain::{self, GENESIS, Hash},
    entry::entry_columns,
};
use crate::db::{DbError, Tx};

/// Entries sealed by one transaction.
pub const BATCH: i64 = 1_000;

/// Seals up to [`BATCH`] entries; how many. Nothing while another server does it.
pub async fn seal(tx: &mut Tx, now: Timestamp) -> Result<usize, DbError> {
    const LOCK: &str = "-- audit.seal.lock\nSELECT pg_try_advisory_xact_lock(1936747121, 1633969508)"; // "spjq", "audd"
    const WAITING: &str = concat!(
        "-- audit.seal.waiting
        SELECT ",
        entry_columns!(),
        " FROM audit_pending AS p JOIN audit_entry AS e ON e.id = p.entry_id ORDER BY e.id LIMIT $1"
    );
    const SEAL: &str = "-- audit.seal.seal
        WITH sealed AS (
            INSERT INTO audit_seal (seq, entry_id, hash, sealed_at)
            SELECT seq, entry_id, hash, $4 FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) AS t (seq, entry_id, hash)
        )
        DELETE FROM audit_pending WHERE entry_id = ANY ($2)";
    if !tx.query_one(LOCK, &[]).await?.get::<_, bool>(0) {
        return Ok(0);
    }
    let waiting: Vec<_> = tx.query(WAITING, &[&BATCH]).await?.iter().map(Recorded::from_row).collect();
    if waiting.is_empty() {
        return Ok(0);
    }
    let (mut seq, mut last) = end(tx).await?;
    let (mut seqs, mut ids, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for entry in &waiting {
        seq += 1;
        last = chain::hash(&last, seq, entry);
        seqs.push(seq);
        ids.push(entry.id);
        hashes.push(last.to_vec());
    }
    tx.execute(SEAL, &[&seqs, &ids, &hashes, &now]).await?;
    Ok(waiting.len())
}

/// The last place of the chain, and its hash.
pub(super) async fn end(tx: &mut Tx) -> Result<(i64, Hash), DbError> {
    const END: &str = "-- audit.seal.end
        (SELECT seq, hash FROM audit_seal ORDER BY seq DESC LIMIT 1)
        UNION ALL SELECT seq, hash FROM audit_anchor ORDER BY seq DESC LIMIT 1";
    let row = tx.query_opt(END, &[]).await?;
    Ok(row.map_or((0, GENESIS), |row| (row.get(0), stored(row.get(1)))))
}

/// A constraint checks the length.
pub(super) fn stored(hash: &[u8]) -> Hash {
    hash.try_into().unwrap_or(GENESIS)
}
