//! What is said of a patient.

use jiff::{Timestamp, civil::Date};
use postgres_types::Json;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::{
    clinic::{
        laboratory::{flags, identity::Person},
        rules::score::{EndometriosisStage, Ovulation, Tubes},
    },
    ids::{ClinicId, PatientId},
};

/// What figures distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PatientSex)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Neither, or not known.
    Other,
}

impl Sex {
    /// The one for which ranges differ.
    pub const fn of_ranges(self) -> Option<flags::Sex> {
        match self {
            Self::Female => Some(flags::Sex::Female),
            Self::Male => Some(flags::Sex::Male),
            Self::Other => None,
        }
    }
}

/// Whether somebody smokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Smoking {
    /// Never has.
    Never,
    /// Not any more.
    Former,
    /// Does.
    Current,
}

/// Longest notes, in characters.
pub const NOTES_MAX: usize = 4000;

/// How somebody lives; what is not known is `null`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lifestyle {
    /// Whether the patient smokes.
    pub smoking: Option<Smoking>,
    /// Cigarettes a day.
    #[schema(minimum = 0, maximum = 200)]
    pub cigarettes_per_day: Option<i16>,
    /// Units of alcohol a week, of 10 g each.
    #[schema(minimum = 0, maximum = 200)]
    pub alcohol_units_per_week: Option<f64>,
    /// Height in centimetres.
    #[schema(minimum = 50, maximum = 250)]
    pub height_cm: Option<f64>,
    /// Weight in kilograms.
    #[schema(minimum = 20, maximum = 400)]
    pub weight_kg: Option<f64>,
}

/// What is known of tubes, cycle and endometriosis; what is not known is `null`. It counts in the fertility score.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PatientHistory)]
pub struct History {
    /// The state of the tubes, from hysterosalpingography, sonography or laparoscopy.
    pub tubes: Option<Tubes>,
    /// Whether eggs are released.
    pub ovulation: Option<Ovulation>,
    /// The stage of endometriosis, as a surgeon has seen it; `None`: looked for, not found.
    pub endometriosis: Option<EndometriosisStage>,
    /// From the first day of bleeding to the day before the next.
    #[schema(minimum = 10, maximum = 365)]
    pub cycle_length_days: Option<i16>,
    /// The day of which all of this is said: needed as soon as something is. After two years only the stage counts.
    #[schema(value_type = Option<String>, format = Date)]
    pub as_of: Option<Date>,
}

impl History {
    /// Whether it says nothing but perhaps a day.
    pub fn is_empty(&self) -> bool {
        *self == Self { as_of: self.as_of, ..Self::default() }
    }

    /// With what another record of the same patient knows besides, which must not look newer than it is: what was said before
    /// is not taken to this one's day.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        if self.is_empty() {
            return other.clone();
        }
        if other.as_of < self.as_of {
            return self.clone();
        }
        Self {
            tubes: self.tubes.or(other.tubes),
            ovulation: self.ovulation.or(other.ovulation),
            endometriosis: self.endometriosis.or(other.endometriosis),
            cycle_length_days: self.cycle_length_days.or(other.cycle_length_days),
            as_of: self.as_of,
        }
    }
}

/// What a clinic says of a patient. The names of the fields are those of the columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PatientContent)]
pub struct Content {
    /// The number of the record in this clinic: 3 to 20 letters, digits and single hyphens, slashes and dots, with a digit.
    /// When it is left out, the patient gets one.
    #[schema(min_length = 3, max_length = 60)]
    pub medical_record_number: Option<String>,
    /// The first name.
    #[schema(min_length = 1, max_length = 100)]
    pub first_name: String,
    /// The last name.
    #[schema(min_length = 1, max_length = 100)]
    pub last_name: String,
    /// The day of birth. It must be given; of an anonymised patient the first of January is left, or nothing.
    #[schema(value_type = Option<String>, format = Date)]
    pub born_on: Option<Date>,
    /// What figures distinguish.
    pub sex: Sex,
    /// The codice fiscale: 16 characters, or 11 digits of a provisional one.
    #[schema(min_length = 11, max_length = 60)]
    pub fiscal_code: Option<String>,
    /// Where the patient is written to.
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// Where the patient is called.
    #[schema(min_length = 5, max_length = 20)]
    pub phone: Option<String>,
    /// Who pays.
    #[schema(min_length = 1, max_length = 200)]
    pub insurance: Option<String>,
    /// Who has sent the patient.
    #[schema(min_length = 1, max_length = 200)]
    pub referring_physician: Option<String>,
    /// The partner, a patient of the same clinic.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub partner_patient_id: Option<PatientId>,
    /// How the patient lives.
    #[serde(default)]
    pub lifestyle: Lifestyle,
    /// What is known of tubes, cycle and endometriosis; not of a man: it is said in his partner's record.
    #[serde(default)]
    pub history: History,
    /// What else the clinic should know.
    #[serde(default)]
    #[schema(max_length = 4000)]
    pub notes: String,
    /// Somebody has looked: this is nobody of those who were answered as `likely_duplicate`.
    #[serde(default, skip_serializing)]
    #[schema(write_only)]
    pub is_distinct: bool,
}

