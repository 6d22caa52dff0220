//! The signed deed of an act, which its office sends to the client; and what an office owes its clients without a licence.

use jiff::civil::Date;

use super::{message::may_send, transitions::CertifiedMailError};
use crate::{
    db::Tx,
    ids::{ActId, DocumentId, NotaryId, UserId},
    mail::Language,
    notary::{
        acts::act::written,
        licence::{self, RequireError},
    },
};

/// The version of a signed deed: it is stored when it is signed, and nobody adds another.
pub(super) const SIGNED: i32 = 1;

/// A signed deed, and who gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// The file.
    pub document: DocumentId,
    /// Which of its versions was signed.
    pub number: i32,
    /// What the act is called.
    pub title: String,
    /// Its number in the register.
    pub protocol_number: String,
    /// The client.
    pub client_name: String,
    /// The language of the client.
    pub language: Language,
    /// Where the client has certified mail.
    pub certified_address: Option<String>,
    /// The office.
    pub office_name: String,
}

/// The signed deed of an act of this office, for who may send its certified mail. Acts of other offices do not exist; of an
/// annulled one nothing is sent. The act is locked until the end of the transaction.
pub async fn of(
    tx: &mut Tx,
    (office, who): (NotaryId, UserId),
    act: ActId,
) -> Result<Deed, CertifiedMailError> {
    const DEED: &str = "-- notary.certified_mail.deed
        SELECT a.signed_document_id, a.title, r.prefix, r.number, c.name, c.language, p.certified_address, n.office_name
        FROM act a JOIN notary n ON n.id = a.notary_id JOIN users c ON c.id = a.client_id
        LEFT JOIN client_profile p ON p.user_id = c.id
        LEFT JOIN register_entry r ON r.act_id = a.id AND a.status <> 'annulled'
        WHERE a.id = $1 AND a.notary_id = $2 FOR NO KEY UPDATE OF a";
    may_send(tx, office, who).await?;
    let row = tx.query_opt(DEED, &[&act, &office]).await?.ok_or(CertifiedMailError::NoSuchAct)?;
    let document: Option<DocumentId> = row.get("signed_document_id");
    let entry = Option::zip(row.get::<_, Option<&str>>("prefix"), row.get::<_, Option<i32>>("number"));
    let (document, (prefix, number)) = document.zip(entry).ok_or(CertifiedMailError::NotSigned)?;
    Ok(Deed {
        document,
        number: SIGNED,
        title: row.get("title"),
        protocol_number: written(prefix, number),
        client_name: row.get("name"),
        language: Language::of(row.get("language")),
        certified_address: row.get("certified_address"),
        office_name: row.get("office_name"),
    })
}

/// Whether an office may write and send a mail today: with a valid licence, or about an act that it has signed. What was
/// signed is still sent (see [`licence`]), and certified mail is how.
pub async fn require_licence(
    tx: &mut Tx,
    (office, act): (NotaryId, Option<ActId>),
    today: Date,
) -> Result<(), RequireError> {
    const SIGNED: &str = "-- notary.certified_mail.is_signed
        SELECT FROM act WHERE id = $1 AND notary_id = $2 AND status IN ('signed', 'sent', 'archived')";
    match licence::require(tx, office, today).await {
        Err(RequireError::Invalid(why)) => {
            tx.query_opt(SIGNED, &[&act, &office]).await?.map(drop).ok_or(why.into())
        }
        other => other,
    }
}
