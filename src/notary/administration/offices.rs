//! Offices, as administrators see and change them.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{NotaryId, UserId},
    notary::licence::{self, Status},
    words::tsquery,
};

stored! {
    /// How often a licence is paid.
    FeeEvery as LicenceFeeEvery {
        /// Each month.
        Month = "month",
        /// Each year.
        Year = "year",
    }
}

/// A licence, as an administrator sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LicenceTerms)]
pub struct Terms {
    /// Whether there is one; without it the office is read-only and nobody finds it.
    pub active: bool,
    /// From when on.
    #[schema(value_type = Option<String>, format = Date)]
    pub starts_on: Option<Date>,
    /// Its last day; `null`: without end.
    #[schema(value_type = Option<String>, format = Date)]
    pub ends_on: Option<Date>,
    /// What it costs, in cents.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub fee_cents: i64,
    /// How often.
    pub fee_every: FeeEvery,
    /// For administrators.
    #[schema(max_length = 2000)]
    pub note: String,
}

/// A licence, as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AdminLicence {
    /// What it is today.
    pub status: Status,
    /// What was set.
    #[serde(flatten)]
    pub terms: Terms,
}

/// An office, as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AdminOffice {
    /// Its id.
    pub id: NotaryId,
    /// Its notary's account.
    pub user_id: UserId,
    /// Where mails to the notary go.
    pub email: String,
    /// The notary's first name.
    pub first_name: String,
    /// The notary's last name.
    pub last_name: String,
    /// What the office is called.
    pub office_name: String,
    /// The number in the roll of notaries.
    pub roll_number: Option<String>,
    /// The notarial district.
    pub district: Option<String>,
    /// The notary's codice fiscale.
    pub fiscal_code: Option<String>,
    /// The partita IVA, or the operator code of San Marino.
    pub vat_number: Option<String>,
    /// The city.
    pub city: String,
    /// The province.
    pub province: String,
    /// Whether an administrator has seen that the notary is one.
    pub is_verified: bool,
    /// Whether the notary wants to be found.
    pub is_listed: bool,
    /// What it may be used for.
    pub licence: AdminLicence,
    /// The average of its reviews; `null` without any.
    pub rating: Option<f64>,
    /// How many reviews.
    pub reviews: i32,
    /// How many acts.
    pub acts: i32,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// Which offices; everything that is given must fit.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Words of the names, the office or the place. Blank is the same as none, also of the two that follow.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The province, by its two letters.
    pub province: Option<String>,
    /// What the licence is today.
    #[param(inline)]
    pub licence: Option<Status>,
    /// Verified, or not.
    pub verified: Option<bool>,
}

macro_rules! admin_office_columns {
    () => {
        "n.id, n.user_id, (SELECT u.email FROM users AS u WHERE u.id = n.user_id) AS email, n.first_name, n.last_name, \
         n.office_name, n.roll_number, n.district, n.fiscal_code, n.vat_number, n.city, n.province, n.is_verified, \
         n.is_listed, n.licence_active, n.licence_starts_on, n.licence_ends_on, n.licence_fee_cents, \
         n.licence_fee_every, n.licence_note, n.rating::float8 AS rating, n.rating_count, n.acts_count, n.created_at, \
         n.version"
    };
}

impl AdminOffice {
    fn from_row(row: &Row, today: Date) -> Self {
        let reviews: i32 = row.get("rating_count");
        let (active, ends_on) = (row.get("licence_active"), row.get("licence_ends_on"));
        let is_monthly = row.get::<_, &str>("licence_fee_every") == FeeEvery::Month.as_str();
        let terms = Terms {
            active,
            starts_on: row.get("licence_starts_on"),
            ends_on,
            fee_cents: row.get("licence_fee_cents"),
            fee_every: if is_monthly { FeeEvery::Month } else { FeeEvery::Year },
            note: row.get("licence_note"),
        };
        Self {
            id: row.get("id"),
            user_id: row.get("user_id"),
            email: row.get("email"),
            first_name: row.get("first_name"),
            last_name: row.get("last_name"),
            office_name: row.get("office_name"),
            roll_number: row.get("roll_number"),
            district: row.get("district"),
            fiscal_code: row.get("fiscal_code"),
            vat_number: row.get("vat_number"),
            city: row.get("city"),
            province: row.get("province"),
            is_verified: row.get("is_verified"),
            is_listed: row.get("is_listed"),
            licence: AdminLicence { status: licence::status(active, ends_on, today), terms },
            rating: (reviews > 0).then(|| row.get("rating")),
            reviews,
            acts: row.get("acts_count"),
            created_at: row.get("created_at"),
            version: row.get("version"),
        }
    }
}