impl Content {
    /// Whom the patient's documents are about.
    pub fn person(&self) -> Person {
        Person {
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            born_on: self.born_on,
            fiscal_code: self.fiscal_code.clone(),
            sex: self.sex.of_ranges(),
        }
    }
}

/// A patient.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Patient {
    /// Its id.
    pub id: PatientId,
    /// The clinic.
    pub clinic_id: ClinicId,
    /// What the clinic says.
    #[serde(flatten)]
    pub content: Content,
    /// Since when there is consent; `null`: nothing may be uploaded, analysed or reported.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub consented_at: Option<Timestamp>,
    /// When something was last written about the patient: from then on the record is kept for its time.
    #[schema(value_type = String, format = DateTime)]
    pub last_entry_at: Timestamp,
    /// When it was archived; nothing is written any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<Timestamp>,
    /// When it was made anonymous.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub anonymised_at: Option<Timestamp>,
    /// The record that has taken everything of this one.
    #[serde(skip)]
    #[schema(ignore)]
    pub merged_into: Option<PatientId>,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// The columns that [`Content`] names.
macro_rules! patient_content {
    () => {
        "medical_record_number, first_name, last_name, born_on, sex, fiscal_code, email, phone, insurance, \
         referring_physician, partner_patient_id, lifestyle, history, notes"
    };
}

/// What a [`Patient`] is read from: a row `p`.
macro_rules! patient_columns {
    () => {
        "p.id, p.clinic_id, (SELECT to_jsonb(x) FROM (SELECT p.medical_record_number, p.first_name, p.last_name, \
         p.born_on, p.sex, p.fiscal_code, p.email, p.phone, p.insurance, p.referring_physician, p.partner_patient_id, \
         p.lifestyle, p.history, p.notes) AS x) AS content, p.consented_at, p.last_entry_at, p.archived_at, p.anonymised_at, \
         p.merged_into, p.created_at, p.updated_at, p.version"
    };
}

impl Patient {
    /// Who has consented in a clinic (`$1`), newest first, at most `$2`: for who writes down what a clinic may have.
    pub const CONSENTING: &str = concat!(
        "-- clinic.patients.consenting
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.clinic_id = $1 AND p.consented_at IS NOT NULL ORDER BY p.id DESC LIMIT $2"
    );

    /// Of such a row.
    pub fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            clinic_id: row.get("clinic_id"),
            content: row.get::<_, Json<Content>>("content").0,
            consented_at: row.get("consented_at"),
            last_entry_at: row.get("last_entry_at"),
            archived_at: row.get("archived_at"),
            anonymised_at: row.get("anonymised_at"),
            merged_into: row.get("merged_into"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn what_another_record_knows_never_looks_newer_than_it_is() {
        let ours =
            History { tubes: Some(Tubes::OneBlocked), as_of: Some(date(2026, 3, 1)), ..History::default() };
        let theirs = |on| History {
            tubes: Some(Tubes::BothOpen),
            ovulation: Some(Ovulation::Regular),
            as_of: Some(on),
            ..History::default()
        };
        let later = theirs(date(2026, 5, 1));
        assert_eq!(ours.with(&later), History { ovulation: Some(Ovulation::Regular), ..ours.clone() });
        assert_eq!(ours.with(&theirs(date(2024, 5, 1))), ours);
        assert_eq!(ours.with(&History::default()), ours);
        let empty = History { as_of: Some(date(2026, 9, 9)), ..History::default() };
        assert_eq!(empty.with(&later), later);
        assert_eq!((empty.is_empty(), later.is_empty()), (true, false));
    }
}
