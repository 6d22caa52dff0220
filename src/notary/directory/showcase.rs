//! One notary with everything that others may see: one lookup.

use jiff::{Timestamp, civil::Date};
use postgres_types::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::found;
use crate::{
    db::{Db, DbError},
    ids::NotaryId,
    key,
    notary::offices::{
        Country, Offer, OfficeKind, Service, Specialisation,
        picture::{Picture, office_picture},
        services_of,
    },
};

/// A notary, as everybody sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = NotaryShowcase)]
pub struct Showcase {
    /// The office.
    pub id: NotaryId,
    /// The notary's first name.
    pub first_name: String,
    /// The notary's last name.
    pub last_name: String,
    /// What the office is called.
    pub office_name: String,
    /// How it is kept.
    pub office_kind: OfficeKind,
    /// The number in the roll of notaries.
    pub roll_number: Option<String>,
    /// The notarial district.
    pub district: Option<String>,
    /// Since when the notary is in the roll.
    #[schema(value_type = Option<String>, format = Date)]
    pub enrolled_on: Option<Date>,
    /// What clients should know.
    pub bio: String,
    /// What the notary is known for.
    pub specialisations: Vec<Specialisation>,
    /// Languages that are spoken, by their ISO 639-1 codes.
    pub languages: Vec<String>,
    /// Years of experience.
    pub experience_years: Option<i16>,
    /// What clients can do over this service.
    pub offers: Vec<Offer>,
    /// Of the office.
    pub phone: Option<String>,
    /// Where clients write to.
    pub office_email: Option<String>,
    /// The address for certified mail.
    pub certified_address: Option<String>,
    /// An `http` or `https` address.
    pub website: Option<String>,
    /// Street and number.
    pub street: Option<String>,
    /// The postal code.
    pub postal_code: Option<String>,
    /// The city.
    pub city: String,
    /// The province, by its two letters.
    pub province: String,
    /// Where the office is.
    pub country: Country,
    /// Where on the map, in degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// What it looks like.
    pub picture: Option<Picture>,
    /// What it offers, in its order.
    pub services: Vec<Service>,
    /// The average of its reviews, 1 to 5; `null` without any.
    pub rating: Option<f64>,
    /// How many reviews.
    pub reviews: i32,
    /// How many acts.
    pub acts: i32,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub version: i64,
}

/// A notary who is found on `today`.
pub async fn showcase(db: &Db, id: NotaryId, today: Date) -> Result<Option<Showcase>, DbError> {
    const SHOWCASE: &str = concat!(
        "-- notary.directory.showcase
        SELECT k.n, (SELECT to_jsonb(c) FROM (SELECT n.id, n.first_name, n.last_name, n.office_name, n.office_kind,
            n.roll_number, n.district, n.enrolled_on, n.bio, n.specialisations, n.languages, n.experience_years, n.offers,
            n.phone, n.office_email, n.certified_address, n.website, n.street, n.postal_code, n.city, n.province, n.country,
            n.latitude, n.longitude, ",
        office_picture!("n"),
        " AS picture, ",
        services_of!(),
        " AS services, CASE WHEN n.rating_count > 0 THEN n.rating END AS rating, n.rating_count AS reviews,
            n.acts_count AS acts, n.updated_at, n.version) AS c) AS showcase
        FROM unnest($1::uuid[], $2::date[]) WITH ORDINALITY AS k (office, today, n)
        JOIN notary AS n ON n.id = k.office AND ",
        found!("k.today")
    );
    let rows = db.public().lookup(SHOWCASE, key![id, today]).await?;
    Ok(rows.first().map(|row| row.get::<_, Json<Showcase>>("showcase").0))
}
