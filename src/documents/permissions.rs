//! What others may do with a document: read, write, delete, share, until a time.
//!
//! Permissions are given by the owner, or by somebody who may share. Each remembers who gave it: what somebody has given
//! hangs from what they have themselves. It is never more, neither in rights nor in time; when theirs is narrowed, all that
//! hangs from it is narrowed by the same statement; when they may not share any more, it goes, and so do their links. Who may
//! share changes what hangs from their own, the owner everything, and everybody may give up their own. Nobody has a
//! permission for what they own.
//!
//! A permission whose time is over gives nothing from that moment; a job removes it later. One that was given by somebody
//! whose account is disabled stays: it was the document's owner who trusted them.

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;

use super::{
    documents::lock,
    rights::{Viewer, permitted},
};
use crate::{
    accounts::users,
    args,
    db::{Db, DbError, Tx},
    ids::{DocumentId, UserId},
};

/// People with whom one document is shared: a list that somebody can still look through.
pub const PERMISSIONS_MAX: i64 = 200;

/// What may be done besides reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Renaming it, and adding versions.
    pub write: bool,
    /// Deleting it.
    pub delete: bool,
    /// Sharing it, with people and by links.
    pub share: bool,
}

impl Rights {
    const ALL: Self = Self { write: true, delete: true, share: true };

    fn has_all_of(self, other: Self) -> bool {
        (self.write || !other.write) && (self.delete || !other.delete) && (self.share || !other.share)
    }
}

/// What a person may do with a document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = DocumentPermission)]
#[expect(clippy::struct_excessive_bools, reason = "four rights that have nothing to do with each other")]
pub struct Permission {
    /// The person.
    pub user_id: UserId,
    /// Reading it: always.
    pub read: bool,
    /// Renaming it, and adding versions.
    pub write: bool,
    /// Deleting it.
    pub delete: bool,
    /// Sharing it, with people and by links.
    pub share: bool,
    /// Who has given it.
    pub granted_by: UserId,
    /// When it was given.
    #[schema(value_type = String, format = DateTime)]
    pub granted_at: Timestamp,
    /// It is worth nothing from then on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// The columns of a permission `g`, as [`Permission::from_row`] reads them.
macro_rules! permission_columns {
    () => {
        "g.user_id, g.can_read, g.can_write, g.can_delete, g.can_share, g.granted_by, g.granted_at, g.expires_at"
    };
}

impl Permission {
    /// `None`: the document has none.
    fn from_row(row: &Row) -> Option<Self> {
        Some(Self {
            user_id: row.get::<_, Option<UserId>>("user_id")?,
            read: row.get("can_read"),
            write: row.get("can_write"),
            delete: row.get("can_delete"),
            share: row.get("can_share"),
            granted_by: row.get("granted_by"),
            granted_at: row.get("granted_at"),
            expires_at: row.get("expires_at"),
        })
    }
}

/// Permissions of a document, from above `after` on. `None`: the viewer may not know.
pub async fn list(
    db: &Db,
    viewer: Viewer,
    id: DocumentId,
    after: Option<UserId>,
    limit: i64,
    now: Timestamp,
) -> Result<Option<Vec<Permission>>, DbError> {
    const LIST: &str = concat!(
        "-- documents.permissions.list
        SELECT ",
        permission_columns!(),
        " FROM document AS d LEFT JOIN document_permission AS g ON g.document_id = d.id
            AND ($5::uuid IS NULL OR g.user_id > $5) AND (g.expires_at IS NULL OR g.expires_at > $3)
        WHERE d.id = $1 AND (($4 AND d.deleted_at IS NULL AND NOT d.of_clinic) OR ",
        permitted!("can_share", "$2", "$3"),
        ") ORDER BY g.user_id LIMIT $6"
    );
    let rows = db.read(LIST, args![id, viewer.user, now, viewer.sees_all, after, limit]).await?;
    Ok((!rows.is_empty()).then(|| rows.iter().filter_map(Permission::from_row).collect()))
}

/// What a person may do with a document; one's own may be seen without the right to share. `None`: the viewer may not know.
pub async fn find(
    db: &Db,
    viewer: Viewer,
    id: DocumentId,
    of: UserId,
    now: Timestamp,
) -> Result<Option<Option<Permission>>, DbError> {
    const FIND: &str = concat!(
        "-- documents.permissions.find
        SELECT ",
        permission_columns!(),
        " FROM document AS d LEFT JOIN document_permission AS g ON g.document_id = d.id AND g.user_id = $5
            AND (g.expires_at IS NULL OR g.expires_at > $3)
        WHERE d.id = $1 AND (($4 AND d.deleted_at IS NULL AND NOT d.of_clinic) OR ($2 = $5 AND ",
        permitted!("can_read", "$2", "$3"),
        ") OR ",
        permitted!("can_share", "$2", "$3"),
        ")"
    );
    let rows = db.read(FIND, args![id, viewer.user, now, viewer.sees_all, of]).await?;
    Ok(rows.first().map(Permission::from_row))
}

/// Somebody who may share a document, and what they may give.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// The person.
    pub user: UserId,
    /// Whose the document is.
    pub owner: UserId,
    rights: Rights,
    pub(super) until: Option<Timestamp>,
}

impl Holder {
    /// Whether the document is theirs.
    pub fn is_owner(&self) -> bool {
        self.user == self.owner
    }
}

/// Somebody who may share the document, which is locked until the transaction ends.
pub async fn lock_to_share(
    tx: &mut Tx,
    user: UserId,
    id: DocumentId,
    now: Timestamp,
) -> Result<Option<Holder>, DbError> {
    const HOLDER: &str = concat!(
        "-- documents.permissions.holder
        SELECT d.owner_id, g.can_write, g.can_delete, g.expires_at
        FROM document AS d LEFT JOIN document_permission AS g ON g.document_id = d.id AND g.user_id = $2
        WHERE d.id = $1 AND ",
        permitted!("can_share", "$2", "$3")
    );
    lock(tx, id).await?;
    let Some(row) = tx.query_opt(HOLDER, &[&id, &user, &now]).await? else { return Ok(None) };
    let owner: UserId = row.get("owner_id");
    if owner == user {
        return Ok(Some(Holder { user, owner, rights: Rights::ALL, until: None }));
    }
    let rights = Rights { write: row.get("can_write"), delete: row.get("can_delete"), share: true };
    Ok(Some(Holder { user, owner, rights, until: row.get("expires_at") }))
}

/// What a holder may do about a person.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The person.
    pub user: UserId,
    /// What they have now.
    pub current: Option<Permission>,
    others: i64,
}

/// Why a permission is not given or taken.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// It is the owner's.
    #[error("it is their own document: they may do everything with it")]
    Owner,
    /// Somebody else has given it.
    #[error("somebody else has given this permission: they change it, or the owner does")]
    ByAnother,
    /// Nobody can give what they have not.
    #[error("you cannot give more than you have yourself, neither rights nor time")]
    MoreThanOwn,
    /// There is nobody with this id who could use it.
    #[error("there is no such person")]
    Nobody,
    /// The list is full.
    #[error("the document is shared with {PERMISSIONS_MAX} people, and cannot be with more")]
    TooMany,
    /// The database has not done it.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl ShareError {
    /// What programs and the audit log call it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Owner => "is_owner",
            Self::ByAnother => "granted_by_another",
            Self::MoreThanOwn => "more_than_own",
            Self::Nobody => "unknown_person",
            Self::TooMany => "too_many_permissions",
            Self::Db(_) => "database",
        }
    }
}

