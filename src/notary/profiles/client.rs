//! What an act has to say of a client. Only the client sees it; what an act says is written into the act.

use jiff::{Timestamp, civil::Date};
use postgres_types::Json;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::{
    db::{Db, DbError, Tx},
    ids::UserId,
    key,
};

stored! {
    /// Sex.
    Sex as ClientSex {
        /// Female.
        Female = "female",
        /// Male.
        Male = "male",
        /// Neither.
        Other = "other",
    }
}

stored! {
    /// Civil status.
    CivilStatus as CivilStatus {
        /// Never married.
        Single = "single",
        /// Married.
        Married = "married",
        /// Divorced.
        Divorced = "divorced",
        /// Widowed.
        Widowed = "widowed",
        /// Legally separated.
        Separated = "separated",
        /// In a civil union.
        CivilUnion = "civil_union",
    }
}

stored! {
    /// Whose things of a couple are.
    PropertyRegime as PropertyRegime {
        /// Community of property.
        Community = "community",
        /// Separation of property.
        Separation = "separation",
        /// A patrimonial fund.
        PatrimonialFund = "patrimonial_fund",
        /// There is no couple.
        NotApplicable = "not_applicable",
    }
}

stored! {
    /// What shows who somebody is.
    IdKind as IdDocumentKind {
        /// An identity card.
        IdentityCard = "identity_card",
        /// A passport.
        Passport = "passport",
        /// A driving licence.
        DrivingLicence = "driving_licence",
    }
}

/// A client. The names of the fields are those of the columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClientContent)]
pub struct Content {
    /// First name.
    #[schema(min_length = 1, max_length = 100)]
    pub first_name: String,
    /// Last name.
    #[schema(min_length = 1, max_length = 100)]
    pub last_name: String,
    /// Sex.
    pub sex: Option<Sex>,
    /// Day of birth.
    #[schema(value_type = Option<String>, format = Date)]
    pub born_on: Option<Date>,
    /// Place of birth.
    #[schema(min_length = 1, max_length = 100)]
    pub birth_place: Option<String>,
    /// The codice fiscale of a person: 16 characters, of which the last proves the others; it fits day of birth and sex.
    #[schema(min_length = 16, max_length = 16)]
    pub fiscal_code: Option<String>,
    /// Civil status.
    pub civil_status: Option<CivilStatus>,
    /// Whose things of a couple are.
    pub property_regime: Option<PropertyRegime>,
    /// Phone.
    #[schema(min_length = 5, max_length = 20)]
    pub phone: Option<String>,
    /// The address for certified mail.
    #[schema(max_length = 254)]
    pub certified_address: Option<String>,
    /// Street and number.
    #[schema(min_length = 1, max_length = 200)]
    pub street: Option<String>,
    /// Postal code.
    #[schema(min_length = 1, max_length = 10)]
    pub postal_code: Option<String>,
    /// City.
    #[schema(min_length = 1, max_length = 100)]
    pub city: Option<String>,
    /// Province, by its two letters.
    #[schema(min_length = 2, max_length = 2)]
    pub province: Option<String>,
    /// Country of residence, ISO 3166-1.
    #[schema(min_length = 2, max_length = 2)]
    pub country: Option<String>,
    /// What shows who it is; with `id_number` or not at all.
    pub id_kind: Option<IdKind>,
    /// Its number.
    #[schema(min_length = 1, max_length = 30)]
    pub id_number: Option<String>,
    /// Its last day.
    #[schema(value_type = Option<String>, format = Date)]
    pub id_expires_on: Option<Date>,
}

/// The profile of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ClientProfile)]
pub struct Profile {
    /// What the client says.
    #[serde(flatten)]
    pub content: Content,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

macro_rules! client_content {
    () => {
        "first_name, last_name, sex, born_on, birth_place, fiscal_code, civil_status, property_regime, phone, \
         certified_address, street, postal_code, city, province, country, id_kind, id_number, id_expires_on"
    };
}

macro_rules! client_columns {
    () => {
        concat!(
            "p.created_at, p.updated_at, p.version, (SELECT to_jsonb(c) FROM (SELECT ",
            client_content!(),
            ") AS c) AS content"
        )
    };
}

impl Profile {
    fn from_row(row: &Row) -> Self {
        Self {
            content: row.get::<_, Json<Content>>("content").0,
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }
}

/// Somebody's own profile.
pub async fn find(db: &Db, user: UserId) -> Result<Option<Profile>, DbError> {
    const FIND: &str = concat!(
        "-- notary.profiles.find_client
        SELECT k.n, ",
        client_columns!(),
        " FROM unnest($1::uuid[]) WITH ORDINALITY AS k (who, n) JOIN client_profile AS p ON p.user_id = k.who"
    );
    Ok(db.lookup(FIND, key![user]).await?.first().map(Profile::from_row))
}

/// Makes the profile, or replaces the one that has this version; `None` when there is another by now.
pub async fn save(
    tx: &mut Tx,
    user: UserId,
    content: &Content,
    version: Option<i64>,
    now: Timestamp,
) -> Result<Option<Profile>, DbError> {
    const SAVE: &str = concat!(
        "-- notary.profiles.save_client
        INSERT INTO client_profile AS p (user_id, created_at, updated_at, ",
        client_content!(),
        ") SELECT $1, $4, $4, ",
        client_content!(),
        " FROM jsonb_populate_record(NULL::client_profile, $2)
        ON CONFLICT (user_id) DO UPDATE SET (",
        client_content!(),
        ") = (SELECT ",
        client_content!(),
        " FROM jsonb_populate_record(NULL::client_profile, $2)), version = p.version + 1, updated_at = $4
        WHERE p.version = $3 RETURNING ",
        client_columns!()
    );
    let row = tx.query_opt(SAVE, &[&user, &Json(content), &version.unwrap_or(0), &now]).await?;
    Ok(row.as_ref().map(Profile::from_row))
}

/// Removes the profile; `false` when there is none.
pub async fn remove(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    const REMOVE: &str = "-- notary.profiles.remove_client\nDELETE FROM client_profile WHERE user_id = $1";
    Ok(tx.execute(REMOVE, &[&user]).await? == 1)
}
