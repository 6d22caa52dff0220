//! The rows of pictures. Whoever adds, moves or removes one holds its event's lock, so that positions stay dense and
//! nobody gets past the limit.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{Key, Size};
use crate::{
    args,
    db::{Db, DbError, Tx},
    events::amounts::counted,
    ids::{EventId, ImageId, UserId},
};

/// Longest description of a picture, in characters.
pub const ALT_MAX: usize = 300;

/// A picture of an event. Addresses are relative to the server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// The picture: a JPEG.
    #[schema(example = "/media/0f0e0d0c0b0a09080706050403020100.jpg")]
    pub url: String,
    /// At most 960 pixels wide; null until it is made, soon after the upload.
    pub medium_url: Option<String>,
    /// At most 320 pixels wide; null until it is made, soon after the upload.
    pub thumbnail_url: Option<String>,
    /// In pixels.
    pub width: i32,
    /// In pixels.
    pub height: i32,
    /// What it shows, for those who cannot see it.
    pub alt: String,
    /// Its place among the event's pictures; 0 is the cover.
    pub position: i16,
}

impl Image {
    fn from_row(row: &Row) -> Self {
        let key = Key::stored(row.get("key"));
        let small = |size| row.get::<_, bool>("has_thumbnails").then(|| key.url(size));
        Self {
            id: row.get("id"),
            url: key.url(Size::Full),
            medium_url: small(Size::Medium),
            thumbnail_url: small(Size::Small),
            width: row.get("width"),
            height: row.get("height"),
            alt: row.get("alt"),
            position: row.get("position"),
        }
    }
}

/// Why a picture is not added, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum ImageRefusal {
    /// There is no such event, or it is not the caller's.
    #[error("there is no such event")]
    NoSuchEvent,
    /// There is no such picture of this event.
    #[error("there is no such image")]
    NoSuchImage,
    /// Nobody sees a withdrawn event.
    #[error("the event was withdrawn: its images can be removed, but not added or changed")]
    Withdrawn,
    /// It has as many as it may.
    #[error("the event has {}, more are not allowed; remove one first", counted(*most, "image", "images"))]
    Full {
        /// How many it may have.
        most: i64,
    },
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A picture to be added; its file is safe already.
#[derive(Debug, Clone)]
pub struct New {
    /// Its id.
    pub id: ImageId,
    /// Names its files.
    pub key: Key,
    /// What it shows.
    pub alt: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Of its file.
    pub bytes: usize,
}

/// What is changed of a picture; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What it shows.
    pub alt: Option<String>,
    /// Its new place; beyond the last is the last.
    pub position: Option<i16>,
}

/// How many pictures an event has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    withdrawn: bool,
    images: i64,
}

impl Room {
    /// Whether another one could be added now.
    pub fn for_one_more(self, most: i64) -> Result<(), ImageRefusal> {
        match self {
            Self { withdrawn: true, .. } => Err(ImageRefusal::Withdrawn),
            Self { images, .. } if images >= most => Err(ImageRefusal::Full { most }),
            Self { .. } => Ok(()),
        }
    }
}

/// A look before anything large is read; [`add`] decides. `manager` is whose events somebody manages; none: everybody's.
pub async fn room(db: &Db, slug: &str, manager: Option<UserId>) -> Result<Room, ImageRefusal> {
    const ROOM: &str = "-- events.images.room
        SELECT e.status = 'withdrawn' AS withdrawn,
            (SELECT count(*) FROM event_images i WHERE i.event_id = e.id) AS images
        FROM events e WHERE e.slug = $1 AND ($2::uuid IS NULL OR e.host_id = $2)";
    let rows = db.read(ROOM, args![slug.to_owned(), manager]).await?;
    let row = rows.first().ok_or(ImageRefusal::NoSuchEvent)?;
    Ok(Room { withdrawn: row.get("withdrawn"), images: row.get("images") })
}

struct Locked {
    id: EventId,
    withdrawn: bool,
}

async fn lock(tx: &mut Tx, slug: &str, manager: Option<UserId>) -> Result<Locked, ImageRefusal> {
    const LOCK: &str = "-- events.images.lock
        SELECT id, status = 'withdrawn' AS withdrawn FROM events
        WHERE slug = $1 AND ($2::uuid IS NULL OR host_id = $2) FOR NO KEY UPDATE";
    let row = tx.query_opt(LOCK, &[&slug, &manager]).await?.ok_or(ImageRefusal::NoSuchEvent)?;
    Ok(Locked { id: row.get("id"), withdrawn: row.get("withdrawn") })
}

