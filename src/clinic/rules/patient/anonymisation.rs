//! What is left of a patient who is forgotten: a rule for every field, and when it is due.
//!
//! Sources: GDPR recital 26 (what nobody can be identified by is not personal data) and article 17; the safe harbour list of
//! HIPAA, 45 CFR 164.514(b)(2), as a list of what identifies: names, addresses below a region, days, numbers, contacts, faces,
//! anything else unique; ages over 89 are one class. Values of analyses stay, as figures without a person.
//!
//! Retention is seven years from the last contact, as the desk's specification says. Laws may demand longer (in Italy the
//! clinical record of an inpatient is kept without limit; cells used in assisted reproduction stay traceable for 30 years,
//! directive 2004/23/EC, article 8): whoever runs a clinic
//! sets it longer, and a legal hold stops it.
//!
//! Invariant: every field about a patient is in [`Field`]; whatever stores patients compares its columns with `Field::ALL`.

use jiff::{ToSpan as _, civil::Date};

/// Years after the last contact, unless somebody sets more.
pub const RETENTION_YEARS: i16 = 7;
/// People of more years are one class.
const AGE_CLASS: i16 = 89;

/// What happens to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// It is emptied.
    Remove,
    /// Something that says nothing takes its place, where there must be something.
    Replace,
    /// Less of it stays, see [`kept_birth_year`].
    Coarsen,
    /// The object behind it is deleted, and everything read from it that is not a figure.
    DeleteContent,
    /// It stays: alone, it identifies nobody.
    Keep,
}

/// Declares the fields: name as in the store, rule, reason.
macro_rules! fields {
    ($($name:ident = $text:literal, $rule:ident, $reason:literal;)+) => {
        /// A field that holds something about a patient.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field { $(#[doc = $reason] $name,)+ }

        impl Field {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// As it is called in the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What happens to it.
            pub const fn rule(self) -> Rule {
                match self { $(Self::$name => Rule::$rule,)+ }
            }

            /// Why.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)+ }
            }
        }
    };
}

fields! {
    MedicalRecordNumber = "medical_record_number", Replace, "A number identifies; the column is unique and needs one.";
    FirstName = "first_name", Remove, "A name identifies.";
    LastName = "last_name", Replace, "A name identifies; lists show that the record is anonymous.";
    NameKey = "name_key", Remove, "It is the name.";
    BirthDate = "birth_date", Coarsen, "The day identifies together with little else; figures need the year.";
    Gender = "gender", Keep, "Two or three classes; figures need it.";
    FiscalCode = "fiscal_code", Remove, "It names one person.";
    Email = "email", Remove, "A contact identifies.";
    Phone = "phone", Remove, "A contact identifies.";
    Address = "address", Remove, "A place below a region identifies.";
    Insurance = "insurance", Remove, "Numbers of policies identify.";
    ReferringPhysician = "referring_physician", Remove, "It is a name, of somebody else.";
    Partner = "partner", Remove, "It names somebody else.";
    Notes = "notes", Remove, "Nobody knows what was written there.";
    DocumentName = "document_name", Replace, "Names of files hold names of people.";
    DocumentContent = "document_content", DeleteContent, "Every page has a name on it.";
    ExtractedText = "extracted_text", Remove, "It is what the pages say.";
    SourceSpan = "source_span", Remove, "It quotes the text around a value.";
    Value = "value", Keep, "A figure with its unit; without the person it is statistics.";
    ValueDate = "value_date", Coarsen, "Days of visits identify; the year stays.";
    Analysis = "analysis", Keep, "Grades and codes.";
    Score = "score", Keep, "Figures and codes; the name of a source goes with the document.";
    Consent = "consent", Keep, "That it was given and withdrawn must stay provable; the person is gone.";
    Report = "report", DeleteContent, "A report has the name on it.";
    Likeness = "likeness", Remove, "It links to another person.";
}

/// The year of birth that stays; none for people over 89, who are one class.
pub fn kept_birth_year(birth: Date, today: Date) -> Option<i16> {
    let age = super::birth::age(birth, today).ok()?;
    // Somebody turns 90 this year: the year would say it.
    let turns = today.year() - birth.year();
    (age.max(turns) <= AGE_CLASS).then(|| birth.year())
}

/// The first day on which a patient is to be anonymised.
pub fn due_on(last_contact: Date, years: i16) -> Date {
    // 29 February becomes 28 in years that have none; nobody minds the day.
    let years = years.max(RETENTION_YEARS);
    last_contact.saturating_add(years.years()).saturating_add(1.day())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_field_has_one_name_and_a_reason() {
        let names: BTreeSet<_> = Field::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(names.len(), Field::ALL.len());
        assert!(Field::ALL.iter().all(|it| it.reason().ends_with('.')));
    }

    #[test]
    fn what_names_somebody_never_stays() {
        let kept: Vec<_> =
            Field::ALL.iter().filter(|it| it.rule() == Rule::Keep).map(|it| it.as_str()).collect();
        assert_eq!(kept, ["gender", "value", "analysis", "score", "consent"]);
    }

    #[test]
    fn people_over_eighty_nine_are_one_class() {
        let today = date(2026, 11, 22);
        for (birth, expected) in [
            (date(1985, 12, 10), Some(1985)),
            (date(1937, 1, 1), Some(1937)),
            (date(1936, 12, 31), None),
            (date(1936, 11, 22), None),
            (date(1930, 1, 1), None),
            (date(2027, 1, 1), None),
        ] {
            assert_eq!(kept_birth_year(birth, today), expected, "{birth}");
        }
    }

    #[test]
    fn it_is_due_on_the_day_after_seven_years_and_never_sooner() {
        for (last, years, expected) in [
            (date(2019, 11, 21), 7, date(2026, 11, 22)),
            (date(2020, 2, 29), 7, date(2027, 3, 1)),
            (date(2019, 11, 21), 30, date(2049, 11, 22)),
            (date(2019, 11, 21), 1, date(2026, 11, 22)),
        ] {
            assert_eq!(due_on(last, years), expected);
        }
    }
}
