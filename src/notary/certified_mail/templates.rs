//! Mails that an office writes often, with fields `{{name}}`. Fields that are known are filled from the act, the others by
//! whoever writes the mail.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};
use tokio_postgres::Row;

use super::{message::may_send, transitions::CertifiedMailError};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ActId, MailTemplateId, NotaryId, UserId},
    mail::{Language, date},
    notary::time::{ZONE, today},
};

/// Templates of one office.
pub const PER_OFFICE: i64 = 100;
/// Characters of a field's name.
pub const FIELD_MAX: usize = 50;
/// Fields that are known of every mail, and those that are known of a mail about an act.
pub const KNOWN: [&str; 8] = [
    "office_name",
    "notary_name",
    "today",
    "client_name",
    "act_title",
    "act_type",
    "protocol_number",
    "signed_on",
];

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = CertifiedMailTemplate)]
pub struct Template {
    /// Its id.
    pub id: MailTemplateId,
    /// What it is called; once in an office.
    pub name: String,
    /// When it is used.
    pub description: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// Whether mails are written with it.
    pub is_active: bool,
    /// The fields that stand in it.
    pub fields: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// What a template says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What it is called.
    pub name: String,
    /// When it is used.
    pub description: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// Whether mails are written with it.
    pub is_active: bool,
}

/// A piece of a template.
enum Piece<'t> {
    Text(&'t str),
    Field(&'t str),
}

/// A field that cannot be one: `{{` without its end, or a name with other characters than `a`–`z`, `0`–`9` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a field; write {{{{name}}}}, with small letters, digits and underscores")]
pub struct NoField(pub String);

fn pieces(text: &str) -> impl Iterator<Item = Result<Piece<'_>, NoField>> {
    let mut rest = text;
    let mut field = None;
    std::iter::from_fn(move || {
        if let Some(field) = field.take() {
            return Some(Ok(Piece::Field(field)));
        }
        if rest.is_empty() {
            return None;
        }
        let Some((before, after)) = rest.split_once("{{") else {
            return Some(Ok(Piece::Text(std::mem::take(&mut rest))));
        };
        let shown = || NoField(after.chars().take(FIELD_MAX).collect());
        let Some((inside, behind)) = after.split_once("}}") else {
            let error = shown();
            rest = "";
            return Some(Err(error));
        };
        rest = behind;
        let name = inside.trim();
        let is_one = (1..=FIELD_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_one {
            return Some(Err(shown()));
        }
        field = Some(name);
        Some(Ok(Piece::Text(before)))
    })
}

/// The fields of a text, each once.
pub fn fields(text: &str) -> Result<BTreeSet<&str>, NoField> {
    pieces(text)
        .filter_map(|piece| match piece {
            Ok(Piece::Field(name)) => Some(Ok(name)),
            Ok(Piece::Text(_)) => None,
            Err(error) => Some(Err(error)),
        })
        .collect()
}

/// The text with its fields filled. `Err`: those without a value.
pub fn fill(text: &str, values: &BTreeMap<String, String>) -> Result<String, BTreeSet<String>> {
    let (mut filled, mut missing) = (String::with_capacity(text.len()), BTreeSet::new());
    for piece in pieces(text).flatten() {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Field(name) => match values.get(name) {
                Some(value) => filled.push_str(value),
                None => {
                    missing.insert(name.to_owned());
                }
            },
        }
    }
    if missing.is_empty() { Ok(filled) } else { Err(missing) }
}

impl Template {
    fn from_row(row: &Row) -> Self {
        let (subject, body): (String, String) = (row.get("subject"), row.get("body"));
        let mut named = fields(&subject).unwrap_or_default();
        named.extend(fields(&body).unwrap_or_default());
        let named = named.into_iter().map(str::to_owned).collect();
        Self {
            id: row.get("id"),
            name: row.get("name"),
            description: row.get("description"),
            is_active: row.get("is_active"),
            fields: named,
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
            subject,
            body,
        }
    }
}

macro_rules! template_columns {
    () => {
        "t.id, t.name, t.description, t.subject, t.body, t.is_active, t.created_at, t.updated_at, t.version"
    };
}

/// The templates of an office by their names, for who may send its certified mail.
pub async fn list(
    db: &Db,
    (office, who): (NotaryId, UserId),
    after: Option<String>,
    limit: i64,
) -> Result<Vec<Template>, DbError> {
    const LIST: &str = concat!(
        "-- notary.mail_templates.list\nSELECT ",
        template_columns!(),
        " FROM certified_mail_template t WHERE t.notary_id = $1 AND ",
        staffed!("send_certified_mail", "t.notary_id", "$2"),
        " AND ($3::text IS NULL OR t.name > $3) ORDER BY t.name LIMIT $4"
    );
    Ok(db.read(LIST, args![office, who, after, limit]).await?.iter().map(Template::from_row).collect())
}

/// A template, for who may send certified mail with it.
pub async fn find(db: &Db, who: UserId, id: MailTemplateId) -> Result<Option<Template>, DbError> {
    const FIND: &str = concat!(
        "-- notary.mail_templates.find\nSELECT ",
        template_columns!(),
        " FROM certified_mail_template t WHERE t.id = $1 AND ",
        staffed!("send_certified_mail", "t.notary_id", "$2")
    );
    Ok(db.read(FIND, args![id, who]).await?.first().map(Template::from_row))
}