/// Offices that fit, newest first, from below `before` on. Those of people who were erased are not among them.
pub async fn list(
    db: &Db,
    filter: &Filter,
    before: Option<NotaryId>,
    (today, limit): (Date, i64),
) -> Result<Vec<AdminOffice>, DbError> {
    const LIST: &str = concat!(
        "-- notary.administration.list
        SELECT ",
        admin_office_columns!(),
        " FROM notary AS n
        WHERE ($2::uuid IS NULL OR n.id < $2) AND ($3::text IS NULL OR n.search @@ to_tsquery('simple', $3))
          AND ($4::text IS NULL OR folded(n.city) = folded($4)) AND ($5::text IS NULL OR n.province = upper($5))
          AND ($6::text IS NULL OR ",
        licence_status!("n", "$1::date"),
        " = $6) AND ($7::boolean IS NULL OR n.is_verified = $7)
          AND EXISTS (SELECT FROM users AS e WHERE e.id = n.user_id AND e.erased_at IS NULL)
        ORDER BY n.id DESC LIMIT $8"
    );
    let Filter { q, city, province, licence, verified } = filter.clone();
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let [q, city, province] = [q, city, province].map(given);
    let words = q.as_deref().map(tsquery);
    if words == Some(None) {
        return Ok(Vec::new()); // nothing but punctuation was typed
    }
    let (words, licence) = (words.flatten(), licence.map(Status::as_str));
    let args = args![today, before, words, city, province, licence, verified, limit];
    let rows = db.read(LIST, args).await?;
    Ok(rows.iter().map(|row| AdminOffice::from_row(row, today)).collect())
}

/// One office.
pub async fn find(db: &Db, id: NotaryId, today: Date) -> Result<Option<AdminOffice>, DbError> {
    const FIND: &str = concat!(
        "-- notary.administration.find
        SELECT ",
        admin_office_columns!(),
        " FROM notary AS n WHERE n.id = $1"
    );
    Ok(db.read(FIND, args![id]).await?.first().map(|row| AdminOffice::from_row(row, today)))
}

/// Says whether the notary is one, if the office still has this version; `None` otherwise.
pub async fn verify(
    tx: &mut Tx,
    (id, version): (NotaryId, i64),
    is_verified: bool,
    (today, now): (Date, Timestamp),
) -> Result<Option<AdminOffice>, DbError> {
    const VERIFY: &str = concat!(
        "-- notary.administration.verify
        UPDATE notary AS n SET is_verified = $3, version = n.version + 1, updated_at = $4
        WHERE n.id = $1 AND n.version = $2 RETURNING ",
        admin_office_columns!()
    );
    let row = tx.query_opt(VERIFY, &[&id, &version, &is_verified, &now]).await?;
    Ok(row.map(|row| AdminOffice::from_row(&row, today)))
}

/// Sets the licence of an office that still has this version; `None` otherwise.
pub async fn change_licence(
    tx: &mut Tx,
    (id, version): (NotaryId, i64),
    terms: &Terms,
    (today, now): (Date, Timestamp),
) -> Result<Option<AdminOffice>, DbError> {
    const CHANGE: &str = concat!(
        "-- notary.administration.change_licence
        UPDATE notary AS n SET licence_active = $3, licence_starts_on = $4, licence_ends_on = $5, licence_fee_cents = $6,
            licence_fee_every = $7, licence_note = $8, version = n.version + 1, updated_at = $9
        WHERE n.id = $1 AND n.version = $2 RETURNING ",
        admin_office_columns!()
    );
    let Terms { active, starts_on, ends_on, fee_cents, fee_every, note } = terms;
    let row = tx
        .query_opt(
            CHANGE,
            &[&id, &version, active, starts_on, ends_on, fee_cents, &fee_every.as_str(), note, &now],
        )
        .await?;
    Ok(row.map(|row| AdminOffice::from_row(&row, today)))
}
