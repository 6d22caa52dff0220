//! The templates of an office: versions that do not change, of which one at most is active for a type of act.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::markup;
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ActTemplateId, NotaryId, UserId},
    mail::Language,
};

/// Versions of one office for one type of act.
pub const VERSIONS_MAX: i64 = 200;

/// A version of a template.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = ActTemplate)]
pub struct Template {
    /// Its id.
    pub id: ActTemplateId,
    /// For which type of act, of the catalogue.
    pub act_type: String,
    /// 1, 2, 3 … of the office's texts for this type.
    pub number: i32,
    /// What the office calls it.
    pub name: String,
    /// In which language deeds of it are.
    pub language: Language,
    /// Whether deeds are drafted from it.
    pub is_active: bool,
    /// The text; `null` in lists.
    pub body: Option<String>,
    /// The fields of the text; empty in lists.
    pub fields: Vec<String>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A text that is to become the next version.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    /// For which type of act.
    pub act_type: String,
    /// What the office calls it.
    pub name: String,
    /// In which language it is.
    pub language: Language,
    /// The text, which [`markup::parse`] can read.
    pub body: String,
}

/// Why something is not done with a template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// They work there, but may not do this.
    #[error("the notary has not permitted you to manage templates")]
    NotPermitted,
    /// The catalogue does not know the type.
    #[error("name a type of act of the catalogue")]
    NoSuchType,
    /// There are [`VERSIONS_MAX`].
    #[error("{VERSIONS_MAX} versions for one type of act are the most")]
    TooMany,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

macro_rules! template_columns {
    ($body:literal) => {
        concat!(
            "m.id, m.act_type, m.number, m.name, m.language, m.is_active, m.created_at, ",
            $body,
            " AS body"
        )
    };
}

impl Template {
    fn from_row(row: &Row) -> Self {
        let body: Option<String> = row.get("body");
        let blocks = body.as_deref().and_then(|body| markup::parse(body).ok()).unwrap_or_default();
        Self {
            id: row.get("id"),
            act_type: row.get("act_type"),
            number: row.get("number"),
            name: row.get("name"),
            language: Language::of(row.get("language")),
            is_active: row.get("is_active"),
            fields: markup::fields(&blocks).into_iter().map(str::to_owned).collect(),
            body,
            created_at: row.get("created_at"),
        }
    }
}

/// Which templates.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// For this type of act.
    pub act_type: Option<String>,
    /// Only those that are active, or are not.
    pub is_active: Option<bool>,
}

/// The templates of an office, the newest first, for those who manage them.
pub async fn list(
    db: &Db,
    (office, who): (NotaryId, UserId),
    wanted: Wanted,
    before: Option<ActTemplateId>,
    limit: i64,
) -> Result<Vec<Template>, DbError> {
    const LIST: &str = concat!(
        "-- notary.templates.list\nSELECT ",
        template_columns!("NULL::text"),
        " FROM act_template m WHERE m.notary_id = $1 AND ",
        staffed!("manage_templates", "m.notary_id", "$2"),
        " AND ($3::text IS NULL OR m.act_type = $3) AND ($4::boolean IS NULL OR m.is_active = $4)
          AND ($5::uuid IS NULL OR m.id < $5) ORDER BY m.id DESC LIMIT $6"
    );
    let args = args![office, who, wanted.act_type, wanted.is_active, before, limit];
    Ok(db.read(LIST, args).await?.iter().map(Template::from_row).collect())
}

/// A template, for those who manage it.
pub async fn find(db: &Db, who: UserId, id: ActTemplateId) -> Result<Option<Template>, DbError> {
    const FIND: &str = concat!(
        "-- notary.templates.find\nSELECT ",
        template_columns!("m.body"),
        " FROM act_template m WHERE m.id = $1 AND ",
        staffed!("manage_templates", "m.notary_id", "$2")
    );
    Ok(db.read(FIND, args![id, who]).await?.first().map(Template::from_row))
}

/// The text that deeds of an act are drafted from: this one of the office's, or the one that is active.
pub(in crate::notary) async fn of_act(
    tx: &mut Tx,
    (office, act_type): (NotaryId, &str),
    id: Option<ActTemplateId>,
) -> Result<Option<Template>, DbError> {
    const OF_ACT: &str = concat!(
        "-- notary.templates.of_act\nSELECT ",
        template_columns!("m.body"),
        " FROM act_template m WHERE m.notary_id = $1 AND m.act_type = $2
          AND CASE WHEN $3::uuid IS NULL THEN m.is_active ELSE m.id = $3 END"
    );
    Ok(tx.query_opt(OF_ACT, &[&office, &act_type, &id]).await?.map(|row| Template::from_row(&row)))
}

