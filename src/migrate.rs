//! Brings a database to this binary's schema: embedded files, in order, once, under one lock.
//!
//! Invariants
//! - Two migrators never work at once (advisory lock); the second finds nothing to do.
//! - A file is applied whole and recorded in the same transaction, except files marked `-- no-transaction`, which may
//!   be run again after an interruption.
//! - A database with an edited or unknown file is refused, never "repaired".

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::db::{ConnectError, Connector};

/// One migration file.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The number in front of the file's name.
    pub version: i32,
    /// The rest of the file's name.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal $file:literal),+ $(,)?) => {
        /// Every file of `migrations/`, in order; a test compares the list with the directory.
        pub const MIGRATIONS: &[Migration] = &[$(Migration {
            version: $version, name: $name, sql: include_str!(concat!("../migrations/", $file)),
        }),+];
    };
}
migrations! {
    1 "jobs" "0001_jobs.sql",
    2 "accounts" "0002_accounts.sql",
    3 "events" "0003_events.sql",
    4 "reviews_newest" "0004_reviews_newest.sql",
    5 "calendar_links" "0005_calendar_links.sql",
    6 "event_images" "0006_event_images.sql",
    7 "lists" "0007_lists.sql",
    8 "job_limits_and_flows" "0008_job_limits_and_flows.sql",
    9 "cron" "0009_cron.sql",
    10 "job_lists" "0010_job_lists.sql",
    11 "job_steering" "0011_job_steering.sql",
    12 "job_done_version" "0012_job_done_version.sql",
    13 "job_pauses" "0013_job_pauses.sql",
    14 "job_rerun" "0014_job_rerun.sql",
    15 "roles" "0015_roles.sql",
    16 "identities" "0016_identities.sql",
    17 "audit" "0017_audit.sql",
    18 "documents" "0018_documents.sql",
    19 "consents_append_only" "0019_consents_append_only.sql",
    20 "document_keys" "0020_document_keys.sql",
    21 "document_sharing" "0021_document_sharing.sql",
    22 "erasure" "0022_erasure.sql",
    23 "notary_catalogue" "0023_notary_catalogue.sql",
    24 "notary_directory" "0024_notary_directory.sql",
    25 "sharers" "0025_sharers.sql",
    26 "notary_agenda" "0026_notary_agenda.sql",
    27 "notary_acts" "0027_notary_acts.sql",
    28 "notary_reviews" "0028_notary_reviews.sql",
    29 "signing" "0029_signing.sql",
    30 "notification_order" "0030_notification_order.sql",
    31 "notary_showcase" "0031_notary_showcase.sql",
    32 "certified_mail" "0032_certified_mail.sql",
    33 "notary_signatures" "0033_notary_signatures.sql",
    34 "notary_deeds" "0034_notary_deeds.sql",
    35 "conservation" "0035_conservation.sql",
    36 "clinic" "0036_clinic.sql",
    37 "clinic_records" "0037_clinic_records.sql",
    38 "patient_summary" "0038_patient_summary.sql",
    39 "clinic_scores" "0039_clinic_scores.sql",
    40 "receipt_proofs" "0040_receipt_proofs.sql",
    41 "documents_of_clinics" "0041_documents_of_clinics.sql",
    42 "patient_reports" "0042_patient_reports.sql",
    43 "patient_documents" "0043_patient_documents.sql",
    44 "lost_analyses" "0044_lost_analyses.sql",
    45 "withdrawn_values" "0045_withdrawn_values.sql",
    46 "accepted_uploads" "0046_accepted_uploads.sql",
    47 "patient_history" "0047_patient_history.sql",
    48 "analyses_of_documents" "0048_analyses_of_documents.sql",
    49 "patient_shelf" "0049_patient_shelf.sql",
    50 "merge_differed" "0050_merge_differed.sql",
    51 "clinic_key_hour" "0051_clinic_key_hour.sql",
    52 "document_confirmed" "0052_document_confirmed.sql",
}

