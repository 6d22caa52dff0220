//! Who works in an office: invited by its notary, who says what they may do; it counts once they have agreed.
//!
//! Nobody works in two offices. An invitation that was not agreed to gives way to a newer one of another office, so that
//! nobody can be kept from working by being invited.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::staff::Permission;
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{NotaryId, UserId},
};

/// Of one office.
pub const COLLABORATORS_MAX: i64 = 50;

/// Somebody who works, or is to work, in an office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Collaborator {
    /// The account.
    pub user_id: UserId,
    /// The office.
    pub notary_id: NotaryId,
    /// What the office is called.
    pub office_name: String,
    /// How the person wants to be addressed.
    pub name: String,
    /// What the person does there.
    pub job_title: String,
    /// What the person may do for the office.
    pub permissions: Vec<Permission>,
    /// When the person has agreed; `null`: not yet.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub agreed_at: Option<Timestamp>,
    /// When the person was invited.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

macro_rules! collaborator_columns {
    () => {
        "w.user_id, w.notary_id, w.job_title, w.permissions, w.agreed_at, w.created_at, w.version, \
         (SELECT o.office_name FROM notary AS o WHERE o.id = w.notary_id) AS office_name, \
         (SELECT u.name FROM users AS u WHERE u.id = w.user_id) AS name"
    };
}

impl Collaborator {
    fn from_row(row: &Row) -> Self {
        let permissions: Vec<&str> = row.get("permissions");
        Self {
            user_id: row.get("user_id"),
            notary_id: row.get("notary_id"),
            office_name: row.get("office_name"),
            name: row.get("name"),
            job_title: row.get("job_title"),
            // One that only a newer server knows permits nothing here.
            permissions: permissions.into_iter().filter_map(Permission::of).collect(),
            agreed_at: row.get("agreed_at"),
            created_at: row.get("created_at"),
            version: row.get("version"),
        }
    }
}

fn stored(permissions: &[Permission]) -> Vec<&'static str> {
    permissions.iter().map(|permission| permission.as_str()).collect()
}

/// Why somebody is not invited.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// There is no such account that works for notaries.
    #[error("nobody with the role of a collaborator has verified this address")]
    Nobody,
    /// The notary.
    #[error("it is your own office")]
    Self_,
    /// Once is enough.
    #[error("this person was invited already: change what they may do")]
    Invited,
    /// In another office.
    #[error("this person works in another office")]
    Elsewhere,
    /// The office is full.
    #[error("an office has at most {COLLABORATORS_MAX} collaborators")]
    TooMany,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl InviteError {
    /// What programs are told.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Nobody => "unknown_collaborator",
            Self::Self_ => "own_office",
            Self::Invited => "already_invited",
            Self::Elsewhere => "works_elsewhere",
            Self::TooMany => "too_many_collaborators",
            Self::Db(_) => "database",
        }
    }
}

/// Invites somebody into an office that is locked.
pub async fn invite(
    tx: &mut Tx,
    (notary, owner): (NotaryId, UserId),
    user: UserId,
    (job_title, permissions): (&str, &[Permission]),
    now: Timestamp,
) -> Result<Collaborator, InviteError> {
    const STANDING: &str = "-- notary.collaborators.standing
        SELECT u.roles @> '{collaborator}' AS is_one, w.notary_id, w.agreed_at,
            (SELECT count(*) FROM collaborator AS o WHERE o.notary_id = $2) AS others
        FROM users AS u LEFT JOIN collaborator AS w ON w.user_id = u.id WHERE u.id = $1";
    // Somebody else may have invited, or been agreed with, since.
    const INVITE: &str = concat!(
        "-- notary.collaborators.invite
        INSERT INTO collaborator AS w (user_id, notary_id, job_title, permissions, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $5)
        ON CONFLICT (user_id) DO UPDATE SET notary_id = excluded.notary_id, job_title = excluded.job_title,
            permissions = excluded.permissions, created_at = excluded.created_at, updated_at = excluded.updated_at,
            version = w.version + 1
        WHERE w.agreed_at IS NULL AND w.notary_id <> excluded.notary_id RETURNING ",
        collaborator_columns!()
    );
    let row = tx.query_opt(STANDING, &[&user, &notary]).await?.ok_or(InviteError::Nobody)?;
    let (office, agreed): (Option<NotaryId>, Option<Timestamp>) =
        (row.get("notary_id"), row.get("agreed_at"));
    if user == owner {
        return Err(InviteError::Self_);
    }
    if !row.get::<_, bool>("is_one") {
        return Err(InviteError::Nobody);
    }
    if office == Some(notary) {
        return Err(InviteError::Invited);
    }
    if agreed.is_some() {
        return Err(InviteError::Elsewhere);
    }
    if row.get::<_, i64>("others") >= COLLABORATORS_MAX {
        return Err(InviteError::TooMany);
    }
    let row = tx.query_opt(INVITE, &[&user, &notary, &job_title, &stored(permissions), &now]).await?;
    row.as_ref().map(Collaborator::from_row).ok_or(InviteError::Elsewhere)
}