/// Adds the next version for a type of act; from now on it is the active one.
pub async fn create(
    tx: &mut Tx,
    (id, office, by): (ActTemplateId, NotaryId, UserId),
    new: &NewTemplate,
    now: Timestamp,
) -> Result<Template, TemplateError> {
    const MAY: &str = concat!(
        "-- notary.templates.may_create\nSELECT ",
        staffed!("manage_templates", "n.id", "$2"),
        " AS may, EXISTS (SELECT FROM act_type t WHERE t.code = $3 AND t.is_active) AS is_known,
            (SELECT count(*) FROM act_template m WHERE m.notary_id = n.id AND m.act_type = $3) AS versions
        FROM notary n WHERE n.id = $1"
    );
    const REPLACE: &str = "-- notary.templates.replace
        UPDATE act_template SET is_active = false WHERE notary_id = $1 AND act_type = $2 AND is_active";
    const CREATE: &str = concat!(
        "-- notary.templates.create
        INSERT INTO act_template AS m (id, notary_id, act_type, number, name, language, body, is_active, created_by, created_at)
        SELECT $1, $2, $3, coalesce(max(o.number), 0) + 1, $4, $5, $6, true, $7, $8
        FROM act_template o WHERE o.notary_id = $2 AND o.act_type = $3 RETURNING ",
        template_columns!("m.body")
    );
    lock_office(tx, office).await?;
    let may = tx.query_one(MAY, &[&office, &by, &new.act_type]).await?;
    if !may.get::<_, bool>("may") {
        return Err(TemplateError::NotPermitted);
    }
    if !may.get::<_, bool>("is_known") {
        return Err(TemplateError::NoSuchType);
    }
    if may.get::<_, i64>("versions") >= VERSIONS_MAX {
        return Err(TemplateError::TooMany);
    }
    tx.execute(REPLACE, &[&office, &new.act_type]).await?;
    let args: [&(dyn postgres_types::ToSql + Sync); 8] =
        [&id, &office, &new.act_type, &new.name, &new.language.code(), &new.body, &by, &now];
    Ok(Template::from_row(&tx.query_one(CREATE, &args).await?))
}

/// Makes a version the active one of its type of act, or makes it stop being so. `None`: there is none for this person.
pub async fn activate(
    tx: &mut Tx,
    (id, by): (ActTemplateId, UserId),
    is_active: bool,
) -> Result<Option<Template>, DbError> {
    const OTHERS: &str = "-- notary.templates.deactivate_others
        UPDATE act_template SET is_active = false WHERE notary_id = $1 AND act_type = $2 AND id <> $3 AND is_active";
    const ACTIVATE: &str = concat!(
        "-- notary.templates.activate
        UPDATE act_template AS m SET is_active = $2 WHERE m.id = $1 RETURNING ",
        template_columns!("m.body")
    );
    let Some((office, act_type)) = place_of(tx, (id, by)).await? else { return Ok(None) };
    lock_office(tx, office).await?;
    if is_active {
        tx.execute(OTHERS, &[&office, &act_type, &id]).await?;
    }
    let changed = tx.query_opt(ACTIVATE, &[&id, &is_active]).await?;
    Ok(changed.map(|row| Template::from_row(&row)))
}

/// The office of a template and its type of act, for those who manage it.
pub async fn place_of(
    tx: &mut Tx,
    (id, by): (ActTemplateId, UserId),
) -> Result<Option<(NotaryId, String)>, DbError> {
    const PLACE: &str = concat!(
        "-- notary.templates.place_of
        SELECT m.notary_id, m.act_type FROM act_template m WHERE m.id = $1 AND ",
        staffed!("manage_templates", "m.notary_id", "$2")
    );
    let row = tx.query_opt(PLACE, &[&id, &by]).await?;
    Ok(row.map(|row| (row.get("notary_id"), row.get("act_type"))))
}

/// Who writes templates of one office waits for each other: of two new versions one is the active one.
async fn lock_office(tx: &mut Tx, office: NotaryId) -> Result<(), DbError> {
    const LOCK: &str = "-- notary.templates.lock_office\nSELECT FROM notary WHERE id = $1 FOR NO KEY UPDATE";
    tx.query(LOCK, &[&office]).await?;
    Ok(())
}
