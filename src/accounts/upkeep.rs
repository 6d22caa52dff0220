//! What time does to accounts: rows that protect nothing any more are deleted, in batches.

use jiff::{SignedDuration, Timestamp};

use super::{key_use, second_factor};
use crate::db::{DbError, Tx};

/// Rows deleted by one transaction: short enough not to be felt.
pub const BATCH: i64 = 1_000;
/// Failures older than this cannot lock anything, whatever the configuration says.
const FAILURES_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long a key that has ended is shown to its owner, and recognised when somebody uses it.
const KEYS_SHOWN: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How long a repetition of a request with an Idempotency-Key is recognised.
pub const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Deletes idempotency keys whose time is over, at most [`BATCH`]; returns how many.
pub async fn forget_keys(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    const FORGET: &str = "-- accounts.upkeep.idempotency_keys
        DELETE FROM idempotency_key WHERE key = ANY(ARRAY(
            SELECT key FROM idempotency_key WHERE created_at <= $1 ORDER BY created_at LIMIT $2))";
    let old = now.checked_sub(KEYS_KEPT).unwrap_or(Timestamp::MIN);
    tx.execute(FORGET, &[&old, &BATCH]).await
}

/// The answers at the paths `$1` of the clinic desk, or below them. The condition of the index stands here as it stands there; `0`
/// is the character after `/`.
pub const FORGET_ANSWERS: &str = "-- accounts.upkeep.forget_answers
    DELETE FROM idempotency_key AS k USING unnest($1::text[]) AS p (path)
    WHERE k.headers ->> 'location' LIKE '/api/v1/clinic/%'
      AND (k.headers ->> 'location') COLLATE \"C\" >= p.path
      AND (k.headers ->> 'location') COLLATE \"C\" < p.path || '0'";

/// Deletes answers that are kept to be repeated and say where something was made that is gone.
pub async fn forget_answers(tx: &mut Tx, paths: &[String]) -> Result<u64, DbError> {
    tx.execute(FORGET_ANSWERS, &[&paths]).await
}

/// Deletes sessions none of whose tokens is valid any more, old failures, tokens that have expired, second factors
/// that nobody confirmed, the hours of keys that are over, and keys that ended long ago; returns how many rows went.
pub async fn prune(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    // A revoked session is kept until its refresh tokens expire: a thief's token must still be recognised.
    const SESSIONS: &str = "-- accounts.upkeep.sessions
        DELETE FROM sessions WHERE id IN (
            SELECT s.id FROM sessions s WHERE s.access_expires_at < $1
              AND NOT EXISTS (SELECT FROM session_refresh r WHERE r.session_id = s.id AND r.expires_at > $1)
            ORDER BY s.access_expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    const REFRESH: &str = "-- accounts.upkeep.refresh
        DELETE FROM session_refresh WHERE hash IN (
            SELECT hash FROM session_refresh WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
            FOR UPDATE SKIP LOCKED)";
    const FAILURES: &str = "-- accounts.upkeep.failures
        DELETE FROM login_failure WHERE key IN (
            SELECT key FROM login_failure WHERE last_at < $1 AND (locked_until IS NULL OR locked_until < $2)
            ORDER BY last_at LIMIT $3 FOR UPDATE SKIP LOCKED)";
    const TOKENS: &str = "-- accounts.upkeep.tokens
        DELETE FROM account_token WHERE hash IN (
            SELECT hash FROM account_token WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
            FOR UPDATE SKIP LOCKED)";
    const ENROLMENTS: &str = "-- accounts.upkeep.enrolments
        DELETE FROM totp WHERE user_id IN (
            SELECT user_id FROM totp WHERE confirmed_at IS NULL AND created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
    const HOURS: &str = "-- accounts.upkeep.key_hours
        DELETE FROM api_key_hour WHERE (key_id, hour) IN (
            SELECT key_id, hour FROM api_key_hour WHERE hour < $1 ORDER BY hour LIMIT $2 FOR UPDATE SKIP LOCKED)";
    const CLINIC_HOURS: &str = "-- accounts.upkeep.clinic_key_hours
        DELETE FROM clinic_key_hour WHERE (clinic_id, hour) IN (
            SELECT clinic_id, hour FROM clinic_key_hour WHERE hour < $1 ORDER BY hour LIMIT $2 FOR UPDATE SKIP LOCKED)";
    const KEYS: &str = "-- accounts.upkeep.api_keys
        DELETE FROM api_key WHERE id IN (
            SELECT id FROM api_key WHERE least(revoked_at, expires_at) < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
    let ended = now.checked_sub(KEYS_SHOWN).unwrap_or(Timestamp::MIN);
    let hour = now.checked_sub(key_use::HOUR).unwrap_or(Timestamp::MIN);
    let hours =
        tx.execute(HOURS, &[&hour, &BATCH]).await? + tx.execute(CLINIC_HOURS, &[&hour, &BATCH]).await?;
    let keys = tx.execute(KEYS, &[&ended, &BATCH]).await?;
    let old = now.checked_sub(FAILURES_KEPT).unwrap_or(Timestamp::MIN);
    let waited = now.checked_sub(second_factor::ENROLMENT).unwrap_or(Timestamp::MIN);
    let tokens = tx.execute(TOKENS, &[&now, &BATCH]).await?;
    let enrolments = tx.execute(ENROLMENTS, &[&waited, &BATCH]).await?;
    let sessions = tx.execute(SESSIONS, &[&now, &BATCH]).await?;
    let refresh = tx.execute(REFRESH, &[&now, &BATCH]).await?;
    let failures = tx.execute(FAILURES, &[&old, &now, &BATCH]).await?;
    Ok(sessions + refresh + failures + tokens + enrolments + hours + keys)
}
