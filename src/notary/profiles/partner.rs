//! Partners: who brings clients and takes part in appointments.

use jiff::Timestamp;
use postgres_types::Json;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::UserId,
    key,
};

stored! {
    /// What a partner does.
    Kind as PartnerKind {
        /// Sells houses.
        EstateAgency = "estate_agency",
        /// Measures land and buildings.
        Surveyor = "surveyor",
        /// Draws buildings.
        Architect = "architect",
        /// Looks after employment.
        LabourConsultant = "labour_consultant",
        /// Keeps accounts.
        Accountant = "accountant",
        /// Says what things are worth.
        Appraiser = "appraiser",
    }
}

/// A partner. The names of the fields are those of the columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartnerContent)]
pub struct Content {
    /// What the partner does.
    pub kind: Kind,
    /// The name of the business.
    #[schema(min_length = 1, max_length = 200)]
    pub business_name: String,
    /// The partita IVA (11 digits), or the operator code of San Marino (`SM` and up to five digits).
    #[schema(min_length = 3, max_length = 13)]
    pub vat_number: String,
    /// Phone.
    #[schema(min_length = 5, max_length = 20)]
    pub phone: Option<String>,
    /// The address for certified mail.
    #[schema(max_length = 254)]
    pub certified_address: Option<String>,
    /// An `http` or `https` address.
    #[schema(max_length = 300)]
    pub website: Option<String>,
    /// Street and number.
    #[schema(min_length = 1, max_length = 200)]
    pub street: Option<String>,
    /// Postal code.
    #[schema(min_length = 1, max_length = 10)]
    pub postal_code: Option<String>,
    /// City.
    #[schema(min_length = 1, max_length = 100)]
    pub city: String,
    /// Province, by its two letters.
    #[schema(min_length = 2, max_length = 2)]
    pub province: String,
}

