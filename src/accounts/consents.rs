//! What people agreed to and took back (GDPR, articles 6, 7 and 9): the purposes, and a history that is only added to.
//!
//! Invariants
//! - The newest row of a purpose counts; a trigger refuses to change any (but for the address, which erasure removes).
//! - One agrees to a wording that one was shown: only to the newest. Taking back needs no wording, and is never refused.

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::UserId,
    mail::{Language, newest_wording},
};

/// What a person may agree to. The only list of them; each has wordings in `src/mail/wordings.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConsentPurpose)]
pub enum Purpose {
    /// News by mail.
    MarketingMail,
    /// A notary's office processes one's data and documents.
    NotaryProcessing,
    /// A clinic processes data about one's health.
    ClinicProcessing,
    /// And uses them, made anonymous, for research.
    ClinicResearch,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::MarketingMail, Self::NotaryProcessing, Self::ClinicProcessing, Self::ClinicResearch];

    /// Its name in rows, paths and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MarketingMail => "marketing_mail",
            Self::NotaryProcessing => "notary_processing",
            Self::ClinicProcessing => "clinic_processing",
            Self::ClinicResearch => "clinic_research",
        }
    }

    /// The wording that can be agreed to.
    ///
    /// # Panics
    /// Never: a test finds a purpose without a wording.
    pub fn wording(self) -> &'static str {
        newest_wording(self.as_str()).expect("every purpose has a wording").version
    }

    /// What it says.
    pub fn text(self, language: Language) -> &'static str {
        newest_wording(self.as_str()).map_or("", |wording| wording.text(language))
    }
}

/// Something that was agreed to or taken back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = ConsentChange)]
pub struct Change {
    /// Its number.
    #[serde(skip)]
    pub id: i64,
    /// Whether it was given; else it was taken back.
    pub is_given: bool,
    /// To which wording.
    pub wording: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// From where.
    pub address: Option<String>,
}

impl Change {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            is_given: row.get("is_given"),
            wording: row.get("wording"),
            at: row.get("at"),
            address: row.get("address"),
        }
    }
}

/// What a person has said last about each purpose; who has said nothing has agreed to nothing.
pub async fn newest(db: &Db, user: UserId) -> Result<Vec<(Purpose, Option<Change>)>, DbError> {
    const NEWEST: &str = "-- accounts.consents.newest
        SELECT DISTINCT ON (purpose) purpose, id, is_given, wording, at, address
        FROM consent WHERE user_id = $1 ORDER BY purpose, id DESC";
    let rows = db.read(NEWEST, args![user]).await?;
    let of = |purpose: Purpose| {
        let row = rows.iter().find(|row| row.get::<_, &str>("purpose") == purpose.as_str());
        (purpose, row.map(Change::from_row))
    };
    Ok(Purpose::ALL.into_iter().map(of).collect())
}

/// Everything a person has said about a purpose, newest first, from below `before` on.
pub async fn history(
    db: &Db,
    user: UserId,
    purpose: Purpose,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Change>, DbError> {
    const HISTORY: &str = "-- accounts.consents.history
        SELECT id, is_given, wording, at, address FROM consent
        WHERE user_id = $1 AND purpose = $2 AND id < $3 ORDER BY id DESC LIMIT $4";
    let before = before.unwrap_or(i64::MAX);
    let rows = db.read(HISTORY, args![user, purpose.as_str(), before, limit]).await?;
    Ok(rows.iter().map(Change::from_row).collect())
}

/// What a person says about a purpose.
#[derive(Debug, Clone)]
pub struct Said {
    /// About what.
    pub purpose: Purpose,
    /// Whether it is given; else it is taken back.
    pub is_given: bool,
    /// To which wording.
    pub wording: &'static str,
    /// From where.
    pub address: Option<String>,
}

/// Writes down what a person says. `None` when it is what was said before: then nothing is added.
pub async fn say(tx: &mut Tx, user: UserId, said: &Said, now: Timestamp) -> Result<Option<Change>, DbError> {
    // Who says two things at once has said one after the other.
    const LOCK: &str = "-- accounts.consents.lock
        SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE";
    const SAY: &str = "-- accounts.consents.say
        INSERT INTO consent (user_id, purpose, wording, is_given, at, address)
        SELECT $1, $2, $3::text, $4::boolean, $5, $6
        WHERE NOT EXISTS (SELECT FROM (SELECT wording, is_given FROM consent
            WHERE user_id = $1 AND purpose = $2 ORDER BY id DESC LIMIT 1) c
            WHERE c.wording = $3 AND c.is_given = $4)
        RETURNING id, is_given, wording, at, address";
    let Said { purpose, is_given, wording, address } = said;
    tx.query(LOCK, &[&user]).await?;
    let row = tx.query_opt(SAY, &[&user, &purpose.as_str(), wording, is_given, &now, address]).await?;
    Ok(row.as_ref().map(Change::from_row))
}

#[cfg(test)]
mod tests {
    use super::Purpose;
    use crate::mail::{Language, WORDINGS};

    #[test]
    fn every_purpose_has_a_wording_and_every_wording_a_purpose() {
        for purpose in Purpose::ALL {
            assert!(!purpose.wording().is_empty() && !purpose.text(Language::It).is_empty());
            assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.as_str());
        }
        for wording in WORDINGS {
            assert!(Purpose::ALL.iter().any(|purpose| purpose.as_str() == wording.consent), "{wording:?}");
        }
    }
}
