//! Schedules as people see and change them.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    super::{Ask, micros},
    Fire,
};
use crate::{
    db::{DbError, Tx},
    jobs::schedules::{Definition, Fold, Gap, Missed, Overlap, Source, Template},
};

/// A row of the table.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What was asked for.
    pub definition: Definition,
    /// Who asked.
    pub source: Source,
    /// The kind's number.
    pub kind: i16,
    /// The shape of the arguments.
    pub args_version: Option<i16>,
    /// Counts changes by people.
    pub version: i64,
    /// The next tick to decide; `None` when none comes any more.
    pub next_at: Option<Timestamp>,
    /// Since when it is paused.
    pub paused_at: Option<Timestamp>,
    /// By whom.
    pub paused_by: Option<String>,
    /// Why.
    pub paused_reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom; `None` for the code.
    pub created_by: Option<String>,
    /// When people changed it last.
    pub changed_at: Option<Timestamp>,
    /// Who did.
    pub changed_by: Option<String>,
    /// The newest decision.
    pub last: Option<Fire>,
}

macro_rules! select {
    () => {
        "
        SELECT c.key, k.name, c.kind_id, c.spec, c.tz, c.missed, (extract(epoch FROM c.missed_within))::float8,
            c.missed_max, c.gap, c.fold, c.overlap, (extract(epoch FROM c.splay))::float8, c.template, c.description,
            c.source, c.version, CASE WHEN isfinite(c.next_at) THEN c.next_at END, c.paused_at, c.paused_by,
            c.paused_reason, c.created_at, c.created_by, c.changed_at, c.changed_by,
            f.fire_at, f.at, f.outcome, f.reason, f.job_id, f.decided_by
        FROM job.cron AS c JOIN job.kind AS k ON k.id = c.kind_id
        LEFT JOIN LATERAL (SELECT * FROM job.cron_fire WHERE key = c.key ORDER BY fire_at DESC LIMIT 1) AS f ON true
        "
    };
}

impl Stored {
    fn of(row: &Row) -> Self {
        let seconds = |column: usize| row.get::<_, f64>(column).clamp(0.0, u32::MAX.into()) as u32;
        let word = |column: usize| row.get::<_, &str>(column);
        let template = Template::of_json(&row.get(12));
        let definition = Definition {
            key: row.get(0),
            kind: row.get(1),
            args: template.args,
            spec: row.get(3),
            tz: row.get(4),
            // The constraints of the table know no other words.
            missed: Missed::parse(word(5)).unwrap_or(Missed::One),
            missed_within_s: seconds(6),
            missed_max: row.get(7),
            gap: Gap::parse(word(8)).unwrap_or(Gap::Shift),
            fold: Fold::parse(word(9)).unwrap_or(Fold::First),
            overlap: Overlap::parse(word(10)).unwrap_or(Overlap::Skip),
            splay_s: seconds(11),
            queue: template.queue,
            priority: template.priority,
            max_attempts: template.max_attempts,
            tags: template.tags,
            description: row.get(13),
            reason: None,
        };
        Self {
            definition,
            source: if word(14) == "api" { Source::Api } else { Source::Code },
            kind: row.get(2),
            args_version: template.version,
            version: row.get(15),
            next_at: row.get(16),
            paused_at: row.get(17),
            paused_by: row.get(18),
            paused_reason: row.get(19),
            created_at: row.get(20),
            created_by: row.get(21),
            changed_at: row.get(22),
            changed_by: row.get(23),
            last: Fire::of(row, 24),
        }
    }

    /// As the scheduler sees it; `None` when it never ticks again.
    pub fn due(&self) -> Option<super::Due> {
        let it = &self.definition;
        Some(super::Due {
            key: it.key.clone(),
            kind: self.kind,
            spec: it.spec.clone(),
            tz: it.tz.clone(),
            missed: it.missed.as_str().to_owned(),
            gap: it.gap.as_str().to_owned(),
            fold: it.fold.as_str().to_owned(),
            overlap: it.overlap.as_str().to_owned(),
            missed_within: Duration::from_secs(it.missed_within_s.into()),
            missed_max: it.missed_max,
            splay: Duration::from_secs(it.splay_s.into()),
            template: Template { version: self.args_version, ..it.template() },
            next_at: self.next_at?,
        })
    }
}

/// Which schedules.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this origin.
    pub source: Option<Source>,
    /// Only those that are paused, or are not.
    pub paused: Option<bool>,
    /// Only of this kind.
    pub kind: Option<String>,
}