/// Adds a picture after the others, unless there are `most`.
pub async fn add(
    tx: &mut Tx,
    slug: &str,
    manager: Option<UserId>,
    new: &New,
    most: i64,
    now: Timestamp,
) -> Result<Image, ImageRefusal> {
    // A statement of its own, after the lock: it counts what those before us have committed.
    const ADD: &str = "-- events.images.add
        INSERT INTO event_images (id, event_id, key, alt, width, height, bytes, position, created_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, count(*), $8 FROM event_images WHERE event_id = $2 HAVING count(*) < $9
        RETURNING id, key, width, height, alt, position, thumbnails_at IS NOT NULL AS has_thumbnails";
    let event = lock(tx, slug, manager).await?;
    if event.withdrawn {
        return Err(ImageRefusal::Withdrawn);
    }
    let (width, height, bytes) = (new.width as i32, new.height as i32, new.bytes as i32);
    let key = new.key.as_str();
    let added = tx
        .query_opt(ADD, &[&new.id, &event.id, &key, &new.alt, &width, &height, &bytes, &now, &most])
        .await?;
    added.as_ref().map(Image::from_row).ok_or(ImageRefusal::Full { most })
}

/// A picture of a published event.
pub async fn find(db: &Db, slug: &str, id: ImageId) -> Result<Option<Image>, DbError> {
    const FIND: &str = "-- events.images.find
        SELECT i.id, i.key, i.width, i.height, i.alt, i.position, i.thumbnails_at IS NOT NULL AS has_thumbnails
        FROM event_images i JOIN events e ON e.id = i.event_id
        WHERE e.slug = $1 AND e.status = 'published' AND i.id = $2";
    let rows = db.read(FIND, args![slug.to_owned(), id]).await?;
    Ok(rows.first().map(Image::from_row))
}

/// A picture whose event is locked: it stays as it is until the transaction ends.
#[derive(Debug)]
pub struct LockedImage {
    event: EventId,
    withdrawn: bool,
    /// As it is.
    pub image: Image,
}

impl LockedImage {
    /// Refuses to change what nobody sees; it may still be removed.
    pub fn ensure_published(&self) -> Result<(), ImageRefusal> {
        if self.withdrawn { Err(ImageRefusal::Withdrawn) } else { Ok(()) }
    }
}

/// Locks the event of a picture that somebody wants to change.
pub async fn lock_image(
    tx: &mut Tx,
    slug: &str,
    manager: Option<UserId>,
    id: ImageId,
) -> Result<LockedImage, ImageRefusal> {
    // A statement of its own, after the lock: it sees what those before us have committed.
    const READ: &str = "-- events.images.read
        SELECT id, key, width, height, alt, position, thumbnails_at IS NOT NULL AS has_thumbnails
        FROM event_images WHERE id = $2 AND event_id = $1";
    let Locked { id: event, withdrawn } = lock(tx, slug, manager).await?;
    let row = tx.query_opt(READ, &[&event, &id]).await?.ok_or(ImageRefusal::NoSuchImage)?;
    Ok(LockedImage { event, withdrawn, image: Image::from_row(&row) })
}

/// Describes a picture anew, or moves it.
pub async fn change(tx: &mut Tx, locked: &LockedImage, change: &Change) -> Result<Image, DbError> {
    const MOVE: &str = "-- events.images.move
        UPDATE event_images i SET position = CASE
                WHEN i.id = $2 THEN m.there
                WHEN i.position > m.here AND i.position <= m.there THEN i.position - 1
                WHEN i.position < m.here AND i.position >= m.there THEN i.position + 1
                ELSE i.position END
        FROM (SELECT o.position AS here, least($3, (SELECT max(position) FROM event_images WHERE event_id = $1)) AS there
            FROM event_images o WHERE o.id = $2 AND o.event_id = $1) m
        WHERE i.event_id = $1 AND m.here <> m.there";
    const DESCRIBE: &str = "-- events.images.describe
        UPDATE event_images SET alt = coalesce($3, alt) WHERE id = $2 AND event_id = $1
        RETURNING id, key, width, height, alt, position, thumbnails_at IS NOT NULL AS has_thumbnails";
    let (event, id) = (locked.event, locked.image.id);
    if let Some(position) = change.position {
        tx.execute(MOVE, &[&event, &id, &position]).await?;
    }
    Ok(Image::from_row(&tx.query_one(DESCRIBE, &[&event, &id, &change.alt]).await?))
}

/// Removes a picture; those behind it move up. Its files are to be removed after the commit.
pub async fn remove(tx: &mut Tx, locked: &LockedImage) -> Result<Key, DbError> {
    const REMOVE: &str = "-- events.images.remove
        DELETE FROM event_images WHERE id = $2 AND event_id = $1 RETURNING key, position";
    const CLOSE_GAP: &str = "-- events.images.close_gap
        UPDATE event_images SET position = position - 1 WHERE event_id = $1 AND position > $2";
    let row = tx.query_one(REMOVE, &[&locked.event, &locked.image.id]).await?;
    tx.execute(CLOSE_GAP, &[&locked.event, &row.get::<_, i16>("position")]).await?;
    Ok(Key::stored(row.get("key")))
}

/// The key of a picture, and whether its smaller files are there.
pub async fn key_of_image(db: &Db, id: ImageId) -> Result<Option<(Key, bool)>, DbError> {
    const KEY: &str = "-- events.images.key
        SELECT key, thumbnails_at IS NOT NULL AS has_thumbnails FROM event_images WHERE id = $1";
    let rows = db.read(KEY, args![id]).await?;
    Ok(rows.first().map(|row| (Key::stored(row.get("key")), row.get("has_thumbnails"))))
}

/// The smaller files are there. Returns the event's slug; none when the picture is gone.
pub async fn thumbnails_done(tx: &mut Tx, id: ImageId, now: Timestamp) -> Result<Option<String>, DbError> {
    const DONE: &str = "-- events.images.thumbnails_done
        UPDATE event_images i SET thumbnails_at = $2 FROM events e WHERE i.id = $1 AND e.id = i.event_id
        RETURNING e.slug";
    Ok(tx.query_opt(DONE, &[&id, &now]).await?.map(|row| row.get("slug")))
}

/// Those of `keys` that no row has.
pub async fn unknown(db: &Db, keys: Vec<String>) -> Result<Vec<Key>, DbError> {
    const UNKNOWN: &str = "-- events.images.unknown
        SELECT k.key FROM unnest($1::text[]) AS k (key)
        WHERE NOT EXISTS (SELECT FROM event_images i WHERE i.key = k.key)
          AND NOT EXISTS (SELECT FROM notary o WHERE o.picture = k.key)";
    let rows = db.read(UNKNOWN, args![keys]).await?;
    Ok(rows.iter().map(|row| Key::stored(row.get("key"))).collect())
}