/// Who works in the office of a notary, in the order of their accounts from above `after` on.
pub async fn list(
    db: &Db,
    owner: UserId,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Collaborator>, DbError> {
    const LIST: &str = concat!(
        "-- notary.collaborators.list
        SELECT ",
        collaborator_columns!(),
        " FROM collaborator AS w WHERE w.notary_id = (SELECT n.id FROM notary AS n WHERE n.user_id = $1)
          AND ($2::uuid IS NULL OR w.user_id > $2) ORDER BY w.user_id LIMIT $3"
    );
    let rows = db.read(LIST, args![owner, after, limit]).await?;
    Ok(rows.iter().map(Collaborator::from_row).collect())
}

/// One of those who work in the office of a notary.
pub async fn find(db: &Db, owner: UserId, user: UserId) -> Result<Option<Collaborator>, DbError> {
    const FIND: &str = concat!(
        "-- notary.collaborators.find
        SELECT ",
        collaborator_columns!(),
        " FROM collaborator AS w
        WHERE w.user_id = $2 AND w.notary_id = (SELECT n.id FROM notary AS n WHERE n.user_id = $1)"
    );
    Ok(db.read(FIND, args![owner, user]).await?.first().map(Collaborator::from_row))
}

/// Where somebody works, or is invited to.
pub async fn of_person(db: &Db, user: UserId) -> Result<Option<Collaborator>, DbError> {
    const OF: &str = concat!(
        "-- notary.collaborators.of_person
        SELECT ",
        collaborator_columns!(),
        " FROM collaborator AS w WHERE w.user_id = $1"
    );
    Ok(db.read(OF, args![user]).await?.first().map(Collaborator::from_row))
}

/// Changes what somebody does and may do in the office of a notary, if the row still has this version; `None` otherwise.
pub async fn change(
    tx: &mut Tx,
    owner: UserId,
    (user, version): (UserId, i64),
    (job_title, permissions): (Option<&str>, Option<&[Permission]>),
    now: Timestamp,
) -> Result<Option<Collaborator>, DbError> {
    const CHANGE: &str = concat!(
        "-- notary.collaborators.change
        UPDATE collaborator AS w SET job_title = coalesce($4, w.job_title), permissions = coalesce($5, w.permissions),
            version = w.version + 1, updated_at = $6
        WHERE w.user_id = $2 AND w.version = $3 AND w.notary_id = (SELECT n.id FROM notary AS n WHERE n.user_id = $1)
        RETURNING ",
        collaborator_columns!()
    );
    let permissions = permissions.map(stored);
    let row = tx.query_opt(CHANGE, &[&owner, &user, &version, &job_title, &permissions, &now]).await?;
    Ok(row.as_ref().map(Collaborator::from_row))
}

/// Agrees to work in this office; `None` when there is no such invitation any more.
pub async fn agree(
    tx: &mut Tx,
    user: UserId,
    notary: NotaryId,
    now: Timestamp,
) -> Result<Option<Collaborator>, DbError> {
    const AGREE: &str = concat!(
        "-- notary.collaborators.agree
        UPDATE collaborator AS w SET agreed_at = coalesce(w.agreed_at, $3), version = w.version + 1, updated_at = $3
        WHERE w.user_id = $1 AND w.notary_id = $2 RETURNING ",
        collaborator_columns!()
    );
    Ok(tx.query_opt(AGREE, &[&user, &notary, &now]).await?.as_ref().map(Collaborator::from_row))
}

/// Removes somebody from the office of a notary; gives the office.
pub async fn remove(tx: &mut Tx, owner: UserId, user: UserId) -> Result<Option<NotaryId>, DbError> {
    const REMOVE: &str = "-- notary.collaborators.remove
        DELETE FROM collaborator AS w
        WHERE w.user_id = $2 AND w.notary_id = (SELECT n.id FROM notary AS n WHERE n.user_id = $1) RETURNING w.notary_id";
    Ok(tx.query_opt(REMOVE, &[&owner, &user]).await?.map(|row| row.get("notary_id")))
}

/// Leaves the office, or declines the invitation; gives the office.
pub async fn leave(tx: &mut Tx, user: UserId) -> Result<Option<NotaryId>, DbError> {
    const LEAVE: &str = "-- notary.collaborators.leave
        DELETE FROM collaborator AS w WHERE w.user_id = $1 RETURNING w.notary_id";
    Ok(tx.query_opt(LEAVE, &[&user]).await?.map(|row| row.get("notary_id")))
}
