//! Patients of a clinic, newest first, or those whom words fit.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};

use crate::{
    args,
    clinic::rules::patient::duplicates::name_key,
    db::{Db, DbError},
    ids::{PatientId, UserId},
};

/// More words make a query slow, not better.
const WORDS_MAX: usize = 8;

/// Which records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PatientState)]
pub enum State {
    /// Those that are written to.
    #[default]
    Active,
    /// Those that are archived, or anonymous.
    Archived,
    /// All.
    All,
}

impl State {
    pub(in crate::clinic) const fn is_archived(self) -> Option<bool> {
        match self {
            Self::Active => Some(false),
            Self::Archived => Some(true),
            Self::All => None,
        }
    }
}

/// Which patients; everything that is given must fit.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Beginnings of names, of the medical record number, or of the fiscal code; also of records that were merged, which lead to
    /// the one that is kept. Blank is the same as none, also of the two that follow.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// This medical record number; also of a record that was merged.
    #[param(max_length = 60)]
    pub medical_record_number: Option<String>,
    /// This fiscal code.
    #[param(max_length = 60)]
    pub fiscal_code: Option<String>,
    /// Which records; `active` if nothing is said.
    #[param(inline)]
    pub state: Option<State>,
    /// With or without consent.
    pub has_consented: Option<bool>,
}

/// A patient in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PatientCard {
    /// The patient.
    pub id: PatientId,
    /// The number of the record.
    pub medical_record_number: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The day of birth.
    #[schema(value_type = Option<String>, format = Date)]
    pub born_on: Option<Date>,
    /// `female`, `male` or `other`.
    pub sex: String,
    /// The codice fiscale.
    pub fiscal_code: Option<String>,
    /// Since when there is consent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub consented_at: Option<Timestamp>,
    /// When something was last written.
    #[schema(value_type = String, format = DateTime)]
    pub last_entry_at: Timestamp,
    /// When it was archived.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<Timestamp>,
}

macro_rules! patient_card {
    () => {
        "p.id, p.medical_record_number, p.first_name, p.last_name, p.born_on, p.sex, p.fiscal_code, p.consented_at, \
         p.last_entry_at, p.archived_at"
    };
}

/// Where a record stands: 1 for those that are archived, and 2 for those of whom there is consent. The expression of the index
/// `patient_shelf`.
macro_rules! patient_shelf {
    () => {
        "((p.archived_at IS NOT NULL)::int + 2 * (p.consented_at IS NOT NULL)::int)"
    };
}

/// The shelves where records of this state stand, with consent or without.
pub fn shelves(state: State, has_consented: Option<bool>) -> Vec<i32> {
    let fits = |shelf: &i32| {
        state.is_archived().is_none_or(|it| it == (shelf & 1 == 1))
            && has_consented.is_none_or(|it| it == (shelf & 2 == 2))
    };
    (0..4).filter(fits).collect()
}

impl PatientCard {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            medical_record_number: row.get("medical_record_number"),
            first_name: row.get("first_name"),
            last_name: row.get("last_name"),
            born_on: row.get("born_on"),
            sex: row.get("sex"),
            fiscal_code: row.get("fiscal_code"),
            consented_at: row.get("consented_at"),
            last_entry_at: row.get("last_entry_at"),
            archived_at: row.get("archived_at"),
        }
    }
}

