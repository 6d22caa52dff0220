//! Accounts: made, read, changed.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::policy::Roles;
use crate::{
    db::{Db, DbError, Tx},
    ids::UserId,
    key,
    mail::Language,
};

/// An account, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Where mails go, and the name to log in with; in lower case.
    pub email: String,
    /// Since when it is known that its owner reads mails to it; `null`: that is not known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub email_verified_at: Option<Timestamp>,
    /// How the person wants to be addressed.
    pub name: String,
    /// What the person may do.
    pub roles: Roles,
    /// Of mails.
    pub language: Language,
    /// A telephone number.
    pub phone: Option<String>,
    /// What hosts say about themselves.
    pub bio: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// A valid address; see [`normal_email`].
    pub email: String,
    /// 1 to 100 characters.
    pub name: String,
    /// What the person may do.
    pub roles: Roles,
    /// Of mails.
    pub language: Language,
    /// From [`super::passwords::Hashing::hash`].
    pub password_hash: String,
}

/// Why an account could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The address has an account.
    #[error("the address has an account already")]
    EmailTaken,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Changes to an account; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// Of mails.
    pub language: Option<Language>,
    /// 5 to 20 characters, or none.
    pub phone: Option<Option<String>>,
    /// At most 2000 characters, or none.
    pub bio: Option<Option<String>>,
}

macro_rules! columns {
    () => {
        "u.id, u.email, u.email_verified_at, u.name, u.roles, u.language, u.phone, u.bio, u.created_at, u.updated_at, \
         u.version"
    };
}

impl User {
    pub(super) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            email: row.get("email"),
            email_verified_at: row.get("email_verified_at"),
            name: row.get("name"),
            roles: Roles::stored(&row.get::<_, Vec<&str>>("roles")),
            language: Language::of(row.get("language")),
            phone: row.get("phone"),
            bio: row.get("bio"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }
}

/// An address as it is stored and compared: without white space around it, in lower case.
pub fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Whether there is such an account. It stays until the transaction has ended.
pub async fn is_there(tx: &mut Tx, id: UserId) -> Result<bool, DbError> {
    const THERE: &str = "-- accounts.users.is_there\nSELECT FROM users WHERE id = $1 FOR KEY SHARE";
    Ok(tx.query_opt(THERE, &[&id]).await?.is_some())
}

/// Whether somebody has this account who can still use it. It stays until the transaction has ended.
pub async fn is_active(tx: &mut Tx, id: UserId) -> Result<bool, DbError> {
    const ACTIVE: &str = "-- accounts.users.is_active
        SELECT FROM users WHERE id = $1 AND status = 'active' AND erased_at IS NULL FOR KEY SHARE";
    Ok(tx.query_opt(ACTIVE, &[&id]).await?.is_some())
}

/// Whose an address is. One that nobody has proved to be theirs is nobody's: whoever registers with an address of somebody
/// else gets nothing that is meant for them.
pub async fn of_proven_address(tx: &mut Tx, email: &str) -> Result<Option<UserId>, DbError> {
    const PROVEN: &str = "-- accounts.users.of_proven_address
        SELECT id FROM users WHERE lower(email) = lower($1) AND email_verified_at IS NOT NULL AND status = 'active'
          AND erased_at IS NULL FOR KEY SHARE";
    Ok(tx.query_opt(PROVEN, &[&email]).await?.map(|row| row.get("id")))
}

