//! The protocol register: numbers without gap, what became of them, and how many there were.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    act::{Act, written},
    transitions::ActError,
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ActId, NotaryId, UserId},
    notary::{
        rules::{
            machine::{
                Name as _, Who,
                register_entry::{Event, MACHINE, State},
            },
            protocol::ProtocolNumber,
        },
        time,
    },
};

/// Prefixes that statistics of a year have at most: one for each kind of act and some.
const PREFIXES_MAX: i64 = 100;

/// An entry of the register.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = RegisterEntry)]
pub struct Entry {
    /// As it is written.
    #[schema(example = "ATT-NT-0001")]
    pub protocol_number: String,
    /// Which row of numbers it is of.
    pub prefix: String,
    /// Its place there.
    pub number: i32,
    /// In which it was signed.
    pub year: i16,
    /// Of which act.
    pub act_id: ActId,
    /// The type of act.
    pub act_type: String,
    /// The act in a few words.
    pub title: String,
    /// Whose matter it was.
    pub client_name: String,
    /// Where it is in its life.
    pub status: State,
    /// When the act was signed.
    #[schema(value_type = String, format = DateTime)]
    pub signed_at: Timestamp,
    /// When it was registered for good.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub registered_at: Option<Timestamp>,
    /// When it was annulled.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub annulled_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
}

/// A prefix in a year.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = RegisterStatistics)]
pub struct Statistics {
    /// Which.
    pub prefix: String,
    /// Its first number of the year.
    pub first: i32,
    /// Its last.
    pub last: i32,
    /// How many there are.
    pub entries: i64,
    /// Signed, and not yet registered.
    pub signed: i64,
    /// Registered for good.
    pub registered: i64,
    /// Annulled.
    pub annulled: i64,
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this year.
    pub year: Option<i16>,
    /// With this prefix.
    pub prefix: Option<String>,
    /// In this state.
    pub status: Option<State>,
}

impl Entry {
    fn from_row(row: &Row) -> Self {
        let (prefix, number): (String, i32) = (row.get("prefix"), row.get("number"));
        Self {
            protocol_number: written(&prefix, number),
            prefix,
            number,
            year: row.get("year"),
            act_id: row.get("act_id"),
            act_type: row.get("act_type"),
            title: row.get("title"),
            client_name: row.get("client_name"),
            status: State::parse(row.get("status")).expect("the constraint register_entry_status_known"),
            signed_at: row.get("signed_at"),
            registered_at: row.get("registered_at"),
            annulled_at: row.get("annulled_at"),
            reason: row.get("reason"),
        }
    }
}

/// Enters a locked act that is being signed under the number that stands on its deed, if that is still the next of its prefix,
/// and counts it for the office's page.
/// Whoever signs next with this prefix waits for the end of this transaction; if it is rolled back, the number is theirs.
pub async fn enter(tx: &mut Tx, act: &Act, number: &ProtocolNumber, now: Timestamp) -> Result<(), ActError> {
    // A row for more than the first number is there already: rows of counters stay.
    const ENTER: &str = "-- notary.register.enter
        WITH next AS (
            INSERT INTO register_counter AS k (notary_id, prefix, last)
            SELECT $1, $2, $7 WHERE $7 = 1 OR EXISTS (
                SELECT FROM register_counter c WHERE c.notary_id = $1 AND c.prefix = $2)
            ON CONFLICT (notary_id, prefix) DO UPDATE SET last = excluded.last WHERE k.last + 1 = excluded.last
            RETURNING last
        ), counted AS (
            UPDATE notary SET acts_count = acts_count + 1 FROM next WHERE notary.id = $1
        )
        INSERT INTO register_entry (notary_id, prefix, number, act_id, year, status, signed_at)
        SELECT $1, $2, next.last, $3, $4, $5, $6 FROM next";
    let to = MACHINE.next_by(MACHINE.start, Event::Sign, Who::Notary)?;
    let year = time::today(now).year();
    let number = i32::try_from(number.number()).map_err(|_| ActError::NumberTaken)?;
    let args: [&(dyn postgres_types::ToSql + Sync); 7] =
        [&act.notary_id, &act.prefix, &act.id, &year, &to.as_str(), &now, &number];
    if tx.execute(ENTER, &args).await? == 1 { Ok(()) } else { Err(ActError::NumberTaken) }
}

