//! Secret links to a version of a document, for those who have no account. Short-lived, revocable, counted.
//!
//! A link is worth what its maker may do: it opens nothing from the moment the maker may not share the document any more, or
//! is disabled or erased. The token is shown once and stored as its SHA-256.
//!
//! What counts as a download: sending the whole content, each time; sending parts of it, once per link, network address and
//! hour ([`DOWNLOAD_TAKES`]): whoever goes on with a download that broke off, or fetches it in pieces, has begun it once.
//! Looking at the head counts nothing. Counting compares and adds in one statement: of a hundred that come at once for the
//! last download, one is served.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;

use super::{
    permissions::Holder,
    rights::{Viewer, permitted},
    versions::{Content, stored_content_columns},
};
use crate::{
    accounts::tokens::{Token, TokenHash, Use},
    args,
    db::{Db, DbError, Tx},
    ids::{DocumentId, DocumentLinkId, UserId},
};

/// Links of one document that are open.
pub const OPEN_MAX: i64 = 100;
/// How long the parts of a download belong together.
pub const DOWNLOAD_TAKES: SignedDuration = SignedDuration::from_hours(1);

/// Whether a link opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DocumentLinkState)]
pub enum State {
    /// It does.
    Open,
    /// It was downloaded as often as it may be.
    UsedUp,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// Who has made it may not share the document any more.
    NoRight,
}

impl State {
    /// As the audit log calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::UsedUp => "used_up",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::NoRight => "no_right",
        }
    }

    fn stored(text: &str) -> Self {
        match text {
            "open" => Self::Open,
            "used_up" => Self::UsedUp,
            "expired" => Self::Expired,
            "revoked" => Self::Revoked,
            _ => Self::NoRight,
        }
    }
}

/// A link, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = DocumentLink)]
pub struct Link {
    /// Its id; it opens nothing.
    pub id: DocumentLinkId,
    /// The version that it opens.
    pub version: i32,
    /// Whether it opens anything.
    pub state: State,
    /// Who has made it.
    pub created_by: UserId,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// It opens nothing from then on.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// How often it was downloaded.
    pub downloads: i32,
    /// How often it may be.
    pub max_downloads: Option<i32>,
}

/// The state of a link `l` to a document `d` at the time `$2`.
macro_rules! link_state {
    () => {
        concat!(
            "CASE WHEN l.revoked_at IS NOT NULL THEN 'revoked' WHEN l.expires_at <= $2 THEN 'expired'
                WHEN NOT EXISTS (SELECT FROM users AS u
                    WHERE u.id = l.created_by AND u.status = 'active' AND u.erased_at IS NULL) THEN 'no_right'
                WHEN NOT ",
            permitted!("can_share", "l.created_by", "$2"),
            " THEN 'no_right' WHEN l.downloads >= l.max_downloads THEN 'used_up' ELSE 'open' END"
        )
    };
}

impl Link {
    /// `None`: the document has none.
    fn from_row(row: &Row) -> Option<Self> {
        Some(Self {
            id: row.get::<_, Option<DocumentLinkId>>("id")?,
            version: row.get("number"),
            state: State::stored(row.get("state")),
            created_by: row.get("created_by"),
            created_at: row.get("created_at"),
            expires_at: row.get("expires_at"),
            revoked_at: row.get("revoked_at"),
            downloads: row.get("downloads"),
            max_downloads: row.get("max_downloads"),
        })
    }
}

