//! What becomes of a package: every step asks the state machine about the row, locked.

use jiff::{SignedDuration, Timestamp};
use postgres_types::ToSql;

use super::{
    HOLDER,
    package::{self, Package},
    planning::Found,
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    documents::versions::Sha256,
    ids::{ConservationPackageId, DocumentId},
    notary::rules::machine::{
        Forbidden, Name as _, Who,
        conservation_package::{Event, MACHINE, State},
    },
};

/// Why something is not done with a package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The state machine says no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no such package")]
    NoSuchPackage,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

async fn next(tx: &mut Tx, id: ConservationPackageId, event: Event, who: Who) -> Result<State, PackageError> {
    let from = package::lock(tx, id).await?.ok_or(PackageError::NoSuchPackage)?;
    Ok(MACHINE.next_by(from, event, who)?)
}

/// The package was made: its document is there, and what is in it is in no other one.
pub async fn export(
    tx: &mut Tx,
    id: ConservationPackageId,
    (document, manifest): (DocumentId, &Sha256),
    items: &[Found],
    now: Timestamp,
) -> Result<(), PackageError> {
    const EXPORT: &str = "-- notary.conservation.export
        WITH items AS (
            INSERT INTO conservation_item (package_id, position, path, kind, document_id, number)
            SELECT $1, k.position, k.path, k.kind, k.document_id, k.number
            FROM unnest($2::text[], $3::text[], $4::uuid[], $5::int[])
                WITH ORDINALITY AS k (path, kind, document_id, number, position)
        )
        UPDATE conservation_package SET status = $6, document_id = $7, manifest_sha256 = $8, items = $9, exported_at = $10,
            trouble = NULL, version = version + 1, updated_at = $10
        WHERE id = $1";
    let to = next(tx, id, Event::Export, Who::System).await?;
    let paths: Vec<&str> = items.iter().map(|it| it.item.path.as_str()).collect();
    let kinds: Vec<&str> = items.iter().map(|it| it.item.kind.as_str()).collect();
    let documents: Vec<DocumentId> = items.iter().map(|it| it.document).collect();
    let numbers: Vec<i32> = items.iter().map(|it| it.content.version.number).collect();
    let (manifest, count) = (&manifest.0[..], items.len() as i32);
    let args: [&(dyn ToSql + Sync); 10] =
        [&id, &paths, &kinds, &documents, &numbers, &to.as_str(), &document, &manifest, &count, &now];
    tx.execute(EXPORT, &args).await?;
    Ok(())
}

/// The conservator took it over.
pub async fn conserve(
    tx: &mut Tx,
    id: ConservationPackageId,
    (conservator, reference, receipt): (&str, &str, &serde_json::Value),
    now: Timestamp,
) -> Result<(), PackageError> {
    const CONSERVE: &str = "-- notary.conservation.conserve
        UPDATE conservation_package SET status = $2, conservator = $3, conservator_reference = $4, receipt = $5,
            conserved_at = $6, trouble = NULL, version = version + 1, updated_at = $6
        WHERE id = $1";
    let to = next(tx, id, Event::Conserve, Who::System).await?;
    tx.execute(CONSERVE, &[&id, &to.as_str(), &conservator, &reference, &receipt, &now]).await?;
    Ok(())
}

/// The conservator does not take it: it is made anew, and its document goes.
pub async fn refuse(
    tx: &mut Tx,
    id: ConservationPackageId,
    why: &str,
    now: Timestamp,
) -> Result<(), PackageError> {
    const REFUSE: &str = "-- notary.conservation.refuse
        WITH items AS (DELETE FROM conservation_item WHERE package_id = $1),
        let_go AS (DELETE FROM document_hold WHERE holder_id = $1 AND holder = $4),
        due AS (
            UPDATE document d SET remove_at = $5 FROM conservation_package p WHERE p.id = $1 AND d.id = p.document_id
        )
        UPDATE conservation_package SET status = $2, trouble = $3, document_id = NULL, manifest_sha256 = NULL, items = 0,
            exported_at = NULL, version = version + 1, updated_at = $5
        WHERE id = $1";
    let to = next(tx, id, Event::Refuse, Who::System).await?;
    tx.execute(REFUSE, &[&id, &to.as_str(), &why, &HOLDER, &now]).await?;
    Ok(())
}

/// Its hashes were compared: they are right, or this one is not.
pub async fn verify(
    tx: &mut Tx,
    id: ConservationPackageId,
    damaged: Option<&str>,
    now: Timestamp,
) -> Result<(), PackageError> {
    const VERIFIED: &str = "-- notary.conservation.verify
        UPDATE conservation_package SET status = $2, verified_at = $3, trouble = NULL, version = version + 1,
            updated_at = $3
        WHERE id = $1";
    const DAMAGED: &str = "-- notary.conservation.damaged
        UPDATE conservation_package SET trouble = $2, version = version + 1, updated_at = $3 WHERE id = $1";
    let to = next(tx, id, Event::Verify, Who::System).await?;
    match damaged {
        None => tx.execute(VERIFIED, &[&id, &to.as_str(), &now]).await?,
        Some(what) => tx.execute(DAMAGED, &[&id, &what, &now]).await?,
    };
    Ok(())
}

/// Whether this person may have its hashes compared now.
pub fn may_verify(package: &Package) -> Result<(), Forbidden> {
    MACHINE.next_by(package.status, Event::Verify, package.who).map(|_| ())
}

/// A package is verified again after so long.
const VERIFIED_FOR: SignedDuration = SignedDuration::from_hours(24 * 365);
/// Packages that are found due at once: a night's work.
const DUE_MAX: i64 = 1000;

/// Packages that were not verified for a year.
pub async fn due(db: &Db, now: Timestamp) -> Result<Vec<ConservationPackageId>, DbError> {
    const DUE: &str = "-- notary.conservation.due
        SELECT id FROM conservation_package WHERE status = 'verified' AND verified_at < $1 ORDER BY verified_at LIMIT $2";
    let rows = db.read(DUE, args![now - VERIFIED_FOR, DUE_MAX]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}