/// The newest patients of the clinic of `$1` on the shelves `$3`: of each as many as are wanted, by the index, however few of the
/// clinic's records stand there.
pub const NEWEST: &str = concat!(
    "-- clinic.patients.newest
    SELECT c.* FROM unnest($3::int[]) AS s (shelf) CROSS JOIN LATERAL (SELECT ",
    patient_card!(),
    " FROM patient AS p WHERE ",
    at_clinic!("read_patients", "p.clinic_id", "$1"),
    " AND p.merged_into IS NULL AND ",
    patient_shelf!(),
    " = s.shelf AND p.id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') ORDER BY p.id DESC LIMIT $4) AS c
    ORDER BY c.id DESC LIMIT $4"
);

/// Those whom words fit: found by the index first, however rare or common the words are. A record that was merged leads to the
/// one that is kept, which the old number still finds.
pub const FOUND: &str = concat!(
    "-- clinic.patients.found
    SELECT ",
    patient_card!(),
    " FROM patient AS p WHERE p.id = ANY (ARRAY(SELECT coalesce(m.merged_into, m.id) FROM patient AS m WHERE ",
    at_clinic!("read_patients", "m.clinic_id", "$1"),
    " AND m.search @@ CAST($5::text AS tsquery) AND ($6::text IS NULL OR m.medical_record_number = $6)
          AND ($7::text IS NULL OR m.fiscal_code = $7)))
      AND p.merged_into IS NULL AND ($2::uuid IS NULL OR p.id < $2) AND ",
    patient_shelf!(),
    " = ANY ($3::int[]) ORDER BY p.id DESC LIMIT $4"
);

/// Patients that fit, newest first, from below `before` on.
pub async fn list(
    db: &Db,
    user: UserId,
    filter: &Filter,
    before: Option<PatientId>,
    limit: i64,
) -> Result<Vec<PatientCard>, DbError> {
    let Filter { q, medical_record_number, fiscal_code, state, has_consented } = filter;
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let [q, medical_record_number, fiscal_code] = [q, medical_record_number, fiscal_code].map(given);
    let shelves = shelves(state.unwrap_or_default(), *has_consented);
    let is_sought = [&q, &medical_record_number, &fiscal_code].iter().any(|it| it.is_some());
    let rows = if is_sought {
        let number = medical_record_number.as_deref().map(upper);
        let code = fiscal_code.as_deref().map(upper);
        let whole = [&number, &code].into_iter().flatten().map(|it| format!("'{}'", plain(it)));
        let begun = q.as_deref().map(words).unwrap_or_default();
        let terms: Vec<String> = whole.chain(begun.iter().map(|it| format!("'{it}':*"))).collect();
        if terms.is_empty() || terms.iter().any(|term| term.starts_with("''")) {
            return Ok(Vec::new()); // nothing but punctuation was typed
        }
        let terms = terms.join(" & ");
        db.read(FOUND, args![user, before, shelves, limit, terms, number, code]).await?
    } else {
        db.read(NEWEST, args![user, before, shelves, limit]).await?
    };
    Ok(rows.iter().map(PatientCard::from_row).collect())
}

fn upper(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}

fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// What of `q` may be the beginning of a word of `patient.search`: numbers without their punctuation, names as they are
/// compared. Letters and digits alone: nothing that people type becomes the syntax of a query.
fn words(q: &str) -> Vec<String> {
    let pieces = q.split_whitespace().flat_map(|piece| {
        if piece.bytes().any(|c| c.is_ascii_digit()) {
            vec![plain(piece)]
        } else {
            name_key(piece, "").split(' ').map(str::to_owned).collect()
        }
    });
    pieces.filter(|word| !word.is_empty()).take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::{State, shelves, words};

    #[test]
    fn records_stand_on_four_shelves() {
        assert_eq!(shelves(State::All, None), [0, 1, 2, 3]);
        assert_eq!(shelves(State::Active, None), [0, 2]);
        assert_eq!(shelves(State::Archived, None), [1, 3]);
        assert_eq!(shelves(State::All, Some(true)), [2, 3]);
        assert_eq!(shelves(State::Active, Some(false)), [0]);
        assert_eq!(shelves(State::Archived, Some(true)), [3]);
    }

    #[test]
    fn what_people_type_is_words_and_never_syntax() {
        let check = |text: &str, expected: &[&str]| assert_eq!(words(text), expected, "{text:?}");
        check("Niccolò  D'Angelo", &["niccolo", "dangelo"]);
        check("mr-7K2/9", &["mr7k29"]);
        check("Anna-Maria", &["anna", "maria"]);
        check("' | a:* & !b -- 1=1", &["a", "b", "11"]);
        check("'; ) \\", &[]);
        check("a b c d e f g h i j", &["a", "b", "c", "d", "e", "f", "g", "h"]);
    }
}
