//! Tokens that prove one thing once: that a mail was read, or that a log-in has passed its password.
//!
//! Invariants
//! - A token is bound to what it was given for: with another address (`verify_email`) or password (the others) the account
//!   has, it is worthless. So are all of an account that was disabled.
//! - It is stored as its hash, and deleted by the statement that uses it: of many who try at once, one succeeds.

use jiff::{SignedDuration, Timestamp};

use super::tokens::{Token, TokenHash, Use};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::UserId,
};

/// Guesses at the second factor that one challenge allows; the lockout counts them, too.
pub const CHALLENGE_TRIES: i16 = 5;
/// Mails of one kind to one person within [`MAILS_PERIOD`].
pub const MAILS_MAX: i64 = 5;
/// See [`MAILS_MAX`].
pub const MAILS_PERIOD: SignedDuration = SignedDuration::from_hours(1);

/// What a token proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// That mails to the address are read.
    VerifyEmail,
    /// The same, for who has forgotten the password.
    ResetPassword,
    /// That the password was right; the second factor follows.
    LogIn,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::LogIn => "log_in",
        }
    }

    const fn token(self) -> Use {
        match self {
            Self::VerifyEmail => Use::VerifyEmail,
            Self::ResetPassword => Use::ResetPassword,
            Self::LogIn => Use::LogIn,
        }
    }

    /// How long a token is good.
    pub const fn life(self) -> SignedDuration {
        match self {
            Self::VerifyEmail => SignedDuration::from_hours(72),
            Self::ResetPassword => SignedDuration::from_hours(1),
            Self::LogIn => SignedDuration::from_mins(5),
        }
    }
}

/// What a token for `$purpose` of the account `u` is bound to.
macro_rules! bound {
    ($purpose:literal) => {
        concat!(
            "sha256(convert_to(CASE ",
            $purpose,
            " WHEN 'verify_email' THEN lower(u.email) ELSE u.password_hash END, 'UTF8'))"
        )
    };
}

/// A token, and until when it is good.
#[derive(Debug, Clone)]
pub struct Issued {
    /// In clear.
    pub token: Token,
    /// Until then.
    pub expires_at: Timestamp,
}

/// Gives a token. `None` when the account is disabled by now, or has not the password any more that was compared.
pub async fn issue(
    tx: &mut Tx,
    user: UserId,
    purpose: Purpose,
    compared_hash: Option<&str>,
    now: Timestamp,
) -> Result<Option<Issued>, DbError> {
    const ISSUE: &str = concat!(
        "-- accounts.account_tokens.issue
        INSERT INTO account_token (hash, user_id, purpose, bound_to, expires_at, created_at)
        SELECT $1, u.id, $3::text, ",
        bound!("$3::text"),
        ", $4, $5 FROM users u
        WHERE u.id = $2 AND u.status = 'active' AND ($6::text IS NULL OR u.password_hash = $6)"
    );
    let issued = Issued {
        token: Token::generate(purpose.token()),
        expires_at: now.checked_add(purpose.life()).unwrap_or(Timestamp::MAX),
    };
    let (hash, name) = (issued.token.hash().bytes(), purpose.as_str());
    let args: [&(dyn postgres_types::ToSql + Sync); 6] =
        [&hash, &user, &name, &issued.expires_at, &now, &compared_hash];
    Ok((tx.execute(ISSUE, &args).await? == 1).then_some(issued))
}

/// How many tokens of this kind the person was given in the last [`MAILS_PERIOD`] and has not used.
pub async fn recent(db: &Db, user: UserId, purpose: Purpose, now: Timestamp) -> Result<i64, DbError> {
    const RECENT: &str = "-- accounts.account_tokens.recent
        SELECT count(*) FROM account_token WHERE user_id = $1 AND purpose = $2 AND created_at > $3";
    let since = now.checked_sub(MAILS_PERIOD).unwrap_or(Timestamp::MIN);
    let rows = db.read(RECENT, args![user, purpose.as_str(), since]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// Whose a token is, and the address of that account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The account.
    pub user: UserId,
    /// Its address.
    pub email: String,
    /// The hash of its password.
    pub(super) password_hash: String,
}

fn holder(row: &tokio_postgres::Row) -> Holder {
    Holder { user: row.get("id"), email: row.get("email"), password_hash: row.get("password_hash") }
}

/// Whose token this is; it stays good.
pub async fn look(db: &Db, token: &str, purpose: Purpose, now: Timestamp) -> Result<Option<Holder>, DbError> {
    const LOOK: &str = concat!(
        "-- accounts.account_tokens.look
        SELECT u.id, u.email, u.password_hash FROM account_token t JOIN users u ON u.id = t.user_id
        WHERE t.hash = $1 AND t.purpose = $2 AND t.expires_at > $3 AND u.status = 'active' AND t.bound_to = ",
        bound!("t.purpose")
    );
    let Some(hash) = TokenHash::of(token, purpose.token()) else { return Ok(None) };
    let rows = db.read(LOOK, args![hash.bytes(), purpose.as_str(), now]).await?;
    Ok(rows.first().map(holder))
}

/// Uses a token up; `None` if it is not good (any more).
pub async fn redeem(
    tx: &mut Tx,
    token: &str,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<Holder>, DbError> {
    const REDEEM: &str = concat!(
        "-- accounts.account_tokens.redeem
        DELETE FROM account_token t USING users u
        WHERE t.hash = $1 AND t.purpose = $2 AND t.expires_at > $3 AND u.id = t.user_id AND u.status = 'active'
          AND t.bound_to = ",
        bound!("t.purpose"),
        " RETURNING u.id, u.email, u.password_hash"
    );
    let Some(hash) = TokenHash::of(token, purpose.token()) else { return Ok(None) };
    Ok(tx.query_opt(REDEEM, &[&hash.bytes(), &purpose.as_str(), &now]).await?.as_ref().map(holder))
}

/// Counts a try at a log-in's challenge, which must be right, alive and not tried too often. The row is locked until the
/// transaction ends: tries at one challenge come one after the other.
pub(super) async fn attempt(tx: &mut Tx, token: &str, now: Timestamp) -> Result<Option<Holder>, DbError> {
    const ATTEMPT: &str = concat!(
        "-- accounts.account_tokens.attempt
        UPDATE account_token t SET tries = t.tries + 1 FROM users u
        WHERE t.hash = $1 AND t.purpose = 'log_in' AND t.expires_at > $2 AND t.tries < $3 AND u.id = t.user_id
          AND u.status = 'active' AND t.bound_to = ",
        bound!("t.purpose"),
        " RETURNING u.id, u.email, u.password_hash"
    );
    let Some(hash) = TokenHash::of(token, Use::LogIn) else { return Ok(None) };
    Ok(tx.query_opt(ATTEMPT, &[&hash.bytes(), &now, &CHALLENGE_TRIES]).await?.as_ref().map(holder))
}