/// Links to a document, newest first, from below `before` on. `None`: the viewer may not know.
pub async fn list(
    db: &Db,
    viewer: Viewer,
    id: DocumentId,
    before: Option<DocumentLinkId>,
    limit: i64,
    now: Timestamp,
) -> Result<Option<Vec<Link>>, DbError> {
    const LIST: &str = concat!(
        "-- documents.links.list
        SELECT l.id, l.number, l.created_by, l.created_at, l.expires_at, l.revoked_at, l.downloads, l.max_downloads, ",
        link_state!(),
        " AS state
        FROM document AS d LEFT JOIN document_link AS l ON l.document_id = d.id AND ($5::uuid IS NULL OR l.id < $5)
        WHERE d.id = $1 AND (($4 AND d.deleted_at IS NULL AND NOT d.of_clinic) OR ",
        permitted!("can_share", "$3", "$2"),
        ") ORDER BY l.id DESC LIMIT $6"
    );
    let rows = db.read(LIST, args![id, now, viewer.user, viewer.sees_all, before, limit]).await?;
    Ok((!rows.is_empty()).then(|| rows.iter().filter_map(Link::from_row).collect()))
}

/// A link that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct New {
    /// The version; else the newest.
    pub version: Option<i32>,
    /// Until when, as it was asked for; else until `usual`, or as long as its maker may share.
    pub expires_at: Option<Timestamp>,
    /// Until when it lives, unless something else is asked for.
    pub usual: Timestamp,
    /// How often it may be downloaded.
    pub max_downloads: Option<i32>,
}

/// Why a link is not made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The document has no such version.
    #[error("the document has no such version")]
    NoVersion,
    /// It would outlive the right of its maker.
    #[error("a link cannot live longer than your own permission")]
    MoreThanOwn,
    /// There are as many as may be.
    #[error("the document has {OPEN_MAX} open links: revoke some")]
    TooMany,
    /// The database has not done it.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes a link to a document that is locked.
pub async fn create(
    tx: &mut Tx,
    holder: &Holder,
    id: DocumentId,
    new: New,
    now: Timestamp,
) -> Result<(Link, Token), LinkError> {
    const OPEN: &str = "-- documents.links.count_open
        SELECT count(*) FROM document_link WHERE document_id = $1 AND revoked_at IS NULL AND expires_at > $2";
    const CREATE: &str = "-- documents.links.create
        INSERT INTO document_link (id, hash, document_id, number, created_by, created_at, expires_at, max_downloads)
        SELECT $1, $2, d.id, v.number, $4, $5, $6, $7
        FROM document AS d JOIN document_version AS v ON v.document_id = d.id AND v.number = coalesce($8, d.latest)
        WHERE d.id = $3
        RETURNING id, number, 'open' AS state, created_by, created_at, expires_at, revoked_at, downloads, max_downloads";
    let is_longer = new.expires_at.is_some_and(|until| holder.until.is_some_and(|own| until > own));
    if is_longer {
        return Err(LinkError::MoreThanOwn);
    }
    let open: i64 = tx.query_one(OPEN, &[&id, &now]).await?.get(0);
    if open >= OPEN_MAX {
        return Err(LinkError::TooMany);
    }
    let usual = holder.until.map_or(new.usual, |own| own.min(new.usual));
    let expires_at = new.expires_at.unwrap_or(usual);
    let (link, token) = (DocumentLinkId::new(now), Token::generate(Use::Document));
    let hash = token.hash().bytes();
    let row = tx
        .query_opt(
            CREATE,
            &[&link, &hash, &id, &holder.user, &now, &expires_at, &new.max_downloads, &new.version],
        )
        .await?;
    let link = row.as_ref().and_then(Link::from_row).ok_or(LinkError::NoVersion)?;
    Ok((link, token))
}

/// Revokes a link of one's own, or any to one's own document, now or before. `None`: there is none; `Some(false)`: it is
/// somebody else's. The document is locked.
pub async fn revoke(
    tx: &mut Tx,
    holder: &Holder,
    id: DocumentId,
    link: DocumentLinkId,
    now: Timestamp,
) -> Result<Option<bool>, DbError> {
    const REVOKE: &str = "-- documents.links.revoke
        WITH found AS (
            SELECT l.id, l.created_by = $3 OR $4 AS is_allowed FROM document_link AS l WHERE l.id = $1 AND l.document_id = $2
        ), revoked AS (
            UPDATE document_link AS l SET revoked_at = coalesce(l.revoked_at, $5)
            FROM found AS f WHERE l.id = f.id AND f.is_allowed
        )
        SELECT is_allowed FROM found";
    let row = tx.query_opt(REVOKE, &[&link, &id, &holder.user, &holder.is_owner(), &now]).await?;
    Ok(row.map(|row| row.get("is_allowed")))
}

/// Who comes with a link, as far as it has to be known again: a hash, worth nothing without the link's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client(IpAddr);