/// Two migrators of any version lock the same number.
const LOCK: i64 = 0x5350_4F52_5445_4C4C; // "SPORTELL"
/// A migration that cannot get its locks gives up rather than queue every other transaction behind it.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '10s'";
const FIRST_LINE_NO_TRANSACTION: &str = "-- no-transaction";

/// What was done.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Names of the files applied now.
    pub applied: Vec<String>,
    /// Files that had been applied before.
    pub already: usize,
}

/// Why a database was not migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The server cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A file that was applied has been edited since.
    #[error(
        "migration {version} ({name}) was edited after it had been applied to this database: restore the released \
         file and put the change into a new one"
    )]
    Edited {
        /// Its number.
        version: i32,
        /// Its name.
        name: String,
    },
    /// The database knows a file that this binary does not.
    #[error("the database is at schema {version}, newer than this binary ({ours}): start the newer binary")]
    Newer {
        /// The database's version.
        version: i32,
        /// The binary's.
        ours: i32,
    },
    /// There is no schema, or an older one, and the command is not one that makes it.
    #[error(
        "{waiting} of {} migrations are not applied to this database: `sportello migrate` applies them, if database.url \
         names the right one", MIGRATIONS.len()
    )]
    Behind {
        /// How many.
        waiting: usize,
    },
    /// A file failed; nothing of it was kept.
    #[error("migration {version} ({name}) failed and was rolled back: {source}")]
    Failed {
        /// Its number.
        version: i32,
        /// Its name.
        name: &'static str,
        /// What PostgreSQL said.
        source: tokio_postgres::Error,
    },
    /// The bookkeeping failed.
    #[error("the migration table could not be read or written: {0}")]
    Postgres(#[from] tokio_postgres::Error),
}

/// Migrates the database of `connector`.
pub async fn run(connector: &Connector) -> Result<Report, MigrateError> {
    let (mut client, driver) = connector.connect().await?;
    let migrating = async {
        let report = run_on(&mut client, MIGRATIONS).await;
        drop(client); // ends the driver
        report
    };
    let (report, _) = tokio::join!(migrating, driver);
    report
}

/// Fails unless the database of `connector` has this binary's schema; changes nothing.
pub async fn check(connector: &Connector) -> Result<(), MigrateError> {
    let (client, driver) = connector.connect().await?;
    let checking = async {
        let checked = check_on(&client).await;
        drop(client); // ends the driver
        checked
    };
    let (checked, _) = tokio::join!(checking, driver);
    checked
}

async fn check_on(client: &Client) -> Result<(), MigrateError> {
    let applied = if has_table(client).await? { applied(client, MIGRATIONS).await? } else { Vec::new() };
    match MIGRATIONS.len() - applied.len() {
        0 => Ok(()),
        waiting => Err(MigrateError::Behind { waiting }),
    }
}

async fn has_table(client: &Client) -> Result<bool, tokio_postgres::Error> {
    const EXISTS: &str = "-- migrate.has_table
        SELECT to_regclass('schema_migration') IS NOT NULL";
    Ok(client.query_one(EXISTS, &[]).await?.get(0))
}

