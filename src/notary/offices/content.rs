//! What a notary says of the own office.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

stored! {
    /// How an office is kept.
    OfficeKind as OfficeKind {
        /// By one notary.
        Single = "single",
        /// By several, each with a licence.
        Associated = "associated",
        /// By a company of professionals.
        Company = "company",
    }
}

stored! {
    /// Where an office is.
    Country as OfficeCountry {
        /// Italy.
        Italy = "IT",
        /// San Marino.
        SanMarino = "SM",
    }
}

stored! {
    /// What a notary is known for: the categories of acts.
    Specialisation as NotarySpecialisation {
        /// Powers of attorney.
        PowersOfAttorney = "powers_of_attorney",
        /// Persons and family.
        PersonsAndFamily = "persons_and_family",
        /// Successions and donations.
        SuccessionsAndDonations = "successions_and_donations",
        /// Property and sales.
        PropertyAndSales = "property_and_sales",
        /// Obligations and contracts.
        ObligationsAndContracts = "obligations_and_contracts",
        /// Companies.
        Companies = "companies",
        /// Formalities and protection.
        FormalitiesAndProtection = "formalities_and_protection",
        /// Special rules.
        SpecialRules = "special_rules",
    }
}

stored! {
    /// What clients can do with an office over this service.
    Offer as OfficeOffer {
        /// Hand in documents.
        Documents = "documents",
        /// Book appointments.
        Agenda = "agenda",
        /// Write to the office.
        Chat = "chat",
        /// Read their acts.
        Acts = "acts",
        /// Sign digitally.
        Signature = "signature",
        /// Receive certified mail.
        CertifiedMail = "certified_mail",
        /// Have documents conserved.
        Conservation = "conservation",
    }
}

/// A language by its ISO 639-1 code.
pub type Language = String;

/// An office, as its notary describes it. The names of the fields are those of the columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OfficeContent)]
pub struct Content {
    /// The notary's first name.
    #[schema(min_length = 1, max_length = 100)]
    pub first_name: String,
    /// The notary's last name.
    #[schema(min_length = 1, max_length = 100)]
    pub last_name: String,
    /// What the office is called.
    #[schema(min_length = 1, max_length = 200)]
    pub office_name: String,
    /// How it is kept.
    #[serde(default = "single")]
    pub office_kind: OfficeKind,
    /// The number in the roll of notaries.
    #[schema(min_length = 1, max_length = 30)]
    pub roll_number: Option<String>,
    /// The notarial district.
    #[schema(min_length = 1, max_length = 100)]
    pub district: Option<String>,
    /// Since when the notary is in the roll.
    #[schema(value_type = Option<String>, format = Date)]
    pub enrolled_on: Option<Date>,
    /// The notary's codice fiscale: 16 characters, of which the last proves the others. Only the notary sees it.
    #[schema(min_length = 16, max_length = 16)]
    pub fiscal_code: Option<String>,
    /// The partita IVA (11 digits), or the operator code of San Marino (`SM` and up to five digits). Only the notary sees it.
    #[schema(min_length = 3, max_length = 13)]
    pub vat_number: Option<String>,
    /// What clients should know.
    #[serde(default)]
    #[schema(max_length = 4000)]
    pub bio: String,
    /// What the notary is known for.
    #[serde(default)]
    #[schema(max_items = 8)]
    pub specialisations: Vec<Specialisation>,
    /// Languages that are spoken, by their ISO 639-1 codes.
    #[serde(default = "italian")]
    #[schema(min_items = 1, max_items = 10, example = json!(["it", "en"]))]
    pub languages: Vec<Language>,
    /// Years of experience.
    #[schema(minimum = 0, maximum = 70)]
    pub experience_years: Option<i16>,
    /// What clients can do over this service.
    #[serde(default)]
    #[schema(max_items = 7)]
    pub offers: Vec<Offer>,
    /// Of the office.
    #[schema(min_length = 5, max_length = 20)]
    pub phone: Option<String>,
    /// Where clients write to.
    #[schema(max_length = 254)]
    pub office_email: Option<String>,
    /// The address for certified mail.
    #[schema(max_length = 254)]
    pub certified_address: Option<String>,
    /// An `http` or `https` address.
    #[schema(max_length = 300)]
    pub website: Option<String>,
    /// Street and number.
    #[schema(min_length = 1, max_length = 200)]
    pub street: Option<String>,
    /// The postal code.
    #[schema(min_length = 1, max_length = 10)]
    pub postal_code: Option<String>,
    /// The city.
    #[schema(min_length = 1, max_length = 100)]
    pub city: String,
    /// The province, by its two letters; `SM` in San Marino.
    #[schema(min_length = 2, max_length = 2, example = "BO")]
    pub province: String,
    /// Where the office is.
    #[serde(default = "italy")]
    pub country: Country,
    /// Where on the map, in degrees north; with `longitude` or not at all.
    #[schema(minimum = -90, maximum = 90)]
    pub latitude: Option<f64>,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    pub longitude: Option<f64>,
    /// Whether the office wants to be found.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_listed: bool,
}

const fn single() -> OfficeKind {
    OfficeKind::Single
}

fn italian() -> Vec<Language> {
    vec!["it".to_owned()]
}

const fn italy() -> Country {
    Country::Italy
}

const fn yes() -> bool {
    true
}

impl Content {
    /// Whether this is still the notary that an administrator has verified, who has seen `before`.
    pub fn is_same_notary(&self, before: &Self) -> bool {
        let names = |it: &Self| (it.first_name.clone(), it.last_name.clone(), it.roll_number.clone());
        let codes = |it: &Self| (it.district.clone(), it.fiscal_code.clone(), it.vat_number.clone());
        names(self) == names(before) && codes(self) == codes(before)
    }
}

/// The columns of [`Content`], without the name of their table: they are read from a row, and from a record of JSON.
macro_rules! office_content {
    () => {
        "first_name, last_name, office_name, office_kind, roll_number, district, enrolled_on, fiscal_code, vat_number, bio, \
         specialisations, languages, experience_years, offers, phone, office_email, certified_address, website, street, \
         postal_code, city, province, country, latitude, longitude, is_listed"
    };
}
pub(super) use office_content;
