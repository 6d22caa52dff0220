//! Whether the chain still fits: every entry is read and hashed again, and compared with what was kept elsewhere.
//!
//! What a database says of itself cannot tell that its end was cut off, or that all of it was made anew: whoever may change
//! everything makes it fit. An [`Anchor`] that is kept elsewhere does.

use serde::Serialize;

use super::{
    Recorded,
    anchor::{Anchor, Expected, Found},
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
    /// The last one; before the first when there is none.
    pub to: i64,
    /// The last one with its hash, to be kept elsewhere and given back to the next verification. `None` for a chain that
    /// does not fit, or was never begun.
    pub anchor: Option<Anchor>,
    /// Entries that fit.
    pub entries: u64,
    /// Entries that are not sealed yet.
    pub waiting: i64,
    /// Entries that are neither sealed nor waiting: they were added, or their seal removed, by hand.
    pub stray: i64,
    /// The first place that does not fit.
    pub broken: Option<Broken>,
    /// What became of the anchors that were given.
    pub expected: Vec<Expected>,
}

impl Report {
    /// Whether everything fits, and every anchor is found.
    pub fn is_whole(&self) -> bool {
        self.broken.is_none()
            && self.stray == 0
            && self.expected.iter().all(|expected| expected.found == Found::Same)
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

/// Where the reading is.
struct Walk {
    at: Anchor,
    entries: u64,
    broken: Option<Broken>,
    expected: Vec<Expected>,
}

/// Reads the whole chain. Within a transaction that sees one moment (`REPEATABLE READ`) it also fits while others write.
pub async fn verify(tx: &mut Tx, expected: &[Anchor]) -> Result<Report, DbError> {
    const START: &str = "-- audit.verify.anchor\nSELECT seq, hash FROM audit_anchor";
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
    let start = tx.query_opt(START, &[]).await?;
    let start = start
        .map_or(Anchor { seq: 0, hash: GENESIS }, |row| Anchor { seq: row.get(0), hash: stored(row.get(1)) });
    let expected = expected.iter().map(|anchor| Expected::from(*anchor, start)).collect();
    let mut walk = Walk { at: start, entries: 0, broken: None, expected };
    loop {
        let rows = tx.query(LINKS, &[&walk.at.seq, &PAGE]).await?;
        let broken = rows.iter().find_map(|row| walk.step(row).err());
        if broken.is_some() || (rows.len() as i64) < PAGE {
            walk.broken = broken;
            break;
        }
    }
    let loose = tx.query_one(LOOSE, &[]).await?;
    let Walk { at, entries, broken, mut expected } = walk;
    if broken.is_some() {
        for expected in expected.iter_mut().filter(|expected| expected.found == Found::Missing) {
            expected.found = Found::NotReached;
        }
    }
    let anchor = (broken.is_none() && at.seq > 0).then_some(at);
    let (from, waiting, stray) = (start.seq + 1, loose.get(0), loose.get(1));
    Ok(Report { from, to: at.seq, anchor, entries, waiting, stray, broken, expected })
}

impl Walk {
    /// One link more, if it fits.
    fn step(&mut self, row: &tokio_postgres::Row) -> Result<(), Broken> {
        let (seq, id): (i64, i64) = (row.get("seq"), row.get("entry_id"));
        let found = |why| Err(Broken { seq, entry: Some(id), why });
        if seq != self.at.seq + 1 {
            let why = "the seal of this place is missing";
            return Err(Broken { seq: self.at.seq + 1, entry: None, why });
        }
        if !row.get::<_, bool>("is_there") {
            return found("the entry of this place is missing");
        }
        let hash = chain::hash(&self.at.hash, seq, &Recorded::from_row(row));
        if hash != stored(row.get("hash")) {
            return found("the entry, or its seal, was changed");
        }
        self.at = Anchor { seq, hash };
        self.entries += 1;
        for expected in &mut self.expected {
            expected.meets(self.at);
        }
        Ok(())
    }
}