/// Makes an account.
pub async fn create(tx: &mut Tx, new: &NewUser, now: Timestamp) -> Result<User, CreateError> {
    const CREATE: &str = concat!(
        "-- accounts.users.create
        INSERT INTO users AS u (id, email, name, roles, language, password_hash, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (lower(email)) DO NOTHING RETURNING ",
        columns!()
    );
    let (id, email) = (UserId::new(now), normal_email(&new.email));
    let (roles, language) = (new.roles.names(), new.language.code());
    let row =
        tx.query_opt(CREATE, &[&id, &email, &new.name, &roles, &language, &new.password_hash, &now]).await?;
    row.as_ref().map(User::from_row).ok_or(CreateError::EmailTaken)
}

/// The account of `id`, unless it is disabled.
pub async fn find(db: &Db, id: UserId) -> Result<Option<User>, DbError> {
    const FIND: &str = concat!(
        "-- accounts.users.find
        SELECT k.n, ",
        columns!(),
        " FROM unnest($1::uuid[]) WITH ORDINALITY AS k (id, n) JOIN users u ON u.id = k.id AND u.status = 'active'"
    );
    Ok(db.lookup(FIND, key![id]).await?.first().map(User::from_row))
}

/// What a log-in is compared with.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) user: User,
    pub(super) password_hash: String,
    pub(super) is_active: bool,
}

/// Account and password hash of an address.
pub(super) async fn credentials(db: &Db, email: &str) -> Result<Option<Credentials>, DbError> {
    const CREDENTIALS: &str = concat!(
        "-- accounts.users.credentials
        SELECT k.n, u.password_hash, u.status = 'active' AS is_active, ",
        columns!(),
        " FROM unnest($1::text[]) WITH ORDINALITY AS k (email, n) JOIN users u ON lower(u.email) = lower(k.email)"
    );
    let rows = db.lookup(CREDENTIALS, key![email]).await?;
    Ok(rows.first().map(|row| Credentials {
        user: User::from_row(row),
        password_hash: row.get("password_hash"),
        is_active: row.get("is_active"),
    }))
}

/// Changes an account that still has this version; `None` when it has another by now.
pub async fn change(
    tx: &mut Tx,
    (id, version): (UserId, i64),
    changes: &Changes,
    now: Timestamp,
) -> Result<Option<User>, DbError> {
    const CHANGE: &str = concat!(
        "-- accounts.users.change
        UPDATE users AS u SET name = coalesce($3, u.name), language = coalesce($4, u.language),
            phone = CASE WHEN $5 THEN $6 ELSE u.phone END, bio = CASE WHEN $7 THEN $8 ELSE u.bio END,
            version = u.version + 1, updated_at = $9
        WHERE u.id = $1 AND u.version = $2 RETURNING ",
        columns!()
    );
    let language = changes.language.map(Language::code);
    let (phone, bio) = (changes.phone.clone().flatten(), changes.bio.clone().flatten());
    let (set_phone, set_bio) = (changes.phone.is_some(), changes.bio.is_some());
    let row = tx
        .query_opt(
            CHANGE,
            &[&id, &version, &changes.name, &language, &set_phone, &phone, &set_bio, &bio, &now],
        )
        .await?;
    Ok(row.as_ref().map(User::from_row))
}

/// Replaces a password hash that is still `old`; `false` when somebody else was faster.
pub async fn set_password(
    tx: &mut Tx,
    id: UserId,
    old: &str,
    new: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    const SET: &str = "-- accounts.users.set_password
        UPDATE users SET password_hash = $3, version = version + 1, updated_at = $4
        WHERE id = $1 AND password_hash = $2";
    Ok(tx.execute(SET, &[&id, &old, &new, &now]).await? == 1)
}

/// The same password, hashed with today's parameters: no change that its owner would notice.
pub(super) async fn rehash(tx: &mut Tx, id: UserId, old: &str, new: &str) -> Result<bool, DbError> {
    const REHASH: &str = "-- accounts.users.rehash
        UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    Ok(tx.execute(REHASH, &[&id, &old, &new]).await? == 1)
}

/// Remembers that the address belongs to the person.
pub(super) async fn verify_email(tx: &mut Tx, id: UserId, now: Timestamp) -> Result<(), DbError> {
    const VERIFY: &str = "-- accounts.users.verify_email
        UPDATE users SET email_verified_at = $2, version = version + 1, updated_at = $2
        WHERE id = $1 AND email_verified_at IS NULL";
    tx.execute(VERIFY, &[&id, &now]).await?;
    Ok(())
}
