//! Secret links to one's own calendar: for programs that cannot log in. One per person, shown once, revocable.
//!
//! A link reads the calendar of its owner's bookings and nothing else; of a disabled account it opens nothing.

use jiff::Timestamp;

use super::tokens::{Token, TokenHash, Use};
use crate::{
    db::{Db, DbError, Tx},
    ids::UserId,
    key,
    mail::Language,
};

/// Makes the person's link; the one before opens nothing any more.
pub async fn replace(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<Token, DbError> {
    const REPLACE: &str = "-- accounts.calendar_links.replace
        INSERT INTO calendar_links (user_id, hash, created_at) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at";
    let token = Token::generate(Use::Calendar);
    tx.execute(REPLACE, &[&user, &token.hash().bytes(), &now]).await?;
    Ok(token)
}

/// Revokes the person's link, if there is one.
pub async fn revoke(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    const REVOKE: &str = "-- accounts.calendar_links.revoke
        DELETE FROM calendar_links WHERE user_id = $1";
    tx.execute(REVOKE, &[&user]).await?;
    Ok(())
}

/// Since when the person has a link.
pub async fn since(db: &Db, user: UserId) -> Result<Option<Timestamp>, DbError> {
    const SINCE: &str = "-- accounts.calendar_links.since
        SELECT k.n, l.created_at FROM unnest($1::uuid[]) WITH ORDINALITY AS k (user_id, n)
        JOIN calendar_links l ON l.user_id = k.user_id";
    Ok(db.lookup(SINCE, key![user]).await?.first().map(|row| row.get("created_at")))
}

/// Whose link has this token, and the person's language.
pub async fn owner(db: &Db, token: &str) -> Result<Option<(UserId, Language)>, DbError> {
    const OWNER: &str = "-- accounts.calendar_links.owner
        SELECT k.n, u.id, u.language FROM unnest($1::bytea[]) WITH ORDINALITY AS k (hash, n)
        JOIN calendar_links l ON l.hash = k.hash JOIN users u ON u.id = l.user_id AND u.status = 'active'";
    let Some(hash) = TokenHash::of(token, Use::Calendar) else { return Ok(None) };
    let rows = db.lookup(OWNER, key![hash.bytes()]).await?;
    Ok(rows.first().map(|row| (row.get("id"), Language::of(row.get("language")))))
}