/// How a person stands, for a holder who is to change it.
pub async fn standing(
    tx: &mut Tx,
    holder: &Holder,
    id: DocumentId,
    user: UserId,
    now: Timestamp,
) -> Result<Standing, ShareError> {
    // `below` are those whose permissions hang from the holder's.
    const STANDING: &str = concat!(
        "-- documents.permissions.standing
        WITH RECURSIVE below AS (
            SELECT b.user_id FROM document_permission AS b WHERE b.document_id = $1 AND b.granted_by = $2
            UNION
            SELECT n.user_id FROM below JOIN document_permission AS n
                ON n.document_id = $1 AND n.granted_by = below.user_id
        )
        SELECT ",
        permission_columns!(),
        ", EXISTS (SELECT FROM below WHERE below.user_id = $3) AS is_below, c.others
        FROM (SELECT count(*) AS others FROM document_permission AS o WHERE o.document_id = $1 AND o.user_id <> $3) AS c
        LEFT JOIN document_permission AS g ON g.document_id = $1 AND g.user_id = $3
            AND (g.expires_at IS NULL OR g.expires_at > $4)"
    );
    if user == holder.owner {
        return Err(ShareError::Owner);
    }
    let row = tx.query_one(STANDING, &[&id, &holder.user, &user, &now]).await?;
    let current = Permission::from_row(&row);
    if current.is_some() && !holder.is_owner() && !row.get::<_, bool>("is_below") {
        return Err(ShareError::ByAnother);
    }
    Ok(Standing { user, current, others: row.get("others") })
}