/// Migrates over an open connection.
pub async fn run_on(client: &mut Client, migrations: &[Migration]) -> Result<Report, MigrateError> {
    client.query("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    let report = locked(client, migrations).await;
    // Closing the connection would release it too; an error here must not hide the report.
    let _ = client.query("SELECT pg_advisory_unlock($1)", &[&LOCK]).await;
    report
}

/// The files applied to a database, with when; empty for a new one.
pub async fn status(client: &Client) -> Result<Vec<(i32, String, jiff::Timestamp)>, MigrateError> {
    if !has_table(client).await? {
        return Ok(Vec::new());
    }
    let rows =
        client.query("SELECT version, name, applied_at FROM schema_migration ORDER BY version", &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

async fn locked(client: &mut Client, migrations: &[Migration]) -> Result<Report, MigrateError> {
    const TABLE: &str = "-- migrate.table
        CREATE TABLE IF NOT EXISTS schema_migration (
            version int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now(), took_ms bigint NOT NULL)";
    client.batch_execute(LOCK_TIMEOUT).await?;
    client.batch_execute(TABLE).await?;
    let applied = applied(client, migrations).await?;
    let mut report = Report { applied: Vec::new(), already: applied.len() };
    for migration in migrations {
        if applied.contains(&migration.version) {
            continue;
        }
        apply(client, migration).await?;
        report.applied.push(format!("{:04}_{}", migration.version, migration.name));
    }
    Ok(report)
}

/// The numbers of the files that are applied: each is one of `migrations`, unedited.
async fn applied(client: &Client, migrations: &[Migration]) -> Result<Vec<i32>, MigrateError> {
    const APPLIED: &str = "-- migrate.applied
        SELECT version, name, checksum FROM schema_migration ORDER BY version";
    let rows = client.query(APPLIED, &[]).await?;
    for row in &rows {
        let (version, name, checksum): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
        match migrations.iter().find(|migration| migration.version == version) {
            Some(known) if checksum_of(known.sql) == checksum => {}
            Some(_) => return Err(MigrateError::Edited { version, name }),
            None => {
                let ours = migrations.last().map_or(0, |last| last.version);
                return Err(MigrateError::Newer { version, ours });
            }
        }
    }
    Ok(rows.iter().map(|row| row.get("version")).collect())
}

async fn apply(client: &mut Client, migration: &Migration) -> Result<(), MigrateError> {
    const RECORD: &str = "-- migrate.record
        INSERT INTO schema_migration (version, name, checksum, took_ms) VALUES ($1, $2, $3, $4)";
    let &Migration { version, name, sql } = migration;
    let failed = |source| MigrateError::Failed { version, name, source };
    let began = Instant::now();
    let took = || began.elapsed().as_millis() as i64;
    if sql.starts_with(FIRST_LINE_NO_TRANSACTION) {
        drop_invalid_indexes(client).await.map_err(failed)?;
        for statement in sql.split(";\n").filter(|statement| has_sql(statement)) {
            client.batch_execute(statement).await.map_err(failed)?;
        }
        client.execute(RECORD, &[&version, &name, &checksum_of(sql), &took()]).await.map_err(failed)?;
    } else {
        let tx = client.transaction().await?;
        tx.batch_execute(sql).await.map_err(failed)?;
        tx.execute(RECORD, &[&version, &name, &checksum_of(sql), &took()]).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
    }
    tracing::info!(migration.version = version, migration.name = name, took_ms = took(), "migration applied");
    Ok(())
}

/// An interrupted `CREATE INDEX CONCURRENTLY` leaves an invalid index, which `IF NOT EXISTS` would take for done.
async fn drop_invalid_indexes(client: &Client) -> Result<(), tokio_postgres::Error> {
    const INVALID: &str = "-- migrate.invalid_indexes
        SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid
          AND indrelid::regclass::oid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)";
    for row in client.query(INVALID, &[]).await? {
        client.batch_execute(&format!("DROP INDEX {}", row.get::<_, String>(0))).await?;
    }
    Ok(())
}

fn has_sql(statement: &str) -> bool {
    statement.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--"))
}

/// SHA-256 in hexadecimal.
fn checksum_of(sql: &str) -> String {
    Sha256::digest(sql).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A name for this schema: equal for equal files. Names the tests' template database.
pub fn fingerprint() -> String {
    let all: String = MIGRATIONS.iter().map(|migration| migration.sql).collect();
    checksum_of(&all)[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, has_sql};

    #[test]
    fn the_list_is_the_directory() {
        let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        files.sort();
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|migration| format!("{:04}_{}.sql", migration.version, migration.name))
            .collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn comments_alone_are_no_statement() {
        assert!(!has_sql("-- no-transaction\n\n"));
        assert!(has_sql("-- why\nCREATE INDEX CONCURRENTLY IF NOT EXISTS x ON y (z)"));
    }
}
