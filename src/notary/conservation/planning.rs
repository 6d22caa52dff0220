//! Which packages there are to be, and what is in them.
//!
//! At the beginning of a month every office gets a package of what it has until then and what is in no package yet. What is
//! more than a package holds goes into a further part.

use jiff::{Timestamp, civil::Date};

use super::manifest::{Item, path};
use crate::{
    args,
    db::{Db, DbError, Tx},
    documents::versions::{Content, stored_content_columns},
    ids::{ConservationPackageId, DocumentId, NotaryId},
    notary::time,
};

/// Offices that one transaction plans for.
pub const BATCH: i64 = 100;
/// Files of one package: what a person can still look through, and its manifest fits into memory many times.
pub const ITEMS_MAX: i64 = 1000;

/// What can be conserved: files of offices since some moment, each in a version that never changes.
macro_rules! conservable {
    () => {
        "(SELECT notary_id, document_id, number, kind, about, since FROM conservable)"
    };
}

/// Plans packages of what offices have until the end of the month that begins on `month`, for at most [`BATCH`] offices that
/// have none under way. Returns them; fewer than [`BATCH`]: there is no more to plan.
pub async fn plan(tx: &mut Tx, month: Date, now: Timestamp) -> Result<Vec<ConservationPackageId>, DbError> {
    const OFFICES: &str = concat!(
        "-- notary.conservation.offices
        SELECT DISTINCT c.notary_id FROM ",
        conservable!(),
        " AS c WHERE c.since < $1 AND NOT EXISTS (
            SELECT FROM conservation_item i WHERE i.document_id = c.document_id AND i.number = c.number)
          AND NOT EXISTS (SELECT FROM conservation_package p WHERE p.notary_id = c.notary_id AND p.status = 'pending')
        ORDER BY c.notary_id LIMIT $2"
    );
    // Two nodes may plan at once: the second finds the first's part taken and leaves it.
    const PLAN: &str = "-- notary.conservation.plan
        INSERT INTO conservation_package (id, notary_id, month, part, created_at, updated_at)
        SELECT k.id, k.notary_id, $3, coalesce(max(p.part), 0) + 1, $4, $4
        FROM unnest($1::uuid[], $2::uuid[]) AS k (id, notary_id)
        LEFT JOIN conservation_package p ON p.notary_id = k.notary_id AND p.month = $3
        GROUP BY k.id, k.notary_id ON CONFLICT DO NOTHING RETURNING id";
    let offices: Vec<NotaryId> =
        tx.query(OFFICES, &[&end_of(month), &BATCH]).await?.iter().map(|row| row.get("notary_id")).collect();
    let ids: Vec<ConservationPackageId> = offices.iter().map(|_| ConservationPackageId::new(now)).collect();
    let rows = tx.query(PLAN, &[&ids, &offices, &month, &now]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}

/// The moment at which the month that begins on `month` is over, at the offices.
pub fn end_of(month: Date) -> Timestamp {
    let next = month.saturating_add(jiff::Span::new().months(1));
    next.to_zoned(time::zone()).map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

/// A file that goes into a package.
#[derive(Debug, Clone)]
pub struct Found {
    /// As the manifest names it.
    pub item: Item,
    /// Which document.
    pub document: DocumentId,
    /// Where its content is.
    pub content: Content,
}

/// What goes into the next package of an office: the oldest [`ITEMS_MAX`] files that are in none, and whether there are more.
pub async fn contents(db: &Db, office: NotaryId, month: Date) -> Result<(Vec<Found>, bool), DbError> {
    const CONTENTS: &str = concat!(
        "-- notary.conservation.contents
        SELECT c.document_id, c.kind, c.about, c.since, ",
        stored_content_columns!(),
        " FROM ",
        conservable!(),
        " AS c JOIN document_version v ON v.document_id = c.document_id AND v.number = c.number
        WHERE c.notary_id = $1 AND c.since < $2 AND NOT EXISTS (
            SELECT FROM conservation_item i WHERE i.document_id = c.document_id AND i.number = c.number)
        ORDER BY c.since, c.document_id, c.number LIMIT $3"
    );
    let rows = db.read(CONTENTS, args![office, end_of(month), ITEMS_MAX + 1]).await?;
    let has_more = rows.len() as i64 > ITEMS_MAX;
    let found = |(position, row): (usize, &tokio_postgres::Row)| {
        let (content, kind) = (Content::from_row(row), row.get::<_, String>("kind"));
        let item = Item {
            path: path(position + 1, &kind, &content.version.name),
            kind,
            about: row.get("about"),
            since: row.get("since"),
            bytes: content.version.bytes,
            sha256: content.version.sha256,
        };
        Found { item, document: row.get("document_id"), content }
    };
    Ok((rows.iter().take(ITEMS_MAX as usize).enumerate().map(found).collect(), has_more))
}

/// Takes a plan back.
pub async fn drop(tx: &mut Tx, id: ConservationPackageId) -> Result<(), DbError> {
    const DROP: &str = "-- notary.conservation.drop
        DELETE FROM conservation_package WHERE id = $1 AND status = 'pending'";
    tx.execute(DROP, &[&id]).await?;
    Ok(())
}

/// The files of a package that was made: where each is in it, and its content as the service has it.
pub async fn items(db: &Db, id: ConservationPackageId) -> Result<Vec<(String, Content)>, DbError> {
    const ITEMS: &str = concat!(
        "-- notary.conservation.items\nSELECT i.path, ",
        stored_content_columns!(),
        " FROM conservation_item i JOIN document_version v ON v.document_id = i.document_id AND v.number = i.number
        WHERE i.package_id = $1 ORDER BY i.position LIMIT $2"
    );
    let rows = db.read(ITEMS, args![id, ITEMS_MAX]).await?;
    Ok(rows.iter().map(|row| (row.get("path"), Content::from_row(row))).collect())
}
