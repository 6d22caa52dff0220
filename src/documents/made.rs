//! Documents that the service itself makes for a person: some for a time, after which they are removed by themselves, some
//! for a thing that holds them.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    documents,
    publish::{Stored, Values, stored_columns},
};
use crate::{
    db::{DbError, Tx},
    ids::{DocumentId, UserId},
};

/// Documents removed by one transaction.
pub const BATCH: i64 = 100;

/// A document whose content is stored already.
#[derive(Debug, Clone)]
pub struct Made<'a> {
    /// Its id.
    pub id: DocumentId,
    /// Whose it is.
    pub owner: UserId,
    /// What it is called.
    pub title: &'a str,
    /// Where it belongs.
    pub desk: &'a str,
    /// The file's name.
    pub name: &'a str,
    /// Its content.
    pub stored: &'a Stored,
    /// How long it is there.
    pub kept: Kept,
}

/// How long a made document is there.
#[derive(Debug, Clone, Copy)]
pub enum Kept {
    /// It is removed then.
    Until(Timestamp),
    /// As long as this thing of a desk wants it: a word for what it is, and its id.
    HeldBy(&'static str, Uuid),
}

/// Makes a document. It counts as what its owner has stored. `false`: the owner is gone meanwhile; for what a desk holds, its
/// account stays as the owner.
pub async fn make(tx: &mut Tx, made: &Made<'_>, now: Timestamp) -> Result<bool, DbError> {
    const MAKE: &str = concat!(
        "-- documents.made.make
        WITH owner AS (
            SELECT id FROM users WHERE id = $2 AND ($9::text IS NOT NULL OR status = 'active' AND erased_at IS NULL)
            FOR KEY SHARE
        ), room AS (
            INSERT INTO document_quota AS q (user_id, stored) SELECT id, $6 FROM owner
            ON CONFLICT (user_id) DO UPDATE SET stored = q.stored + excluded.stored
        ), made AS (
            INSERT INTO document (id, owner_id, title, desk, latest, created_at, updated_at, remove_at)
            SELECT $1, id, $3, $4, 1, $7, $7, $8 FROM owner RETURNING id, owner_id
        ), held AS (
            INSERT INTO document_hold (document_id, holder, holder_id, held_at)
            SELECT id, $9, $10, $7 FROM made WHERE $9::text IS NOT NULL
        )
        INSERT INTO document_version (document_id, number, name, bytes, uploaded_by, created_at, ",
        stored_columns!(),
        ") SELECT id, 1, $5, $6, owner_id, $7, $11, $12, $13, $14, $15, $16, $17, $18 FROM made"
    );
    let Made { id, owner, title, desk, name, stored, kept } = made;
    let (remove_at, holder, holder_id) = match *kept {
        Kept::Until(at) => (Some(at), None, None),
        Kept::HeldBy(what, id) => (None, Some(what), Some(id)),
    };
    let (bytes, values) = (stored.kept.bytes as i64, Values::of(stored));
    let args = values.after([id, owner, title, desk, name, &bytes, &now, &remove_at, &holder, &holder_id]);
    Ok(tx.execute(MAKE, &args).await? == 1)
}

/// A document of a clinic whose content is stored already: nobody owns it, and a thing of the desk holds it.
#[derive(Debug, Clone)]
pub struct Held<'a> {
    /// Its id.
    pub id: DocumentId,
    /// Who has had it made.
    pub by: UserId,
    /// What it is called.
    pub title: &'a str,
    /// The file's name.
    pub name: &'a str,
    /// Its content.
    pub stored: &'a Stored,
    /// Where it belongs, a word for what holds it, and its id.
    pub by_desk: (&'static str, &'static str, Uuid),
}

/// Makes a document of a clinic: who may read it is that desk's business alone, as of files that are uploaded there
/// ([`super::publish::for_desk`]). It is in nobody's quota.
pub async fn for_desk(tx: &mut Tx, held: &Held<'_>, now: Timestamp) -> Result<(), DbError> {
    const HELD: &str = concat!(
        "-- documents.made.for_desk
        WITH made AS (
            INSERT INTO document (id, owner_id, title, desk, latest, created_at, updated_at, of_clinic)
            VALUES ($1, NULL, $3, $4, 1, $7, $7, true) RETURNING id
        ), held AS (
            INSERT INTO document_hold (document_id, holder, holder_id, held_at) SELECT id, $8, $9, $7 FROM made
        )
        INSERT INTO document_version (document_id, number, name, bytes, uploaded_by, created_at, ",
        stored_columns!(),
        ") SELECT id, 1, $5, $6, $2, $7, $10, $11, $12, $13, $14, $15, $16, $17 FROM made"
    );
    let Held { id, by, title, name, stored, by_desk: (desk, holder, holder_id) } = held;
    let (bytes, values) = (stored.kept.bytes as i64, Values::of(stored));
    tx.execute(HELD, &values.after([id, by, title, desk, name, &bytes, &now, holder, holder_id])).await?;
    Ok(())
}

/// A version that the service makes of a document, with the content that is stored already.
#[derive(Debug, Clone)]
pub struct AnotherVersion<'a> {
    /// Of which document.
    pub document: DocumentId,
    /// What it was made of: nothing is added when there is a newer one.
    pub based_on: i32,
    /// In whose name.
    pub by: UserId,
    /// The file's name.
    pub name: &'a str,
    /// Its content.
    pub stored: &'a Stored,
}

/// Adds a version to a document; its number. It counts as what this person has stored. `None`: the document is gone, or there
/// is a newer version.
pub async fn another_version(
    tx: &mut Tx,
    version: &AnotherVersion<'_>,
    now: Timestamp,
) -> Result<Option<i32>, DbError> {
    const ANOTHER: &str = concat!(
        "-- documents.made.another_version
        WITH changed AS (
            UPDATE document SET latest = latest + 1, version = version + 1, updated_at = $5
            WHERE id = $1 AND latest = $2 AND deleted_at IS NULL RETURNING id, latest
        ), room AS (
            INSERT INTO document_quota AS q (user_id, stored) SELECT $3, $6 FROM changed
            ON CONFLICT (user_id) DO UPDATE SET stored = q.stored + excluded.stored
        )
        INSERT INTO document_version (document_id, number, name, bytes, uploaded_by, created_at, ",
        stored_columns!(),
        ") SELECT id, latest, $4, $6, $3, $5, $7, $8, $9, $10, $11, $12, $13, $14 FROM changed RETURNING number"
    );
    let AnotherVersion { document, based_on, by, name, stored } = version;
    let (bytes, values) = (stored.kept.bytes as i64, Values::of(stored));
    let args = values.after([document, based_on, by, name, &now, &bytes]);
    Ok(tx.query_opt(ANOTHER, &args).await?.map(|row| row.get("number")))
}

/// Removes documents whose time is over: those that were made for some time, and those of erased people which the law no
/// longer wants to be kept. At most [`BATCH`]; returns their objects, to be removed after the commit, and whether there
/// may be more.
pub async fn remove_due(tx: &mut Tx, now: Timestamp) -> Result<(Vec<String>, bool), DbError> {
    const DUE: &str = "-- documents.made.due
        (SELECT id FROM document WHERE remove_at <= $1 ORDER BY remove_at LIMIT $2)
        UNION ALL
        (SELECT d.id FROM users u JOIN document d ON d.owner_id = u.id
         WHERE u.erased_at IS NOT NULL AND d.keep_until <= $1::timestamptz::date LIMIT $2)";
    let due = tx.query(DUE, &[&now, &BATCH]).await?;
    let mut objects = Vec::new();
    for row in &due {
        objects.extend(documents::remove(tx, row.get("id")).await?);
    }
    Ok((objects, due.len() as i64 >= BATCH))
}