impl Client {
    /// Who comes from this address, or from its network.
    pub const fn of(address: IpAddr) -> Self {
        Self(address)
    }

    fn hash(self, link: DocumentLinkId) -> Vec<u8> {
        Sha256::digest(format!("{link} {}", self.0)).to_vec()
    }
}

/// A link that somebody has.
#[derive(Debug, Clone)]
pub struct Found {
    /// The link.
    pub id: DocumentLinkId,
    /// Its document.
    pub document: DocumentId,
    /// Whether it opens anything.
    pub state: State,
    /// What it opens.
    pub content: Content,
}

/// The link with this token.
pub async fn find(db: &Db, token: &str, now: Timestamp) -> Result<Option<Found>, DbError> {
    const FIND: &str = concat!(
        "-- documents.links.find
        SELECT l.id, l.document_id, ",
        link_state!(),
        " AS state, ",
        stored_content_columns!(),
        " FROM document_link AS l JOIN document AS d ON d.id = l.document_id
        JOIN document_version AS v ON v.document_id = l.document_id AND v.number = l.number
        WHERE l.hash = $1"
    );
    let Some(hash) = TokenHash::of(token, Use::Document) else { return Ok(None) };
    let rows = db.read(FIND, args![hash.bytes(), now]).await?;
    Ok(rows.first().map(|row| Found {
        id: row.get("id"),
        document: row.get("document_id"),
        state: State::stored(row.get("state")),
        content: Content::from_row(row),
    }))
}

/// What of a content is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Some of it.
    Part,
}

/// Whether something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It is a download, and was counted.
    Download,
    /// It is a part of a download that was counted.
    Continued,
    /// It is not sent: the link opens nothing any more.
    Refused(State),
}

/// Whether this client has begun a download that goes on, also when the link is used up by it.
pub async fn has_begun(
    db: &Db,
    link: DocumentLinkId,
    client: Client,
    now: Timestamp,
) -> Result<bool, DbError> {
    const BEGUN: &str = "-- documents.links.has_begun
        SELECT FROM document_link_use WHERE link_id = $1 AND client = $2 AND begun_at > $3";
    Ok(!db.read(BEGUN, args![link, client.hash(link), begun_after(now)]).await?.is_empty())
}

/// Counts what is about to be sent; roll back what is refused.
pub async fn count(
    tx: &mut Tx,
    link: DocumentLinkId,
    client: Client,
    extent: Extent,
    now: Timestamp,
) -> Result<Counted, DbError> {
    // First who, then the link: in this order everybody, so that nobody waits in a circle.
    const BEGIN: &str = "-- documents.links.begin
        INSERT INTO document_link_use AS b (link_id, client, begun_at) VALUES ($1, $2, $3)
        ON CONFLICT (link_id, client) DO UPDATE SET begun_at = excluded.begun_at WHERE $4 OR b.begun_at <= $5";
    const COUNT: &str = concat!(
        "-- documents.links.count
        UPDATE document_link AS l SET downloads = l.downloads + 1 FROM document AS d
        WHERE l.id = $1 AND d.id = l.document_id AND ",
        link_state!(),
        " = 'open'"
    );
    const WHY_NOT: &str = concat!(
        "-- documents.links.why_not
        SELECT ",
        link_state!(),
        " AS state FROM document_link AS l JOIN document AS d ON d.id = l.document_id WHERE l.id = $1"
    );
    let is_whole = extent == Extent::Whole;
    let (who, since) = (client.hash(link), begun_after(now));
    if tx.execute(BEGIN, &[&link, &who, &now, &is_whole, &since]).await? == 0 {
        return Ok(Counted::Continued);
    }
    if tx.execute(COUNT, &[&link, &now]).await? == 1 {
        return Ok(Counted::Download);
    }
    let row = tx.query_opt(WHY_NOT, &[&link, &now]).await?;
    Ok(Counted::Refused(row.map_or(State::Revoked, |row| State::stored(row.get("state")))))
}

fn begun_after(now: Timestamp) -> Timestamp {
    now.checked_sub(DOWNLOAD_TAKES).unwrap_or(Timestamp::MIN)
}
