//! Drafting: from a template and values to the next deed of an act.
//!
//! It is planned in one transaction, set and stored without one, and kept in another if the act and the template still say
//! the same.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    deed::{Deed, HOLDER, PER_ACT, deed_columns},
    rendering::{Lacks, Text},
};
use crate::{
    db::{DbError, Tx},
    documents::{
        made::{self, Kept, Made},
        publish::Stored,
    },
    ids::{ActTemplateId, DocumentId, UserId},
    mail::Language,
    notary::{
        acts::{act::Act, changes::is_open},
        templates::{built_in, fields, markup::MarkupError, template},
    },
};

/// Where the documents are.
const DESK: &str = "notary";

/// What a deed is to be drafted from.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// A template of the office; else the active one, else the built-in text.
    pub template: Option<ActTemplateId>,
    /// The language of the built-in text.
    pub language: Option<Language>,
    /// Its title; that of the type of act if none is given.
    pub title: Option<String>,
    /// What fills the fields that the act does not fill.
    pub values: BTreeMap<String, String>,
}

/// A deed that is to be drafted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it says.
    pub text: Text,
    /// What is wrong with that.
    pub lacks: Lacks,
    template: Option<ActTemplateId>,
    built_in: Option<&'static str>,
    type_name: String,
}

/// Why no deed is drafted.
#[derive(Debug, thiserror::Error)]
pub enum DeedError {
    /// The text of the act is final.
    #[error("what the act says is final: its signature was asked for")]
    Final,
    /// The office has none with this id for this type of act.
    #[error("the office has no such template for this type of act")]
    NoSuchTemplate,
    /// The text has no such fields, or the act fills them.
    #[error("these are not fields to be given: {0}")]
    NoSuchFields(String),
    /// There are [`PER_ACT`].
    #[error("{PER_ACT} drafts of an act are the most")]
    TooMany,
    /// The act or the template says something else since it was planned.
    #[error("the act was changed while the deed was drafted: try again")]
    Changed,
    /// The notary is gone.
    #[error("the office has no notary any more")]
    NoNotary,
    /// A text that cannot be read any more.
    #[error(transparent)]
    Markup(#[from] MarkupError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What the next deed of a locked act says.
pub async fn plan(tx: &mut Tx, act: &Act, wanted: &Wanted, now: Timestamp) -> Result<Plan, DeedError> {
    if !is_open(act.status) {
        return Err(DeedError::Final);
    }
    let found = template::of_act(tx, (act.notary_id, &act.act_type), wanted.template).await?;
    if wanted.template.is_some() && found.is_none() {
        return Err(DeedError::NoSuchTemplate);
    }
    let (language, template, built_in, body) = if let Some(found) = found {
        (found.language, Some(found.id), None, found.body.unwrap_or_default())
    } else {
        let language = wanted.language.unwrap_or(Language::It);
        let text = built_in::of(&act.prefix, language);
        (language, None, Some(text.name), text.body.to_owned())
    };
    let facts = fields::of(tx, act.id, language, now).await?;
    let type_name = facts.get("act_type_name").cloned().unwrap_or_default();
    let title = wanted.title.clone().unwrap_or_else(|| type_name.clone());
    let text = Text { title, language, body, facts, given: wanted.values.clone() };
    let own = text.own_fields()?;
    let strange: Vec<&str> =
        wanted.values.keys().filter(|name| !own.contains(*name)).map(String::as_str).collect();
    if !strange.is_empty() {
        return Err(DeedError::NoSuchFields(strange.join(", ")));
    }
    Ok(Plan { lacks: text.lacks()?, text, template, built_in, type_name })
}

/// Keeps a planned deed of a locked act, whose PDF is stored, as the next.
pub async fn keep(
    tx: &mut Tx,
    act: &Act,
    (plan, document, stored): (&Plan, DocumentId, &Stored),
    by: UserId,
    now: Timestamp,
) -> Result<Deed, DeedError> {
    const NEXT: &str = "-- notary.deeds.next
        SELECT n.user_id, (SELECT coalesce(max(d.number), 0) FROM deed d WHERE d.act_id = $2) + 1 AS number
        FROM notary n WHERE n.id = $1";
    const KEEP: &str = concat!(
        "-- notary.deeds.keep
        INSERT INTO deed AS d (act_id, number, title, language, template_id, built_in, body, facts, given, missing,
            unprintable, document_id, sha256, drafted_by, drafted_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING ",
        deed_columns!()
    );
    let next = tx.query_one(NEXT, &[&act.notary_id, &act.id]).await?;
    let (owner, number): (UserId, i32) = (next.get("user_id"), next.get("number"));
    if i64::from(number) > PER_ACT {
        return Err(DeedError::TooMany);
    }
    let Plan { text, lacks, template, built_in, type_name } = plan;
    // The title names nobody: it outlives what the deed says of people.
    let (title, name) = (format!("{type_name} ({number})"), format!("deed-{number}.pdf"));
    let kept = Kept::HeldBy(HOLDER, act.id.0);
    let made = Made { id: document, owner, title: &title, desk: DESK, name: &name, stored, kept };
    if !made::make(tx, &made, now).await? {
        return Err(DeedError::NoNotary);
    }
    let json = |map: &BTreeMap<String, String>| serde_json::to_value(map).expect("texts are JSON");
    let (facts, given, sha256) = (json(&text.facts), json(&text.given), &stored.sha256.0[..]);
    let args: [&(dyn postgres_types::ToSql + Sync); 15] = [
        &act.id,
        &number,
        &text.title,
        &text.language.code(),
        template,
        built_in,
        &text.body,
        &facts,
        &given,
        &lacks.missing,
        &lacks.unprintable,
        &document,
        &sha256,
        &by,
        &now,
    ];
    Ok(Deed::from_row(&tx.query_one(KEEP, &args).await?))
}
