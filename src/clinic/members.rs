//! Who works in a clinic: invited by who manages it, or by an administrator to manage it; it counts once they have agreed.
//!
//! Nobody works in two clinics. An invitation that was not agreed to gives way to a newer one of another clinic, so that
//! nobody can be kept from working by being invited. A clinic that has somebody who manages it keeps one, as long as that
//! person's account lives.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::staff::Permission;
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ClinicId, UserId},
};

/// Of one clinic.
pub const MEMBERS_MAX: i64 = 200;

/// Somebody who works, or is to work, in a clinic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ClinicMember)]
pub struct Member {
    /// The account.
    pub user_id: UserId,
    /// The clinic.
    pub clinic_id: ClinicId,
    /// What the clinic is called.
    pub clinic_name: String,
    /// How the person wants to be addressed.
    pub name: String,
    /// What the person does there.
    pub job_title: String,
    /// What the person may do there.
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

macro_rules! member_columns {
    () => {
        "w.user_id, w.clinic_id, w.job_title, w.permissions, w.agreed_at, w.created_at, w.version, \
         (SELECT c.name FROM clinic AS c WHERE c.id = w.clinic_id) AS clinic_name, \
         (SELECT u.name FROM users AS u WHERE u.id = w.user_id) AS name"
    };
}

impl Member {
    fn from_row(row: &Row) -> Self {
        let permissions: Vec<&str> = row.get("permissions");
        Self {
            user_id: row.get("user_id"),
            clinic_id: row.get("clinic_id"),
            clinic_name: row.get("clinic_name"),
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
    /// There is no such account that works for clinics.
    #[error("nobody with the role of staff has verified this address")]
    Nobody,
    /// Once is enough.
    #[error("this person was invited already: change what they may do")]
    Invited,
    /// In another clinic.
    #[error("this person works in another clinic")]
    Elsewhere,
    /// The clinic is full.
    #[error("a clinic has at most {MEMBERS_MAX} members")]
    TooMany,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl InviteError {
    /// What programs are told.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Nobody => "unknown_member",
            Self::Invited => "already_invited",
            Self::Elsewhere => "works_elsewhere",
            Self::TooMany => "too_many_members",
            Self::Db(_) => "database",
        }
    }
}

/// Why somebody stays as they are.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Nobody could invite anybody any more.
    #[error("nobody else manages this clinic: permit it to somebody first")]
    LastManager,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Invites somebody into a clinic that is locked.
pub async fn invite(
    tx: &mut Tx,
    clinic: ClinicId,
    user: UserId,
    (job_title, permissions): (&str, &[Permission]),
    now: Timestamp,
) -> Result<Member, InviteError> {
    const STANDING: &str = "-- clinic.members.standing
        SELECT u.roles @> '{staff}' AS is_one, w.clinic_id, w.agreed_at,
            (SELECT count(*) FROM clinic_member AS o WHERE o.clinic_id = $2) AS others
        FROM users AS u LEFT JOIN clinic_member AS w ON w.user_id = u.id WHERE u.id = $1";
    // Somebody else may have invited, or been agreed with, since.
    const INVITE: &str = concat!(
        "-- clinic.members.invite
        INSERT INTO clinic_member AS w (user_id, clinic_id, job_title, permissions, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $5)
        ON CONFLICT (user_id) DO UPDATE SET clinic_id = excluded.clinic_id, job_title = excluded.job_title,
            permissions = excluded.permissions, created_at = excluded.created_at, updated_at = excluded.updated_at,
            version = w.version + 1
        WHERE w.agreed_at IS NULL AND w.clinic_id <> excluded.clinic_id RETURNING ",
        member_columns!()
    );
    let row = tx.query_opt(STANDING, &[&user, &clinic]).await?.ok_or(InviteError::Nobody)?;
    let (of, agreed): (Option<ClinicId>, Option<Timestamp>) = (row.get("clinic_id"), row.get("agreed_at"));
    if !row.get::<_, bool>("is_one") {
        return Err(InviteError::Nobody);
    }
    if of == Some(clinic) {
        return Err(InviteError::Invited);
    }
    if agreed.is_some() {
        return Err(InviteError::Elsewhere);
    }
    if row.get::<_, i64>("others") >= MEMBERS_MAX {
        return Err(InviteError::TooMany);
    }
    let row = tx.query_opt(INVITE, &[&user, &clinic, &job_title, &stored(permissions), &now]).await?;
    row.as_ref().map(Member::from_row).ok_or(InviteError::Elsewhere)
}

/// Who works in the clinic that somebody manages, in the order of their accounts from above `after` on.
pub async fn list(
    db: &Db,
    manager: UserId,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Member>, DbError> {
    const LIST: &str = concat!(
        "-- clinic.members.list
        SELECT ",
        member_columns!(),
        " FROM clinic_member AS w WHERE ",
        at_clinic!("manage_members", "w.clinic_id", "$1"),
        " AND ($2::uuid IS NULL OR w.user_id > $2) ORDER BY w.user_id LIMIT $3"
    );
    let rows = db.read(LIST, args![manager, after, limit]).await?;
    Ok(rows.iter().map(Member::from_row).collect())
}

/// The same of any clinic, for administrators.
pub async fn of_clinic(
    db: &Db,
    clinic: ClinicId,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Member>, DbError> {
    const OF: &str = concat!(
        "-- clinic.members.of_clinic
        SELECT ",
        member_columns!(),
        " FROM clinic_member AS w WHERE w.clinic_id = $1 AND ($2::uuid IS NULL OR w.user_id > $2)
        ORDER BY w.user_id LIMIT $3"
    );
    let rows = db.read(OF, args![clinic, after, limit]).await?;
    Ok(rows.iter().map(Member::from_row).collect())
}

/// One of those who work in the clinic that somebody manages.
pub async fn find(db: &Db, manager: UserId, user: UserId) -> Result<Option<Member>, DbError> {
    const FIND: &str = concat!(
        "-- clinic.members.find
        SELECT ",
        member_columns!(),
        " FROM clinic_member AS w WHERE w.user_id = $2 AND ",
        at_clinic!("manage_members", "w.clinic_id", "$1")
    );
    Ok(db.read(FIND, args![manager, user]).await?.first().map(Member::from_row))
}

/// Where somebody works, or is invited to.
pub async fn of_person(db: &Db, user: UserId) -> Result<Option<Member>, DbError> {
    const OF: &str = concat!(
        "-- clinic.members.of_person
        SELECT ",
        member_columns!(),
        " FROM clinic_member AS w WHERE w.user_id = $1"
    );
    Ok(db.read(OF, args![user]).await?.first().map(Member::from_row))
}

/// Changes what somebody does and may do in a locked clinic, if the row still has this version; `None` otherwise.
pub async fn change(
    tx: &mut Tx,
    clinic: ClinicId,
    (user, version): (UserId, i64),
    (job_title, permissions): (Option<&str>, Option<&[Permission]>),
    now: Timestamp,
) -> Result<Option<Member>, ChangeError> {
    const CHANGE: &str = concat!(
        "-- clinic.members.change
        UPDATE clinic_member AS w SET job_title = coalesce($4, w.job_title), permissions = coalesce($5, w.permissions),
            version = w.version + 1, updated_at = $6
        WHERE w.user_id = $2 AND w.version = $3 AND w.clinic_id = $1 RETURNING ",
        member_columns!()
    );
    let permissions = permissions.map(stored);
    let had = managers(tx, clinic).await?;
    let row = tx.query_opt(CHANGE, &[&clinic, &user, &version, &job_title, &permissions, &now]).await?;
    still_managed(tx, clinic, had).await?;
    Ok(row.as_ref().map(Member::from_row))
}

/// Agrees to work in this clinic; `None` when there is no such invitation any more. Whether that is new: to agree again changes
/// nothing.
pub async fn agree(
    tx: &mut Tx,
    user: UserId,
    clinic: ClinicId,
    now: Timestamp,
) -> Result<Option<(Member, bool)>, DbError> {
    const AGREE: &str = concat!(
        "-- clinic.members.agree
        UPDATE clinic_member AS w SET agreed_at = $3, version = w.version + 1, updated_at = $3
        WHERE w.user_id = $1 AND w.clinic_id = $2 AND w.agreed_at IS NULL RETURNING ",
        member_columns!()
    );
    const AGREED: &str = concat!(
        "-- clinic.members.agreed
        SELECT ",
        member_columns!(),
        " FROM clinic_member AS w WHERE w.user_id = $1 AND w.clinic_id = $2 AND w.agreed_at IS NOT NULL"
    );
    if let Some(row) = tx.query_opt(AGREE, &[&user, &clinic, &now]).await? {
        return Ok(Some((Member::from_row(&row), true)));
    }
    Ok(tx.query_opt(AGREED, &[&user, &clinic]).await?.map(|row| (Member::from_row(&row), false)))
}

/// Removes somebody from a locked clinic; `false` if nobody such is there.
pub async fn remove(tx: &mut Tx, clinic: ClinicId, user: UserId) -> Result<bool, ChangeError> {
    const REMOVE: &str = "-- clinic.members.remove
        DELETE FROM clinic_member AS w WHERE w.user_id = $2 AND w.clinic_id = $1";
    let had = managers(tx, clinic).await?;
    let removed = tx.execute(REMOVE, &[&clinic, &user]).await? == 1;
    still_managed(tx, clinic, had).await?;
    Ok(removed)
}

/// Those who manage a clinic and can: with the role, and not kept out.
async fn managers(tx: &mut Tx, clinic: ClinicId) -> Result<i64, DbError> {
    const MANAGERS: &str = "-- clinic.members.managers
        SELECT count(*) AS managers FROM clinic_member AS w JOIN users AS u ON u.id = w.user_id
        WHERE w.clinic_id = $1 AND w.agreed_at IS NOT NULL AND w.permissions @> '{manage_members}'
          AND u.roles @> '{staff}' AND u.status = 'active'";
    Ok(tx.query_one(MANAGERS, &[&clinic]).await?.get("managers"))
}

async fn still_managed(tx: &mut Tx, clinic: ClinicId, had: i64) -> Result<(), ChangeError> {
    let is_left_alone = had > 0 && managers(tx, clinic).await? == 0;
    if is_left_alone { Err(ChangeError::LastManager) } else { Ok(()) }
}
