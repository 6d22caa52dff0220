//! The migrator: locked, checksummed, forward only.

use sportello::{
    db::Connector,
    migrate::{self, MigrateError, Migration},
};

use crate::harness::database::TestDatabase;

const FIRST: Migration = Migration { version: 1, name: "first", sql: "CREATE TABLE one (id int)" };
const BROKEN: Migration =
    Migration { version: 2, name: "broken", sql: "CREATE TABLE two (id int); SELECT 1/0" };
const CONCURRENT: Migration = Migration {
    version: 2,
    name: "index",
    sql: "-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS one_id ON one (id);\n",
};

/// A database in which nothing has been recorded yet.
async fn fresh() -> (TestDatabase, tokio_postgres::Client) {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    client.batch_execute("DROP TABLE schema_migration").await.unwrap();
    (database, client)
}

#[tokio::test]
async fn two_migrators_at_once_apply_each_file_once() {
    let database = TestDatabase::create().await;
    let admin = database.client().await;
    admin
        .batch_execute("DROP SCHEMA job CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .await
        .unwrap();
    let connector = Connector::new(database.config());
    let (one, other) = tokio::join!(migrate::run(&connector), migrate::run(&connector));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.applied.len() + other.applied.len(), migrate::MIGRATIONS.len());
    assert!(one.applied.is_empty() || other.applied.is_empty());
}

#[tokio::test]
async fn whoever_only_looks_makes_no_tables() {
    let (database, client) = fresh().await;
    let connector = Connector::new(database.config());
    let refused = migrate::check(&connector).await.unwrap_err();
    assert!(matches!(refused, MigrateError::Behind { waiting } if waiting == migrate::MIGRATIONS.len()));
    assert!(refused.to_string().contains("`sportello migrate`"), "{refused}");
    let made = client.query_one("SELECT to_regclass('schema_migration') IS NULL", &[]).await.unwrap();
    assert!(made.get::<_, bool>(0));
    let database = TestDatabase::create().await;
    migrate::check(&Connector::new(database.config())).await.unwrap();
}

#[tokio::test]
async fn an_edited_file_is_refused() {
    let (_database, mut client) = fresh().await;
    migrate::run_on(&mut client, &[FIRST]).await.unwrap();
    let edited = Migration { sql: "CREATE TABLE one (id bigint)", ..FIRST };
    let error = migrate::run_on(&mut client, &[edited]).await.unwrap_err();
    assert!(matches!(error, MigrateError::Edited { version: 1, .. }), "{error}");
    assert!(error.to_string().contains("put the change into a new one"));
}

#[tokio::test]
async fn a_database_newer_than_the_binary_is_refused() {
    let (_database, mut client) = fresh().await;
    migrate::run_on(&mut client, &[FIRST, CONCURRENT]).await.unwrap();
    let error = migrate::run_on(&mut client, &[FIRST]).await.unwrap_err();
    assert!(error.to_string().contains("start the newer binary"), "{error}");
}

#[tokio::test]
async fn a_failing_file_leaves_nothing_and_can_be_mended() {
    let (_database, mut client) = fresh().await;
    let error = migrate::run_on(&mut client, &[FIRST, BROKEN]).await.unwrap_err();
    assert!(matches!(error, MigrateError::Failed { version: 2, .. }), "{error}");
    let left = client.query_one("SELECT to_regclass('two') IS NULL", &[]).await.unwrap();
    assert!(left.get::<_, bool>(0), "half a migration was kept");
    let mended = Migration { sql: "CREATE TABLE two (id int)", ..BROKEN };
    let report = migrate::run_on(&mut client, &[FIRST, mended]).await.unwrap();
    assert_eq!((report.already, report.applied), (1, vec!["0002_broken".to_owned()]));
}

#[tokio::test]
async fn an_index_is_built_outside_a_transaction_and_an_invalid_one_is_built_again() {
    let (_database, mut client) = fresh().await;
    migrate::run_on(&mut client, &[FIRST]).await.unwrap();
    // What an interrupted CREATE INDEX CONCURRENTLY leaves behind.
    client.batch_execute("INSERT INTO one VALUES (1), (1)").await.unwrap();
    let _ = client.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (id)").await.unwrap_err();
    migrate::run_on(&mut client, &[FIRST, CONCURRENT]).await.unwrap();
    let valid = client
        .query_one("SELECT indisvalid FROM pg_index WHERE indexrelid = 'one_id'::regclass", &[])
        .await
        .unwrap();
    assert!(valid.get::<_, bool>(0));
}