/// Annuls the entry of a locked act, if it has one; the number stays used, and the act counts no more.
pub async fn annul(tx: &mut Tx, act: &Act, reason: &str, now: Timestamp) -> Result<(), ActError> {
    const ANNUL: &str = "-- notary.register.annul
        WITH annulled AS (
            UPDATE register_entry SET status = $2, annulled_at = $3, reason = $4 WHERE act_id = $1 RETURNING notary_id
        )
        UPDATE notary SET acts_count = acts_count - 1 FROM annulled a WHERE notary.id = a.notary_id";
    let Some(from) = act.register_status else { return Ok(()) };
    let to = MACHINE.next_by(from, Event::Annul, Who::Notary)?;
    tx.execute(ANNUL, &[&act.id, &to.as_str(), &now, &reason]).await?;
    Ok(())
}

/// Registers the entry of a locked act for good.
pub async fn register(tx: &mut Tx, act: &Act, now: Timestamp) -> Result<(), ActError> {
    const REGISTER: &str = "-- notary.register.register
        UPDATE register_entry SET status = $2, registered_at = $3 WHERE act_id = $1";
    let Some(from) = act.register_status else { return Ok(()) };
    let to = MACHINE.next_by(from, Event::Register, Who::System)?;
    tx.execute(REGISTER, &[&act.id, &to.as_str(), &now]).await?;
    Ok(())
}

/// The register of an office, the newest entry first, for those who manage its acts.
pub async fn list(
    db: &Db,
    (office, who): (NotaryId, UserId),
    wanted: Wanted,
    after: Option<(Timestamp, ActId)>,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    const LIST: &str = concat!(
        "-- notary.register.list
        SELECT r.prefix, r.number, r.year, r.act_id, a.act_type, a.title, c.name AS client_name, r.status, r.signed_at,
            r.registered_at, r.annulled_at, r.reason
        FROM register_entry r JOIN act a ON a.id = r.act_id JOIN users c ON c.id = a.client_id
        WHERE r.notary_id = $1 AND ",
        staffed!("manage_acts", "r.notary_id", "$2"),
        " AND ($3::smallint IS NULL OR r.year = $3) AND ($4::text IS NULL OR r.prefix = $4)
          AND ($5::text IS NULL OR r.status = $5)
          AND ($6::timestamptz IS NULL OR (r.signed_at, r.act_id) < ($6, $7::uuid))
        ORDER BY r.signed_at DESC, r.act_id DESC LIMIT $8"
    );
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id.0)));
    let status = wanted.status.map(|status| status.as_str().to_owned());
    let args = args![office, who, wanted.year, wanted.prefix, status, at, id, limit];
    Ok(db.read(LIST, args).await?.iter().map(Entry::from_row).collect())
}

/// What an office has entered in a year, by prefix, for those who manage its acts.
pub async fn statistics(
    db: &Db,
    (office, who): (NotaryId, UserId),
    year: i16,
) -> Result<Vec<Statistics>, DbError> {
    const STATISTICS: &str = concat!(
        "-- notary.register.statistics
        SELECT r.prefix, min(r.number) AS first, max(r.number) AS last, count(*) AS entries,
            count(*) FILTER (WHERE r.status = 'signed') AS signed,
            count(*) FILTER (WHERE r.status = 'registered') AS registered,
            count(*) FILTER (WHERE r.status = 'annulled') AS annulled
        FROM register_entry r WHERE r.notary_id = $1 AND r.year = $3 AND ",
        staffed!("manage_acts", "r.notary_id", "$2"),
        " GROUP BY r.prefix ORDER BY r.prefix LIMIT $4"
    );
    let rows = db.read(STATISTICS, args![office, who, year, PREFIXES_MAX]).await?;
    let of = |row: &Row| Statistics {
        prefix: row.get("prefix"),
        first: row.get("first"),
        last: row.get("last"),
        entries: row.get("entries"),
        signed: row.get("signed"),
        registered: row.get("registered"),
        annulled: row.get("annulled"),
    };
    Ok(rows.iter().map(of).collect())
}