/// The profile of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PartnerProfile)]
pub struct Profile {
    /// The account.
    pub user_id: UserId,
    /// What the partner says.
    #[serde(flatten)]
    pub content: Content,
    /// Whether an administrator has seen that it is true.
    pub is_verified: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

macro_rules! partner_content {
    () => {
        "kind, business_name, vat_number, phone, certified_address, website, street, postal_code, city, province"
    };
}

macro_rules! partner_columns {
    () => {
        concat!(
            "p.user_id, p.is_verified, p.created_at, p.updated_at, p.version, (SELECT to_jsonb(c) FROM (SELECT ",
            partner_content!(),
            ") AS c) AS content"
        )
    };
}

impl Profile {
    fn from_row(row: &Row) -> Self {
        Self {
            user_id: row.get("user_id"),
            content: row.get::<_, Json<Content>>("content").0,
            is_verified: row.get("is_verified"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }
}

/// The profile of a partner.
pub async fn find(db: &Db, user: UserId) -> Result<Option<Profile>, DbError> {
    const FIND: &str = concat!(
        "-- notary.profiles.find_partner
        SELECT k.n, ",
        partner_columns!(),
        " FROM unnest($1::uuid[]) WITH ORDINALITY AS k (who, n) JOIN partner AS p ON p.user_id = k.who"
    );
    Ok(db.lookup(FIND, key![user]).await?.first().map(Profile::from_row))
}

/// Partners that are verified, or not, or all of them, in the order of their accounts from above `after` on.
pub async fn list(
    db: &Db,
    is_verified: Option<bool>,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Profile>, DbError> {
    const LIST: &str = concat!(
        "-- notary.profiles.list_partners
        SELECT ",
        partner_columns!(),
        " FROM partner AS p WHERE ($1::boolean IS NULL OR p.is_verified = $1) AND ($2::uuid IS NULL OR p.user_id > $2)
        ORDER BY p.user_id LIMIT $3"
    );
    let rows = db.read(LIST, args![is_verified, after, limit]).await?;
    Ok(rows.iter().map(Profile::from_row).collect())
}

/// A partner, as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PartnerCard)]
pub struct Card {
    /// The account.
    pub id: UserId,
    /// What the partner does.
    pub kind: Kind,
    /// The name of the business.
    pub business_name: String,
    /// Phone.
    pub phone: Option<String>,
    /// An `http` or `https` address.
    pub website: Option<String>,
    /// Street and number.
    pub street: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// City.
    pub city: String,
    /// Province, by its two letters.
    pub province: String,
    /// The name, without accents and capitals.
    #[serde(skip)]
    pub sorted_by: String,
}

/// Which partners are looked for; everything that is given must fit.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What they do.
    pub kind: Option<Kind>,
    /// The city, whatever its accents and capitals.
    pub city: Option<String>,
    /// The province, by its two letters.
    pub province: Option<String>,
}

/// Verified partners whose accounts are active, by their names.
pub async fn find_all(
    db: &Db,
    wanted: Wanted,
    after: Option<(String, UserId)>,
    limit: i64,
) -> Result<Vec<Card>, DbError> {
    const FIND_ALL: &str = "-- notary.profiles.find_partners
        SELECT p.user_id, p.kind, p.business_name, p.phone, p.website, p.street, p.postal_code, p.city, p.province,
            folded(p.business_name) AS sorted_by
        FROM partner p JOIN users u ON u.id = p.user_id AND u.status = 'active' AND u.roles @> '{partner}'
        WHERE p.is_verified AND ($1::text IS NULL OR p.kind = $1) AND ($2::text IS NULL OR folded(p.city) = folded($2))
          AND ($3::text IS NULL OR p.province = $3)
          AND ($4::text IS NULL OR (folded(p.business_name), p.user_id) > ($4, $5::uuid))
        ORDER BY folded(p.business_name), p.user_id LIMIT $6";
    let kind = wanted.kind.map(|kind| kind.as_str().to_owned());
    let (name, id) = after.unzip();
    let rows = db.public().read(FIND_ALL, args![kind, wanted.city, wanted.province, name, id, limit]).await?;
    let card = |row: &Row| Card {
        id: row.get("user_id"),
        kind: Kind::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == row.get::<_, &str>("kind"))
            .expect("the constraint partner_kind_known"),
        business_name: row.get("business_name"),
        phone: row.get("phone"),
        website: row.get("website"),
        street: row.get("street"),
        postal_code: row.get("postal_code"),
        city: row.get("city"),
        province: row.get("province"),
        sorted_by: row.get("sorted_by"),
    };
    Ok(rows.iter().map(card).collect())
}

/// Makes the profile, or replaces the one that has this version; `None` when there is another by now. What an
/// administrator has seen is verified anew when it is something else. A number that another partner has violates
/// `partner_vat_number_unique`.
pub async fn save(
    tx: &mut Tx,
    user: UserId,
    content: &Content,
    version: Option<i64>,
    now: Timestamp,
) -> Result<Option<Profile>, DbError> {
    const SAVE: &str = concat!(
        "-- notary.profiles.save_partner
        INSERT INTO partner AS p (user_id, created_at, updated_at, ",
        partner_content!(),
        ") SELECT $1, $4, $4, ",
        partner_content!(),
        " FROM jsonb_populate_record(NULL::partner, $2)
        ON CONFLICT (user_id) DO UPDATE SET (",
        partner_content!(),
        ") = (SELECT ",
        partner_content!(),
        " FROM jsonb_populate_record(NULL::partner, $2)), version = p.version + 1, updated_at = $4,
            is_verified = p.is_verified AND (p.kind, p.business_name, p.vat_number)
                = (excluded.kind, excluded.business_name, excluded.vat_number)
        WHERE p.version = $3 RETURNING ",
        partner_columns!()
    );
    let row = tx.query_opt(SAVE, &[&user, &Json(content), &version.unwrap_or(0), &now]).await?;
    Ok(row.as_ref().map(Profile::from_row))
}

/// Says whether a partner is verified, if the profile still has this version; `None` otherwise.
pub async fn verify(
    tx: &mut Tx,
    (user, version): (UserId, i64),
    is_verified: bool,
    now: Timestamp,
) -> Result<Option<Profile>, DbError> {
    const VERIFY: &str = concat!(
        "-- notary.profiles.verify_partner
        UPDATE partner AS p SET is_verified = $3, version = p.version + 1, updated_at = $4
        WHERE p.user_id = $1 AND p.version = $2 RETURNING ",
        partner_columns!()
    );
    let row = tx.query_opt(VERIFY, &[&user, &version, &is_verified, &now]).await?;
    Ok(row.as_ref().map(Profile::from_row))
}

/// Removes the profile; `false` when there is none.
pub async fn remove(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    const REMOVE: &str = "-- notary.profiles.remove_partner\nDELETE FROM partner WHERE user_id = $1";
    Ok(tx.execute(REMOVE, &[&user]).await? == 1)
}
