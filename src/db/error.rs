//! What can go wrong with a statement, as far as a caller can do something about it.

use std::sync::Arc;

use tokio_postgres::error::SqlState;

/// Why a statement or transaction failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// Too many are waiting: nothing was done. Try again later.
    #[error("the database has no place for another request")]
    Overloaded,
    /// The database is away: nothing was done. Try again later.
    #[error("the database is away")]
    Down,
    /// The connection was lost: a read has no answer, a transaction was rolled back.
    #[error("the connection to the database was lost")]
    Lost,
    /// The connection was lost while committing: it may have happened.
    #[error("the connection was lost while committing: the outcome is unknown")]
    Unknown,
    /// The statement took longer than it may.
    #[error("the statement took too long and was cancelled")]
    Timeout,
    /// A deadlock or serialization failure: rolled back, may be tried again.
    #[error("the transaction collided with another one")]
    Conflict,
    /// Anything else PostgreSQL says; often a violated constraint, see [`DbError::constraint`].
    #[error("PostgreSQL refused the statement")]
    Postgres(#[source] Arc<tokio_postgres::Error>),
}

impl DbError {
    /// The name of the violated constraint, if that is what happened.
    pub fn constraint(&self) -> Option<&str> {
        let Self::Postgres(error) = self else { return None };
        error.as_db_error()?.constraint()
    }

    /// A day or moment is further away than PostgreSQL counts (4713 BC), or comes there by what is added to it.
    pub fn is_beyond_time(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        error.code() == Some(&SqlState::DATETIME_FIELD_OVERFLOW)
    }

    /// Nothing was done, and the same request may succeed in a moment.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Overloaded | Self::Down | Self::Lost | Self::Timeout | Self::Conflict)
    }
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.is_closed() {
            return Self::Lost;
        }
        match error.code() {
            Some(code) if is_lost(code) => Self::Lost,
            Some(&SqlState::QUERY_CANCELED) => Self::Timeout,
            Some(&SqlState::TOO_MANY_CONNECTIONS) => Self::Overloaded,
            Some(&(SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED)) => Self::Conflict,
            None if is_io(&error) => Self::Lost,
            _ => Self::Postgres(Arc::new(error)),
        }
    }
}

/// The head query of a dying connection hears a normal database error (57P01 and kin, class 08); only those behind it
/// hear that the connection is closed.
fn is_lost(code: &SqlState) -> bool {
    *code == SqlState::ADMIN_SHUTDOWN
        || *code == SqlState::CRASH_SHUTDOWN
        || *code == SqlState::CANNOT_CONNECT_NOW
        || code.code().starts_with("08")
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}
