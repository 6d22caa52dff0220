//! Searching the log, newest first.

use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{Outcome, Recorded, entry::entry_columns};
use crate::{
    args,
    db::{Db, DbError},
    ids::UserId,
};

/// What is looked for; everything that is given must fit.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// What somebody did, also through a key.
    pub who: Option<UserId>,
    /// What was done, for example `document.read`.
    pub action: Option<String>,
    /// To what kind of thing.
    pub object: Option<String>,
    /// To which of them; goes with `object`.
    pub id: Option<String>,
    /// How it ended.
    #[param(inline)]
    pub result: Option<Outcome>,
    /// Not before then.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Before then.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
}

/// Entries that fit, from below `before` on. `only` is whose they must be: people see what they did themselves.
pub async fn search(
    db: &Db,
    filter: &Filter,
    only: Option<UserId>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Recorded>, DbError> {
    const SEARCH: &str = concat!(
        "-- audit.search
        SELECT ",
        entry_columns!(),
        " FROM audit_entry AS e
        WHERE e.id < coalesce($1, 9223372036854775807) AND ($2::uuid IS NULL OR e.who = $2)
          AND ($3::uuid IS NULL OR e.who = $3) AND ($4::text IS NULL OR e.action = $4)
          AND ($5::text IS NULL OR e.object_kind = $5) AND ($6::text IS NULL OR e.object_id = $6)
          AND ($7::text IS NULL OR e.result = $7) AND ($8::timestamptz IS NULL OR e.at >= $8)
          AND ($9::timestamptz IS NULL OR e.at < $9)
        ORDER BY e.id DESC LIMIT $10"
    );
    let (only, who) = (only.map(|user| user.0), filter.who.map(|user: UserId| -> Uuid { user.0 }));
    let result = filter.result.map(Outcome::as_str);
    let Filter { action, object, id, from, to, .. } = filter.clone();
    let rows = db.read(SEARCH, args![before, only, who, action, object, id, result, from, to, limit]).await?;
    Ok(rows.iter().map(Recorded::from_row).collect())
}
