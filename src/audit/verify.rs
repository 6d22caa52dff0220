//! Whether the chain still fits: every entry is read and hashed again.

use serde::Serialize;

use super::{
    Recorded,
    chain::{self, GENESIS},
    entry::entry_columns,
    seal::stored,
};
use crate::db::{DbError, Tx};

/// Rows read by one statement.
const PAGE: i64 = 5_000;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The first place of the chain that is kept.
    pub from: i64,
    /// The last one.
    pub to: i64,
    /// The hash of the last one, as hex: written down elsewhere, it proves that the end was not cut off.
    pub hash: String,
    /// Entries that fit.
    pub entries: u64,
    /// Entries that are not sealed yet.
    pub waiting: i64,
    /// Entries that are neither sealed nor waiting: they were added, or their seal removed, by hand.
    pub stray: i64,
    /// The first place that does not fit.
    pub broken: Option<Broken>,
}

impl Report {
    /// Whether everything fits.
    pub fn is_whole(&self) -> bool {
        self.broken.is_none() && self.stray == 0
    }
}

/// Where the chain does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The place.
    pub seq: i64,
    /// The entry there, or that should be there.
    pub entry: Option<i64>,
    /// Why, in words.
    pub why: &'static str,
}

/// Reads the whole chain. Within a transaction that sees one moment (`REPEATABLE READ`) it also fits while others write.
pub async fn verify(tx: &mut Tx) -> Result<Report, DbError> {
    const ANCHOR: &str = "-- audit.verify.anchor\nSELECT seq, hash FROM audit_anchor";
    const LINKS: &str = concat!(
        "-- audit.verify.links
        SELECT s.seq, s.entry_id, s.hash, e.id IS NOT NULL AS is_there, ",
        entry_columns!(),
        " FROM audit_seal AS s LEFT JOIN audit_entry AS e ON e.id = s.entry_id
        WHERE s.seq > $1 ORDER BY s.seq LIMIT $2"
    );
    const LOOSE: &str = "-- audit.verify.loose
        SELECT (SELECT count(*) FROM audit_pending),
            (SELECT count(*) FROM audit_entry AS e WHERE NOT EXISTS (SELECT FROM audit_seal AS s WHERE s.entry_id = e.id)
               AND NOT EXISTS (SELECT FROM audit_pending AS p WHERE p.entry_id = e.id))";
    let anchor = tx.query_opt(ANCHOR, &[]).await?;
    let (mut seq, mut last) = anchor.map_or((0, GENESIS), |row| (row.get(0), stored(row.get(1))));
    let (from, mut entries, mut broken) = (seq + 1, 0, None);
    'pages: loop {
        let rows = tx.query(LINKS, &[&seq, &PAGE]).await?;
        for row in &rows {
            let (place, id): (i64, i64) = (row.get("seq"), row.get("entry_id"));
            let found = |why| Some(Broken { seq: place, entry: Some(id), why });
            broken = if place != seq + 1 {
                Some(Broken { seq: seq + 1, entry: None, why: "the seal of this place is missing" })
            } else if !row.get::<_, bool>("is_there") {
                found("the entry of this place is missing")
            } else {
                last = chain::hash(&last, place, &Recorded::from_row(row));
                if last == stored(row.get("hash")) {
                    None
                } else {
                    found("the entry, or its seal, was changed")
                }
            };
            if broken.is_some() {
                break 'pages;
            }
            (seq, entries) = (place, entries + 1);
        }
        if (rows.len() as i64) < PAGE {
            break;
        }
    }
    let loose = tx.query_one(LOOSE, &[]).await?;
    let hash = data_encoding::HEXLOWER.encode(&last);
    Ok(Report { from, to: seq, hash, entries, waiting: loose.get(0), stray: loose.get(1), broken })
}