/// What a person may do with a document that is locked.
pub async fn current(
    tx: &mut Tx,
    id: DocumentId,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Permission>, DbError> {
    const CURRENT: &str = concat!(
        "-- documents.permissions.current
        SELECT ",
        permission_columns!(),
        " FROM document_permission AS g
        WHERE g.document_id = $1 AND g.user_id = $2 AND (g.expires_at IS NULL OR g.expires_at > $3)"
    );
    Ok(tx.query_opt(CURRENT, &[&id, &user, &now]).await?.as_ref().and_then(Permission::from_row))
}

/// What has become of what hung from a permission that was changed or taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Consequences {
    /// These people have fewer rights, or less time.
    pub narrowed: Vec<UserId>,
    /// These have none any more.
    pub revoked: Vec<UserId>,
    /// So many links were revoked.
    pub links: i64,
}

impl Consequences {
    fn from_row(row: &Row) -> Self {
        Self { narrowed: row.get("narrowed"), revoked: row.get("revoked"), links: row.get("links") }
    }
}

/// Gives a permission, or replaces it. `until`: none is as long as the holder's own.
pub async fn grant(
    tx: &mut Tx,
    holder: &Holder,
    id: DocumentId,
    standing: &Standing,
    (rights, until): (Rights, Option<Timestamp>),
    now: Timestamp,
) -> Result<(Permission, Consequences), ShareError> {
    // Whoever begins anew has no links from before.
    const GRANT: &str = "-- documents.permissions.grant
        WITH RECURSIVE given AS (
            INSERT INTO document_permission AS p (document_id, user_id, can_read, can_write, can_delete, can_share, granted_by,
                granted_at, expires_at)
            VALUES ($1, $2, true, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (document_id, user_id) DO UPDATE SET can_write = excluded.can_write,
                can_delete = excluded.can_delete, can_share = excluded.can_share, granted_by = excluded.granted_by,
                granted_at = excluded.granted_at, expires_at = excluded.expires_at
        ), below (user_id, can_write, can_delete, can_share, expires_at, stays) AS (
            SELECT p.user_id, p.can_write AND $3, p.can_delete AND $4, p.can_share, least(p.expires_at, $8), $5::boolean
            FROM document_permission AS p
            WHERE p.document_id = $1 AND p.granted_by = $2 AND p.user_id <> $2
            UNION
            SELECT p.user_id, p.can_write AND b.can_write, p.can_delete AND b.can_delete, p.can_share,
                least(p.expires_at, b.expires_at), b.stays AND b.can_share
            FROM below AS b JOIN document_permission AS p
                ON p.document_id = $1 AND p.granted_by = b.user_id AND p.user_id <> $2
        ), narrowed AS (
            UPDATE document_permission AS p
            SET can_write = b.can_write, can_delete = b.can_delete, expires_at = b.expires_at
            FROM below AS b
            WHERE b.stays AND p.document_id = $1 AND p.user_id = b.user_id
              AND (p.can_write, p.can_delete, p.expires_at) IS DISTINCT FROM (b.can_write, b.can_delete, b.expires_at)
            RETURNING p.user_id
        ), revoked AS (
            DELETE FROM document_permission AS p USING below AS b
            WHERE NOT b.stays AND p.document_id = $1 AND p.user_id = b.user_id RETURNING p.user_id
        ), dead AS (
            UPDATE document_link AS l SET revoked_at = $7
            WHERE l.document_id = $1 AND l.revoked_at IS NULL
              AND (l.created_by IN (SELECT b.user_id FROM below AS b WHERE NOT b.stays)
                OR l.created_by = $2 AND ($9 OR NOT $5))
            RETURNING l.id
        )
        SELECT ARRAY(SELECT user_id FROM narrowed) AS narrowed, ARRAY(SELECT user_id FROM revoked) AS revoked,
            (SELECT count(*) FROM dead) AS links";
    let is_longer = until.is_some_and(|until| holder.until.is_some_and(|own| until > own));
    if is_longer || !holder.rights.has_all_of(rights) {
        return Err(ShareError::MoreThanOwn);
    }
    if standing.others >= PERMISSIONS_MAX {
        return Err(ShareError::TooMany);
    }
    if !users::is_active(tx, standing.user).await? {
        return Err(ShareError::Nobody);
    }
    let until = until.or(holder.until);
    let (Rights { write, delete, share }, user, is_new) = (rights, standing.user, standing.current.is_none());
    let row = tx
        .query_one(GRANT, &[&id, &user, &write, &delete, &share, &holder.user, &now, &until, &is_new])
        .await?;
    let permission = Permission {
        user_id: user,
        read: true,
        write,
        delete,
        share,
        granted_by: holder.user,
        granted_at: now,
        expires_at: until,
    };
    Ok((permission, Consequences::from_row(&row)))
}

/// Takes a permission away, and all that hangs from it. `None`: there is none.
pub async fn revoke(
    tx: &mut Tx,
    id: DocumentId,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Consequences>, DbError> {
    const REVOKE: &str = "-- documents.permissions.revoke
        WITH RECURSIVE below AS (
            SELECT $2::uuid AS user_id
            UNION
            SELECT p.user_id FROM below AS b JOIN document_permission AS p
                ON p.document_id = $1 AND p.granted_by = b.user_id
        ), revoked AS (
            DELETE FROM document_permission AS p USING below AS b
            WHERE p.document_id = $1 AND p.user_id = b.user_id
            RETURNING p.user_id, p.expires_at IS NULL OR p.expires_at > $3 AS was_live
        ), dead AS (
            UPDATE document_link AS l SET revoked_at = $3 FROM below AS b
            WHERE l.document_id = $1 AND l.created_by = b.user_id AND l.revoked_at IS NULL RETURNING l.id
        )
        SELECT '{}'::uuid[] AS narrowed, ARRAY(SELECT user_id FROM revoked WHERE user_id <> $2) AS revoked,
            (SELECT count(*) FROM dead) AS links,
            EXISTS (SELECT FROM revoked WHERE user_id = $2 AND was_live) AS was_there";
    let row = tx.query_one(REVOKE, &[&id, &user, &now]).await?;
    Ok(row.get::<_, bool>("was_there").then(|| Consequences::from_row(&row)))
}

/// Takes away what a person was given at documents of others, or has given there, and all that hangs from it: for the erasure
/// of the person. At most `limit` documents; how many.
pub async fn revoke_all_of(tx: &mut Tx, user: UserId, limit: i64, now: Timestamp) -> Result<i64, DbError> {
    const OF: &str = "-- documents.permissions.of
        SELECT p.document_id FROM (
            SELECT document_id FROM document_permission WHERE user_id = $1
            UNION SELECT document_id FROM document_permission WHERE granted_by = $1
        ) AS p JOIN document AS d ON d.id = p.document_id
        WHERE d.owner_id <> $1 ORDER BY p.document_id LIMIT $2";
    let documents = tx.query(OF, &[&user, &limit]).await?;
    for row in &documents {
        let id = row.get("document_id");
        lock(tx, id).await?;
        revoke(tx, id, user, now).await?;
    }
    Ok(documents.len() as i64)
}

/// What a person is told of a document that was shared with them.
#[derive(Debug, Clone)]
pub struct Shared {
    /// What it is called.
    pub title: String,
    /// The name of who has shared it.
    pub by: String,
    /// The name of the person.
    pub name: String,
    /// The address, which the person has proved.
    pub email: String,
    /// The language of the person.
    pub language: String,
    /// Until when.
    pub until: Option<Timestamp>,
    /// So many were shared by the same with the same lately.
    pub lately: i64,
}

/// How long ago is lately.
pub const SHARED_LATELY: SignedDuration = SignedDuration::from_hours(1);

/// What to tell; `None` when there is no such permission (any more), or nobody who has proved an address.
pub async fn shared(
    db: &Db,
    id: DocumentId,
    user: UserId,
    now: Timestamp,
    since: Timestamp,
) -> Result<Option<Shared>, DbError> {
    const SHARED: &str = "-- documents.permissions.shared
        SELECT d.title, b.name AS by, u.name, u.email, u.language, p.expires_at,
            (SELECT count(*) FROM document_permission AS o
             WHERE o.user_id = p.user_id AND o.granted_by = p.granted_by AND o.granted_at > $4) AS lately
        FROM document_permission AS p JOIN document AS d ON d.id = p.document_id AND d.deleted_at IS NULL
        JOIN users AS b ON b.id = p.granted_by AND b.status = 'active'
        JOIN users AS u ON u.id = p.user_id AND u.status = 'active' AND u.email_verified_at IS NOT NULL
        WHERE p.document_id = $1 AND p.user_id = $2 AND (p.expires_at IS NULL OR p.expires_at > $3)";
    let rows = db.read(SHARED, args![id, user, now, since]).await?;
    Ok(rows.first().map(|row| Shared {
        title: row.get("title"),
        by: row.get("by"),
        name: row.get("name"),
        email: row.get("email"),
        language: row.get("language"),
        until: row.get("expires_at"),
        lately: row.get("lately"),
    }))
}
