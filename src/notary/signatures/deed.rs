//! Signing an act. Its deed was set and signed with a number before this: the number is taken here, or was somebody else's.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError, Tx},
    documents::{
        made::{self, Kept, Made},
        publish::Stored,
        versions::Sha256,
    },
    ids::{DocumentId, UserId},
    notary::{
        acts::{
            act::Act,
            register,
            transitions::{ActError, tell_people},
        },
        notifications::{Kind, Told},
        rules::{
            machine::{
                Name as _,
                act::{Event, State},
            },
            protocol::{Prefix, ProtocolNumber},
        },
    },
};

/// What holds the documents.
pub const HOLDER: &str = "act";
/// Where they are found.
pub const DESK: &str = "notary";
/// There is one version: it is never replaced.
pub const VERSION: i32 = 1;

/// The signed deed of an act.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct SignedDeed {
    /// The document: a PDF/A with the notary's signature (PAdES) and a time stamp.
    pub document_id: DocumentId,
    /// Of its content, in hexadecimal digits.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// The serial number of the certificate that signed, in hexadecimal digits.
    pub certificate_serial: String,
    /// The time stamp over the signature.
    #[schema(value_type = String, format = DateTime)]
    pub stamped_at: Timestamp,
}

impl SignedDeed {
    /// Of a row of an act.
    pub(in crate::notary) fn from_row(row: &Row) -> Option<Self> {
        let document_id = row.get::<_, Option<DocumentId>>("signed_document_id")?;
        let (sha256, serial): (&[u8], &[u8]) = (row.get("signed_sha256"), row.get("signed_certificate"));
        Some(Self {
            document_id,
            sha256: Sha256(sha256.try_into().expect("the constraint act_signed_sha256")),
            certificate_serial: HEXLOWER.encode(serial),
            stamped_at: row.get("stamped_at"),
        })
    }
}

/// A deed that is signed and stored, and not yet the act's.
#[derive(Debug)]
pub struct NewDeed<'d> {
    /// The number that stands on it.
    pub number: &'d ProtocolNumber,
    /// Its document's id.
    pub document: DocumentId,
    /// Its content.
    pub stored: &'d Stored,
    /// The serial number of the certificate.
    pub serial: &'d [u8],
    /// The time stamp over the signature.
    pub stamped_at: Timestamp,
}

/// The number that the next act of an office and prefix will have, unless somebody is faster.
///
/// # Panics
/// Never: prefixes are those of the catalogue.
pub async fn next_number(db: &Db, act: &Act) -> Result<ProtocolNumber, DbError> {
    const NEXT: &str = "-- notary.register.next
        SELECT coalesce((SELECT k.last FROM register_counter k WHERE k.notary_id = $1 AND k.prefix = $2), 0) + 1 AS next";
    let rows = db.read(NEXT, args![act.notary_id, act.prefix.clone()]).await?;
    let next: i32 = rows.first().map_or(1, |row| row.get("next"));
    let prefix: Prefix = act.prefix.parse().expect("the constraint register_counter_prefix");
    Ok(prefix.number(u32::try_from(next).unwrap_or(1)).expect("it is positive"))
}

/// Signs a locked act with its deed. [`ActError::NumberTaken`] when the number is somebody else's by now: begin again, with the
/// next one. Says who is told.
pub async fn sign(
    tx: &mut Tx,
    act: &Act,
    deed: &NewDeed<'_>,
    by: UserId,
    now: Timestamp,
) -> Result<Vec<Told>, ActError> {
    const SIGN: &str = "-- notary.signatures.sign_act
        UPDATE act SET status = $2, signed_at = $3, signed_document_id = $4, signed_sha256 = $5, signed_certificate = $6,
            stamped_at = $7, version = version + 1, updated_at = $3
        WHERE id = $1 AND status = $8";
    let to = act.next(Event::Sign)?;
    debug_assert_eq!(to, State::Signed, "there is one way to be signed");
    let number = deed.number.to_string();
    let (title, name) = (format!("{number} {}", act.title), format!("{number}.pdf"));
    let made = Made {
        id: deed.document,
        owner: by,
        title: shortened(&title),
        desk: DESK,
        name: &name,
        stored: deed.stored,
        kept: Kept::HeldBy(HOLDER, act.id.0),
    };
    if !made::make(tx, &made, now).await? {
        return Err(ActError::NotPermitted);
    }
    let sha256: &[u8] = &deed.stored.sha256.0;
    let (to, from) = (to.as_str(), act.status.as_str());
    tx.execute(SIGN, &[&act.id, &to, &now, &deed.document, &sha256, &deed.serial, &deed.stamped_at, &from])
        .await?;
    register::enter(tx, act, deed.number, now).await?;
    tell_people(tx, act, (Kind::ActSigned, number), by).await
}

/// As much of a title as a document's may have.
fn shortened(title: &str) -> &str {
    let end = title.char_indices().nth(crate::documents::documents::TITLE_MAX).map(|(at, _)| at);
    &title[..end.unwrap_or(title.len())]
}
