//! People, as administrators see them: found, shown, given roles, kept out.
//!
//! Administrators are made on the command line only, and nobody takes that role from another here: an administrator whose
//! session was stolen cannot make the theft permanent.

use jiff::Timestamp;
use serde::Deserialize;
use tokio_postgres::Row;
use utoipa::IntoParams;

use super::{
    api_keys,
    policy::{Role, Roles},
    sessions::{Ending, Sessions},
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::UserId,
};

/// Whether a person may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccountStatus)]
pub enum Status {
    /// The person may.
    Active,
    /// Nobody may with this account.
    Disabled,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// An account, as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Person {
    /// Its id.
    pub id: UserId,
    /// Where mails go.
    pub email: String,
    /// How the person wants to be addressed.
    pub name: String,
    /// What the person may do.
    pub roles: Roles,
    /// Whether the person may log in.
    pub status: Status,
    /// When the address was proved to be the person's.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub email_verified_at: Option<Timestamp>,
    /// Whether a second factor is asked for.
    pub has_second_factor: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// Which accounts; everything that is given must fit.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// The whole address.
    pub email: Option<String>,
    /// With this role, among others.
    pub role: Option<Role>,
    /// Who may log in, or may not.
    pub status: Option<Status>,
}

/// Changes to an account; `None` leaves a field as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes {
    /// All roles but that of administrators, which stays as it is.
    pub roles: Option<Roles>,
    /// Whether the person may log in; disabling ends the sessions, and keys for programs are refused.
    pub status: Option<Status>,
    /// Keys from before work again when the account is enabled; otherwise they are revoked then.
    pub keep_api_keys: bool,
}

macro_rules! columns {
    () => {
        "u.id, u.email, u.name, u.roles, u.status = 'active' AS is_active, u.email_verified_at, u.created_at, u.version, \
         EXISTS (SELECT FROM totp AS t WHERE t.user_id = u.id AND t.confirmed_at IS NOT NULL) AS has_second_factor"
    };
}

impl Person {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            email: row.get("email"),
            name: row.get("name"),
            roles: Roles::stored(&row.get::<_, Vec<&str>>("roles")),
            status: if row.get("is_active") { Status::Active } else { Status::Disabled },
            email_verified_at: row.get("email_verified_at"),
            has_second_factor: row.get("has_second_factor"),
            created_at: row.get("created_at"),
            version: row.get("version"),
        }
    }
}

/// Accounts that fit, newest first, from below `before` on.
pub async fn list(
    db: &Db,
    filter: &Filter,
    before: Option<UserId>,
    limit: i64,
) -> Result<Vec<Person>, DbError> {
    const LIST: &str = concat!(
        "-- accounts.directory.list
        SELECT ",
        columns!(),
        " FROM users AS u
        WHERE ($1::uuid IS NULL OR u.id < $1) AND ($2::text IS NULL OR lower(u.email) = lower($2))
          AND ($3::text IS NULL OR $3 = ANY (u.roles)) AND ($4::text IS NULL OR u.status = $4)
        ORDER BY u.id DESC LIMIT $5"
    );
    // Nearly everybody is only a client: the others have an index of their own, users_roles_special.
    const LIST_SPECIAL: &str = concat!(
        "-- accounts.directory.list_special
        SELECT ",
        columns!(),
        " FROM users AS u
        WHERE u.roles <> '{client}' AND u.roles @> ARRAY[$3::text] AND ($1::uuid IS NULL OR u.id < $1)
          AND ($2::text IS NULL OR lower(u.email) = lower($2)) AND ($4::text IS NULL OR u.status = $4)
        ORDER BY u.id DESC LIMIT $5"
    );
    let list = if filter.role.is_some_and(|role| role != Role::Client) { LIST_SPECIAL } else { LIST };
    let (email, role) = (filter.email.clone(), filter.role.map(Role::as_str));
    let status = filter.status.map(Status::as_str);
    let rows = db.read(list, args![before, email, role, status, limit]).await?;
    Ok(rows.iter().map(Person::from_row).collect())
}

/// One account.
pub async fn find(db: &Db, id: UserId) -> Result<Option<Person>, DbError> {
    const FIND: &str =
        concat!("-- accounts.directory.find\nSELECT ", columns!(), " FROM users AS u WHERE u.id = $1");
    Ok(db.read(FIND, args![id]).await?.first().map(Person::from_row))
}

/// Changes an account that is still as it was; `None` when it has another by now.
pub async fn change(
    tx: &mut Tx,
    sessions: &Sessions,
    before: &Person,
    changes: Changes,
    now: Timestamp,
) -> Result<Option<Person>, DbError> {
    const CHANGE: &str = concat!(
        "-- accounts.directory.change
        UPDATE users AS u SET version = u.version + 1, updated_at = $5, status = coalesce($4, u.status),
            roles = CASE WHEN $3::text[] IS NULL THEN u.roles WHEN 'admin' = ANY (u.roles) THEN $3 || '{admin}'::text[]
                ELSE $3 END
        WHERE u.id = $1 AND u.version = $2 AND u.erased_at IS NULL RETURNING ",
        columns!()
    );
    let Person { id, version, status: had, .. } = *before;
    let (roles, status) = (changes.roles.map(Roles::names), changes.status.map(Status::as_str));
    let changed = tx.query_opt(CHANGE, &[&id, &version, &roles, &status, &now]).await?;
    let Some(person) = changed.as_ref().map(Person::from_row) else { return Ok(None) };
    let is_enabled = had == Status::Disabled && person.status == Status::Active;
    if is_enabled && !changes.keep_api_keys {
        api_keys::revoke_all(tx, id, now).await?;
    }
    // The table of known tokens remembers roles, too: who has fewer of them logs in again.
    if changes.roles.is_some() || person.status == Status::Disabled {
        sessions.end_others(tx, id, None, Ending::Changed).await?;
    }
    Ok(Some(person))
}