/// Schedules by name, from after `after` on.
pub async fn list(
    at: &mut impl Ask,
    filter: &Filter,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Stored>, DbError> {
    const LIST: &str = concat!(
        "-- jobs.cron.list",
        select!(),
        "WHERE c.key > coalesce($1, '') AND ($2::text IS NULL OR c.source = $2)
            AND ($3::boolean IS NULL OR (c.paused_at IS NOT NULL) = $3) AND ($4::text IS NULL OR k.name = $4)
        ORDER BY c.key LIMIT $5"
    );
    let source = filter.source.map(Source::as_str);
    let rows = at.ask(LIST, &[&after, &source, &filter.paused, &filter.kind, &limit]).await?;
    Ok(rows.iter().map(Stored::of).collect())
}

/// One schedule.
pub async fn find(at: &mut impl Ask, key: &str) -> Result<Option<Stored>, DbError> {
    const FIND: &str = concat!("-- jobs.cron.find", select!(), "WHERE c.key = $1");
    Ok(at.ask(FIND, &[&key]).await?.first().map(Stored::of))
}

/// The same, to be changed: nobody decides its ticks meanwhile.
pub async fn lock(tx: &mut Tx, key: &str) -> Result<Option<Stored>, DbError> {
    const LOCK: &str = "-- jobs.cron.lock\nSELECT key FROM job.cron WHERE key = $1 FOR NO KEY UPDATE";
    match tx.query_opt(LOCK, &[&key]).await? {
        Some(_) => find(tx, key).await,
        None => Ok(None),
    }
}

/// Adds an administrator's schedule; `false` when its name is taken.
pub async fn insert(
    tx: &mut Tx,
    (kind, args_version): (i16, i16),
    it: &Definition,
    next_at: Timestamp,
    (by, now): (&str, Timestamp),
) -> Result<bool, DbError> {
    const INSERT: &str = "-- jobs.cron.insert
        INSERT INTO job.cron (key, kind_id, spec, tz, missed, missed_within, missed_max, gap, fold, overlap, splay,
            template, description, source, next_at, created_at, created_by)
        VALUES ($1, $2, $3, $4, $5, $6 * interval '1 microsecond', $7, $8, $9, $10, $11 * interval '1 microsecond',
            $12, $13, 'api', $14, $15, $16)
        ON CONFLICT (key) DO NOTHING";
    Ok(written(tx, INSERT, (kind, args_version), it, Some(next_at), (by, now)).await? == 1)
}

/// Changes a locked schedule of an administrator.
pub async fn update(
    tx: &mut Tx,
    (kind, args_version): (i16, i16),
    it: &Definition,
    next_at: Option<Timestamp>,
    (by, now): (&str, Timestamp),
) -> Result<(), DbError> {
    const UPDATE: &str = "-- jobs.cron.update
        UPDATE job.cron SET kind_id = $2, spec = $3, tz = $4, missed = $5,
            missed_within = $6 * interval '1 microsecond', missed_max = $7, gap = $8, fold = $9, overlap = $10,
            splay = $11 * interval '1 microsecond', template = $12, description = $13,
            next_at = coalesce($14::timestamptz, 'infinity'), changed_at = $15, changed_by = $16, version = version + 1
        WHERE key = $1 AND source = 'api'";
    written(tx, UPDATE, (kind, args_version), it, next_at, (by, now)).await.map(|_| ())
}

fn in_micros(seconds: u32) -> f64 {
    micros(Duration::from_secs(seconds.into()))
}

/// Pauses a locked schedule. One that is paused takes the new reason; since when stays.
pub async fn pause(
    tx: &mut Tx,
    key: &str,
    reason: Option<&str>,
    (by, now): (&str, Timestamp),
) -> Result<(), DbError> {
    const PAUSE: &str = "-- jobs.cron.pause
        UPDATE job.cron SET paused_at = coalesce(paused_at, $2), paused_by = $3, paused_reason = $4, version = version + 1 WHERE key = $1";
    tx.execute(PAUSE, &[&key, &now, &by, &reason]).await.map(|_| ())
}

/// Lets a locked schedule tick again.
pub async fn resume(tx: &mut Tx, key: &str, next_at: Option<Timestamp>) -> Result<(), DbError> {
    const RESUME: &str = "-- jobs.cron.resume
        UPDATE job.cron SET paused_at = NULL, paused_by = NULL, paused_reason = NULL, version = version + 1,
            next_at = coalesce($2::timestamptz, 'infinity')
        WHERE key = $1";
    tx.execute(RESUME, &[&key, &next_at]).await.map(|_| ())
}

/// Forgets a locked schedule; its decisions stay until they are old.
pub async fn delete(tx: &mut Tx, key: &str) -> Result<(), DbError> {
    const DELETE: &str = "-- jobs.cron.delete\nDELETE FROM job.cron WHERE key = $1";
    tx.execute(DELETE, &[&key]).await.map(|_| ())
}

/// Runs a statement that writes a whole definition: both have the same columns as arguments.
async fn written(
    tx: &mut Tx,
    sql: &'static str,
    (kind, args_version): (i16, i16),
    it: &Definition,
    next_at: Option<Timestamp>,
    (by, now): (&str, Timestamp),
) -> Result<u64, DbError> {
    let (within, splay) = (in_micros(it.missed_within_s), in_micros(it.splay_s));
    let (missed, gap, fold, overlap) =
        (it.missed.as_str(), it.gap.as_str(), it.fold.as_str(), it.overlap.as_str());
    let args: [&(dyn postgres_types::ToSql + Sync); 16] = [
        &it.key,
        &kind,
        &it.spec,
        &it.tz,
        &missed,
        &within,
        &it.missed_max,
        &gap,
        &fold,
        &overlap,
        &splay,
        &Template { version: Some(args_version), ..it.template() }.to_json(),
        &it.description,
        &next_at,
        &now,
        &by,
    ];
    tx.execute(sql, &args).await
}