/// The same, locked until the end of the transaction.
pub async fn lock(tx: &mut Tx, who: UserId, id: MailTemplateId) -> Result<Option<Template>, DbError> {
    const LOCK: &str = concat!(
        "-- notary.mail_templates.lock\nSELECT ",
        template_columns!(),
        " FROM certified_mail_template t WHERE t.id = $1 AND ",
        staffed!("send_certified_mail", "t.notary_id", "$2"),
        " FOR NO KEY UPDATE OF t"
    );
    Ok(tx.query_opt(LOCK, &[&id, &who]).await?.map(|row| Template::from_row(&row)))
}

fn refused(error: DbError) -> CertifiedMailError {
    match error.constraint() {
        Some("certified_mail_template_name_once") => CertifiedMailError::NameTaken,
        _ => error.into(),
    }
}

/// Makes a template of an office.
pub async fn create(
    tx: &mut Tx,
    (id, office, who): (MailTemplateId, NotaryId, UserId),
    content: &Content,
    now: Timestamp,
) -> Result<(), CertifiedMailError> {
    // The office's row is the queue of those who make one at once.
    const LOCK: &str = "-- notary.mail_templates.lock_office
        SELECT FROM notary WHERE id = $1 FOR NO KEY UPDATE";
    const CREATE: &str = "-- notary.mail_templates.create
        INSERT INTO certified_mail_template (id, notary_id, name, description, subject, body, is_active, created_at, updated_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8
        WHERE (SELECT count(*) FROM certified_mail_template WHERE notary_id = $2) < $9";
    may_send(tx, office, who).await?;
    tx.query(LOCK, &[&office]).await?;
    let Content { name, description, subject, body, is_active } = content;
    let args: [&(dyn postgres_types::ToSql + Sync); 9] =
        [&id, &office, name, description, subject, body, is_active, &now, &PER_OFFICE];
    let made = tx.execute(CREATE, &args).await.map_err(refused)?;
    if made == 0 { Err(CertifiedMailError::TooManyTemplates) } else { Ok(()) }
}

/// Replaces what a locked template says.
pub async fn change(
    tx: &mut Tx,
    id: MailTemplateId,
    content: &Content,
    now: Timestamp,
) -> Result<(), CertifiedMailError> {
    const CHANGE: &str = "-- notary.mail_templates.change
        UPDATE certified_mail_template SET name = $2, description = $3, subject = $4, body = $5, is_active = $6,
            version = version + 1, updated_at = $7
        WHERE id = $1";
    let Content { name, description, subject, body, is_active } = content;
    let args: [&(dyn postgres_types::ToSql + Sync); 7] =
        [&id, name, description, subject, body, is_active, &now];
    tx.execute(CHANGE, &args).await.map_err(refused)?;
    Ok(())
}

/// Removes a locked template. Mails that were written with it are what they are.
pub async fn remove(tx: &mut Tx, id: MailTemplateId) -> Result<(), DbError> {
    const REMOVE: &str = "-- notary.mail_templates.remove\nDELETE FROM certified_mail_template WHERE id = $1";
    tx.execute(REMOVE, &[&id]).await?;
    Ok(())
}

/// What is known of a mail of this office, and about this act.
pub(super) async fn known(
    tx: &mut Tx,
    office: NotaryId,
    act: Option<ActId>,
    now: Timestamp,
) -> Result<BTreeMap<String, String>, DbError> {
    const KNOWN_OF: &str = "-- notary.mail_templates.known
        SELECT n.office_name, n.first_name || ' ' || n.last_name AS notary_name, a.title AS act_title, t.name_it AS act_type,
            c.name AS client_name, r.prefix, r.number, a.signed_at
        FROM notary n LEFT JOIN act a ON a.id = $2 AND a.notary_id = n.id LEFT JOIN act_type t ON t.code = a.act_type
        LEFT JOIN users c ON c.id = a.client_id LEFT JOIN register_entry r ON r.act_id = a.id
        WHERE n.id = $1";
    let row = tx.query_one(KNOWN_OF, &[&office, &act]).await?;
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    let signed: Option<Timestamp> = row.get("signed_at");
    let entry: Option<(&str, i32)> =
        Option::zip(row.get::<_, Option<&str>>("prefix"), row.get::<_, Option<i32>>("number"));
    let text = |column: &str| row.get::<_, Option<String>>(column);
    let values = [
        ("office_name", text("office_name")),
        ("notary_name", text("notary_name")),
        ("today", Some(date(today(now), Language::It))),
        ("client_name", text("client_name")),
        ("act_title", text("act_title")),
        ("act_type", text("act_type")),
        ("protocol_number", entry.map(|(prefix, number)| crate::notary::acts::act::written(prefix, number))),
        ("signed_on", signed.map(|at| date(at.to_zoned(zone).date(), Language::It))),
    ];
    Ok(values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{NoField, fields, fill};

    #[test]
    fn fields_are_found_filled_and_missed_by_name() {
        let text = "Gentile {{client_name}}, atto {{ protocol_number }} {x} }} {{client_name}}.";
        assert_eq!(fields(text).unwrap(), BTreeSet::from(["client_name", "protocol_number"]));
        let mut values = BTreeMap::from([("client_name".to_owned(), "Anna {{x}}".to_owned())]);
        assert_eq!(fill(text, &values).unwrap_err(), BTreeSet::from(["protocol_number".to_owned()]));
        values.insert("protocol_number".to_owned(), "MUT-0001".to_owned());
        // What a value says is not looked at again.
        let expected = "Gentile Anna {{x}}, atto MUT-0001 {x} }} Anna {{x}}.";
        assert_eq!(fill(text, &values).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_a_field_is_said() {
        for text in ["a {{b", "{{}}", "{{Name}}", "{{a b}}", "{{a.b}}", "{{{x}}}"] {
            assert!(matches!(fields(text), Err(NoField(_))), "{text}");
        }
    }
}
