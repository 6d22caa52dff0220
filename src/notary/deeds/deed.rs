//! A deed, and who sees it: the client and the office, as the act.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError},
    ids::{ActId, ActTemplateId, DocumentId},
    mail::Language,
    notary::{acts::act::act_visible, agenda::appointment::Reader},
};

/// Drafts of one act.
pub const PER_ACT: i64 = 100;
/// What holds their files.
pub(in crate::notary) const HOLDER: &str = "deed";

/// The text of an act.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Deed {
    /// Of which act.
    pub act_id: ActId,
    /// 1, 2, 3 …
    pub number: i32,
    /// Its title.
    pub title: String,
    /// In which language it is.
    pub language: Language,
    /// The template of the office that it was drafted from.
    pub template_id: Option<ActTemplateId>,
    /// Or the built-in text, by the prefix of the register.
    pub built_in: Option<String>,
    /// What was given for the template's own fields.
    pub values: BTreeMap<String, String>,
    /// Fields that nothing fills: they stand in the text by their names, and it cannot be signed.
    pub missing: Vec<String>,
    /// Characters that no font has: they are shown as `�`, and it cannot be signed.
    pub unprintable: String,
    /// The PDF, a document of the shared store.
    pub document_id: DocumentId,
    /// Of the PDF, in hexadecimal digits.
    pub sha256: String,
    /// When it was drafted.
    #[schema(value_type = String, format = DateTime)]
    pub drafted_at: Timestamp,
    /// When its signature was asked for: since then it is the text of the act.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub frozen_at: Option<Timestamp>,
}

/// The columns of [`Deed::from_row`], of `d`.
macro_rules! deed_columns {
    () => {
        "d.act_id, d.number, d.title, d.language, d.template_id, d.built_in, d.given, d.missing, d.unprintable, \
         d.document_id, d.sha256, d.drafted_at, d.frozen_at"
    };
}
pub(super) use deed_columns;

impl Deed {
    pub(super) fn from_row(row: &Row) -> Self {
        Self {
            act_id: row.get("act_id"),
            number: row.get("number"),
            title: row.get("title"),
            language: Language::of(row.get("language")),
            template_id: row.get("template_id"),
            built_in: row.get("built_in"),
            values: texts(row, "given"),
            missing: row.get("missing"),
            unprintable: row.get("unprintable"),
            document_id: row.get("document_id"),
            sha256: HEXLOWER.encode(row.get("sha256")),
            drafted_at: row.get("drafted_at"),
            frozen_at: row.get("frozen_at"),
        }
    }
}

pub(super) fn texts(row: &Row, column: &str) -> BTreeMap<String, String> {
    serde_json::from_value(row.get(column)).expect("it was written from such a map")
}

/// The deeds of an act that this person sees, the newest first.
pub async fn list(
    db: &Db,
    reader: Reader,
    act: ActId,
    before: Option<i32>,
    limit: i64,
) -> Result<Vec<Deed>, DbError> {
    const LIST: &str = concat!(
        "-- notary.deeds.list\nSELECT ",
        deed_columns!(),
        " FROM act a JOIN deed d ON d.act_id = a.id WHERE a.id = $1 AND ",
        act_visible!("$2", "$3"),
        " AND d.number < $4 ORDER BY d.number DESC LIMIT $5"
    );
    let before = before.unwrap_or(i32::MAX);
    let rows = db.read(LIST, args![act, reader.user, reader.is_admin, before, limit]).await?;
    Ok(rows.iter().map(Deed::from_row).collect())
}

/// A deed, if this person sees its act.
pub async fn find(db: &Db, reader: Reader, act: ActId, number: i32) -> Result<Option<Deed>, DbError> {
    const FIND: &str = concat!(
        "-- notary.deeds.find\nSELECT ",
        deed_columns!(),
        " FROM act a JOIN deed d ON d.act_id = a.id WHERE a.id = $1 AND d.number = $4 AND ",
        act_visible!("$2", "$3")
    );
    let rows = db.read(FIND, args![act, reader.user, reader.is_admin, number]).await?;
    Ok(rows.first().map(Deed::from_row))
}

/// The PDF of a deed, for the client and for the office: which document. Being an administrator is not enough.
pub async fn file_of(
    db: &Db,
    reader: Reader,
    act: ActId,
    number: i32,
) -> Result<Option<DocumentId>, DbError> {
    const FILE: &str = concat!(
        "-- notary.deeds.file_of
        SELECT d.document_id FROM act a JOIN deed d ON d.act_id = a.id WHERE a.id = $1 AND d.number = $3
          AND (a.client_id = $2 OR ",
        staffed!("manage_acts", "a.notary_id", "$2"),
        ")"
    );
    let rows = db.read(FILE, args![act, reader.user, number]).await?;
    Ok(rows.first().map(|row| row.get("document_id")))
}
