//! Exit codes, so that scripts and service managers can tell one failure from another.

use std::process::ExitCode;

use super::client::NotThere;
use crate::{
    app::NoDatabase,
    config::ConfigError,
    db::{ConnectError, DbError},
    migrate::MigrateError,
    postgres::{ClusterError, LocateError},
};

/// It did not work.
pub(super) const FAILED: u8 = 1;
/// The command line is wrong (clap uses the same).
pub(super) const USAGE: u8 = 2;
/// Something that is needed is not there: PostgreSQL, a database in the data directory, a server to talk to.
pub(super) const DEPENDENCY: u8 = 3;
/// The actor tree gave up (EX_SOFTWARE): start again from outside.
pub(super) const MELTDOWN: u8 = 70;
/// The configuration is wrong (EX_CONFIG): starting again will not help.
pub(super) const CONFIG: u8 = 78;

/// The command line is wrong in a way that only the command can see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// The code for an error that ended a command.
pub(super) fn code(error: &anyhow::Error) -> ExitCode {
    let is = |test: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(test);
    ExitCode::from(if is(<dyn std::error::Error>::is::<ConfigError>) {
        CONFIG
    } else if is(<dyn std::error::Error>::is::<Usage>) {
        USAGE
    } else if is(is_dependency) {
        DEPENDENCY
    } else {
        FAILED
    })
}

fn is_dependency(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<ConnectError>()
        || cause.is::<LocateError>()
        || cause.is::<ClusterError>()
        || cause.is::<NotThere>()
        || cause.is::<NoDatabase>()
        || matches!(cause.downcast_ref(), Some(MigrateError::Connect(_) | MigrateError::Behind { .. }))
        || matches!(cause.downcast_ref(), Some(DbError::Down | DbError::Overloaded))
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use anyhow::Context as _;

    use super::{CONFIG, DEPENDENCY, FAILED, USAGE, Usage, code};
    use crate::{config, db::ConnectError, migrate::MigrateError};

    #[test]
    fn each_kind_of_failure_has_its_code_under_any_context() {
        let flag = config::Flag { name: "--set".into(), key: "a.b".into(), text: String::new() };
        let sources = config::Sources { flags: vec![flag], ..config::Sources::default() };
        let cases: [(anyhow::Error, u8); 4] = [
            (config::load(&sources).expect_err("there is no a.b").into(), CONFIG),
            (Usage("no such role".into()).into(), USAGE),
            (MigrateError::Connect(ConnectError::Timeout).into(), DEPENDENCY),
            (anyhow::anyhow!("anything else"), FAILED),
        ];
        for (error, expected) in cases {
            let error = Err::<(), _>(error).context("while doing something").unwrap_err();
            assert_eq!(format!("{:?}", code(&error)), format!("{:?}", ExitCode::from(expected)));
        }
    }
}
