//! PostgreSQL: whether it is there, new enough, and at which schema.

use std::str::FromStr as _;

use super::{Check, patiently};
use crate::{
    config::Config,
    db::Connector,
    migrate::{self, MIGRATIONS},
    postgres,
};

/// The oldest server whose SQL we speak, as PostgreSQL counts versions.
const OLDEST: i32 = 15_00_00;

pub(super) async fn check(config: &Config) -> Vec<Check> {
    let database = &config.database;
    let mut checks = Vec::new();
    let primary = if let Some(url) = database.url.as_ref() {
        tokio_postgres::Config::from_str(url.expose()).ok()
    } else {
        checks.push(binaries(config));
        postgres::running(&database.data_dir)
    };
    match primary {
        Some(primary) => checks.extend(server("database", primary).await),
        None => checks.push(Check::ok("database", "not running now; `sportello serve` starts it")),
    }
    if let Some(replica) = database.replica_url.as_ref() {
        let replica = tokio_postgres::Config::from_str(replica.expose()).ok();
        let found = match replica {
            Some(replica) => server("replica", replica).await,
            None => vec![Check::fail("replica", "not an address", "correct database.replica_url")],
        };
        checks.extend(found.into_iter().filter(|check| check.name == "replica"));
    }
    checks
}

fn binaries(config: &Config) -> Check {
    const NAME: &str = "PostgreSQL binaries";
    match postgres::locate(config.database.bin_dir.as_deref()) {
        Ok(found) => {
            Check::ok(NAME, format!("{}.{} in {}", found.major, found.minor, found.directory.display()))
        }
        Err(error) => Check::fail(NAME, "no usable server", error.to_string()),
    }
}

/// The server and the schema of its database.
async fn server(name: &'static str, config: tokio_postgres::Config) -> Vec<Check> {
    let advice = "is it running, and may this machine and user connect? The address is database.url";
    let (client, driver) = match Connector::new(config).connect().await {
        Ok(connection) => connection,
        Err(error) => return vec![Check::fail(name, error.to_string(), advice)],
    };
    let look = async {
        let version = client.query_one("SELECT current_setting('server_version_num')::int", &[]).await;
        let applied = migrate::status(&client).await;
        drop(client); // ends the driver
        (version, applied)
    };
    let Some(((version, applied), _)) = patiently(async { tokio::join!(look, driver) }).await else {
        return vec![Check::fail(name, "connected, but a query was not answered in time", advice)];
    };
    let server = match version.map(|row| row.get::<_, i32>(0)) {
        Ok(version) if version < OLDEST => {
            let found = format!("PostgreSQL {}", version / 10_000);
            Check::fail(name, found, "PostgreSQL 15 or later is needed")
        }
        Ok(version) => {
            Check::ok(name, format!("PostgreSQL {}.{} answers", version / 10_000, version % 10_000))
        }
        Err(error) => Check::fail(name, error.to_string(), advice),
    };
    let schema = match applied {
        Ok(applied) => schema(&applied.iter().map(|(version, ..)| *version).collect::<Vec<_>>()),
        Err(error) => Check::fail("schema", error.to_string(), "see `sportello migrate status`"),
    };
    vec![server, schema]
}

fn schema(applied: &[i32]) -> Check {
    const NAME: &str = "schema";
    let ours = MIGRATIONS.last().map_or(0, |last| last.version);
    let theirs = applied.iter().max().copied().unwrap_or(0);
    let waiting = MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)).count();
    if theirs > ours {
        let found = format!("the database is at {theirs}, this binary at {ours}");
        return Check::fail(NAME, found, "run the newer binary");
    }
    if waiting > 0 {
        let found = format!("{waiting} migrations are waiting");
        return Check::warn(NAME, found, "`sportello migrate` applies them; `serve` does too by default");
    }
    Check::ok(NAME, format!("at {theirs}, as this binary"))
}

#[cfg(test)]
mod tests {
    use super::{super::Status, MIGRATIONS, schema};

    #[test]
    fn a_schema_is_current_behind_or_ahead() {
        let all: Vec<i32> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(schema(&all).status, Status::Ok);
        assert_eq!(schema(&[]).status, Status::Warn);
        assert_eq!(schema(&[all.as_slice(), &[9999]].concat()).status, Status::Fail);
    }
}
