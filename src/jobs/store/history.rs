//! History: partitions by day, made ahead and dropped whole; and other things that end by age.

use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::micros;
use crate::db::{DbError, Link};

/// Tables with a partition per day.
const TABLES: [&str; 2] = ["done", "attempt"];
/// The advisory lock of who makes or drops partitions: "spjp". Nodes that boot together do it one after the other.
const LOCK: &str = "-- jobs.history.lock\nSELECT pg_advisory_xact_lock(x'73706A70'::int, 0)";
/// Days for which a partition exists in advance: a server that sleeps for a weekend still finds one.
const DAYS_AHEAD: i64 = 4;

/// Makes the partitions of today and the next days. The database's own date counts: its clock fills the column.
pub async fn make_partitions(link: &Link) -> Result<(), DbError> {
    const TODAY: &str = "-- jobs.history.today\nSELECT (clock_timestamp() AT TIME ZONE 'UTC')::date";
    let today: Date = link.query(TODAY, &[]).await?[0].get(0);
    let known = partitions(link).await?;
    for table in TABLES {
        for ahead in 0..=DAYS_AHEAD {
            let day = today.saturating_add(jiff::Span::new().days(ahead));
            let name = partition_name(table, day);
            if !known.contains(&name) {
                make_partition(link, table, &name, day).await?;
            }
        }
    }
    Ok(())
}

/// Rows of that day may already be in the default partition (the janitor was away): then it stays there. What another
/// node has made meanwhile is there.
async fn make_partition(link: &Link, table: &str, name: &str, day: Date) -> Result<(), DbError> {
    let (from, to) = (midnight(day), midnight(day.saturating_add(jiff::Span::new().days(1))));
    let made = link
        .batch(&format!(
            "{LOCK}; SET LOCAL lock_timeout = '2s';
             CREATE TABLE IF NOT EXISTS job.{name} PARTITION OF job.{table} FOR VALUES FROM ('{from}') TO ('{to}')"
        ))
        .await;
    match made {
        Err(DbError::Postgres(_)) if partitions(link).await?.iter().any(|it| it == name) => Ok(()),
        Err(DbError::Postgres(error)) => {
            tracing::warn!(%error, partition = name, "a history partition could not be made");
            Ok(())
        }
        made => made,
    }
}

/// Drops partitions that hold only rows older than `keep`; how many.
pub async fn drop_partitions(link: &Link, now: Timestamp, keep: Duration) -> Result<usize, DbError> {
    let oldest = (now - keep).to_zoned(TimeZone::UTC).date();
    let mut dropped = 0;
    for name in partitions(link).await? {
        let Some(day) = TABLES.iter().find_map(|table| partition_day(table, &name)) else { continue };
        if day < oldest {
            link.batch(&format!("{LOCK}; SET LOCAL lock_timeout = '2s'; DROP TABLE IF EXISTS job.{name}"))
                .await?;
            dropped += 1;
        }
    }
    Ok(dropped)
}

/// Deletes what else ends by age: expired unique keys, cron decisions, rows of the default partitions.
pub async fn prune(link: &Link, now: Timestamp, keep: Duration) -> Result<u64, DbError> {
    const KEYS: &str = "-- jobs.history.prune_keys
        DELETE FROM job.uniq WHERE hash = ANY (ARRAY(SELECT hash FROM job.uniq WHERE until <= $1 LIMIT 10000))";
    const FIRES: &str = "-- jobs.history.prune_fires
        DELETE FROM job.cron_fire WHERE fire_at < $1::timestamptz - $2 * interval '1 microsecond'";
    const DONE: &str = "-- jobs.history.prune_done
        DELETE FROM job.done_default WHERE finished_at < clock_timestamp() - $1 * interval '1 microsecond'";
    const ATTEMPTS: &str = "-- jobs.history.prune_attempts
        DELETE FROM job.attempt_default WHERE finished_at < clock_timestamp() - $1 * interval '1 microsecond'";
    let mut pruned = link.execute(KEYS, &[&now]).await?;
    pruned += link.execute(FIRES, &[&now, &micros(keep)]).await?;
    pruned += link.execute(DONE, &[&micros(keep)]).await?;
    pruned += link.execute(ATTEMPTS, &[&micros(keep)]).await?;
    Ok(pruned)
}

async fn partitions(link: &Link) -> Result<Vec<String>, DbError> {
    const PARTITIONS: &str = "-- jobs.history.partitions
        SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent IN ('job.done'::regclass, 'job.attempt'::regclass)";
    Ok(link.query(PARTITIONS, &[]).await?.iter().map(|row| row.get(0)).collect())
}

fn partition_name(table: &str, day: Date) -> String {
    format!("{table}_{}", day.strftime("%Y%m%d"))
}

fn partition_day(table: &str, name: &str) -> Option<Date> {
    Date::strptime("%Y%m%d", name.strip_prefix(table)?.strip_prefix('_')?).ok()
}

fn midnight(day: Date) -> String {
    format!("{day} 00:00:00+00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_named_after_its_day_and_the_default_one_has_none() {
        let day = jiff::civil::date(2026, 11, 21);
        assert_eq!(partition_name("done", day), "done_20261121");
        assert_eq!(partition_day("done", "done_20261121"), Some(day));
        assert_eq!(partition_day("done", "done_default"), None);
        assert_eq!(partition_day("done", "attempt_20261121"), None);
    }
}
