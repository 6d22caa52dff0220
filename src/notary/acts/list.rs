//! Lists of acts: everything that a page shows is one statement.

use super::act::{Act, act_columns, act_tables};
use crate::{
    args,
    db::{Db, DbError},
    ids::ActId,
    notary::{
        agenda::appointment::Reader,
        rules::machine::{Name as _, act::State},
    },
};

/// From which side somebody looks at acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ActSide)]
pub enum Side {
    /// One's own matters.
    Client,
    /// Those of the office one works for.
    Office,
}

/// What a list has.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// From which side.
    pub side: Side,
    /// Only those in this state.
    pub status: Option<State>,
    /// Only those of this type.
    pub act_type: Option<String>,
}

/// Acts, the newest first.
pub async fn list(
    db: &Db,
    reader: Reader,
    wanted: Wanted,
    before: Option<ActId>,
    limit: i64,
) -> Result<Vec<Act>, DbError> {
    macro_rules! acts_list {
        ($label:literal, $mine:expr) => {
            concat!(
                "-- notary.acts.list_",
                $label,
                "\nSELECT ",
                act_columns!("$1", "$2"),
                act_tables!(),
                " WHERE ",
                $mine,
                " AND ($3::text IS NULL OR a.status = $3) AND ($4::text IS NULL OR a.act_type = $4)
                  AND ($5::uuid IS NULL OR a.id < $5) ORDER BY a.id DESC LIMIT $6"
            )
        };
    }
    const CLIENT: &str = acts_list!("client", "a.client_id = $1");
    const OFFICE: &str = acts_list!("office", staffed!("manage_acts", "a.notary_id", "$1"));
    let statement = match wanted.side {
        Side::Client => CLIENT,
        Side::Office => OFFICE,
    };
    let status = wanted.status.map(|status| status.as_str().to_owned());
    let before = before.map(|id| id.0);
    let args = args![reader.user, reader.is_admin, status, wanted.act_type, before, limit];
    Ok(db.read(statement, args).await?.iter().map(Act::from_row).collect())
}
