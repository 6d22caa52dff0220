//! What is left of a patient who is forgotten: a rule for every column about one.
//!
//! Sources: GDPR recital 26 (what nobody can be identified by is not personal data) and article 17; the safe harbour list of
//! HIPAA, 45 CFR 164.514(b)(2), as a list of what identifies: names, addresses below a region, days, numbers, contacts, faces,
//! anything else unique; ages over 89 are one class. Values of analyses stay, as figures without a person.
//!
//! It is due `clinic.keep_patients` after the last entry, seven years unless somebody sets more, as the desk's specification says.
//! Laws may demand longer (in Italy the clinical record of an inpatient is kept without limit; cells used in assisted
//! reproduction stay traceable for 30 years, directive 2004/23/EC, article 8): whoever runs a clinic sets it longer. Nothing stops
//! it for one patient alone but an entry.
//!
//! What stays beside the figures, and is not hidden: ids of rows, which tell to the millisecond when a row was made (UUIDv7; other
//! rows and the audit log name them); when it was consented, taken back and merged; when the record was made anonymous; and the
//! audit log, which has ids and no names, for its own time. Days are made coarse so that nobody is shown them, in no answer, export
//! or statistic; who can read the database can still tell them from the ids. What jobs know of the patient and answers that are
//! kept to be repeated go with the patient ([`crate::clinic::retention`]); what another system has asked for and was never done
//! goes after its time ([`crate::clinic::emr::batch::KEEP`]).
//!
//! Invariant: every column of a table about patients is in [`Field`] or in [`NOBODYS`]: a test compares them with the database.

use jiff::civil::Date;

/// People of more years are one class.
const AGE_CLASS: i16 = 89;

/// What happens to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// It is emptied.
    Remove,
    /// Something that says nothing takes its place, where there must be something.
    Replace,
    /// Less of it stays: the year. See [`kept_birth_year`].
    Coarsen,
    /// The object behind it is deleted, and everything read from it that is not a figure.
    DeleteContent,
    /// It stays: alone, it identifies nobody.
    Keep,
}

/// Declares the fields: name, rule, columns, reason.
macro_rules! fields {
    ($($name:ident = $text:literal, $rule:ident, [$($column:literal),+ $(,)?], $reason:literal;)+) => {
        /// A field that holds something about a patient.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field { $(#[doc = $reason] $name,)+ }

        impl Field {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What it is called.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What happens to it.
            pub const fn rule(self) -> Rule {
                match self { $(Self::$name => Rule::$rule,)+ }
            }

            /// Where it is kept: tables and columns.
            pub const fn columns(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($column),+],)+ }
            }

            /// Why.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)+ }
            }
        }
    };
}

fields! {
    MedicalRecordNumber = "medical_record_number", Replace, ["patient.medical_record_number"],
        "A number identifies; the column is unique and needs one.";
    FirstName = "first_name", Replace, ["patient.first_name"], "A name identifies; the column needs one.";
    LastName = "last_name", Replace, ["patient.last_name"], "A name identifies; lists show that the record is anonymous.";
    NameKey = "name_key", Remove, ["patient.name_key", "patient.search"], "It is the name, and what else is found by words.";
    BirthDate = "birth_date", Coarsen, ["patient.born_on"],
        "The day identifies together with little else; figures need the year.";
    Gender = "gender", Keep, ["patient.sex"], "Two or three classes; figures need it.";
    FiscalCode = "fiscal_code", Remove, ["patient.fiscal_code"], "It names one person.";
    Email = "email", Remove, ["patient.email"], "A contact identifies.";
    Phone = "phone", Remove, ["patient.phone"], "A contact identifies.";
    Insurance = "insurance", Remove, ["patient.insurance"], "Numbers of policies identify.";
    ReferringPhysician = "referring_physician", Remove, ["patient.referring_physician"], "It is a name, of somebody else.";
    Partner = "partner", Remove, ["patient.partner_patient_id"], "It names somebody else.";
    Lifestyle = "lifestyle", Keep, ["patient.lifestyle"], "Weight, height, smoking: figures as others.";
    History = "history", Keep, ["patient.history"], "Tubes, cycle, endometriosis: figures as others; their day goes.";
    Notes = "notes", Remove, ["patient.notes", "graded_analysis.item", "patient_consent.note", "patient_document.note", "graded_analysis.label",
        "graded_analysis.note"], "Nobody knows what was written there.";
    DocumentName = "document_name", Replace, ["patient_document.name"], "Names of files hold names of people.";
    DocumentContent = "document_content", DeleteContent, ["patient_document.document_id", "patient_document.upload_id"], "Every page has a name on it.";
    Document = "document", Keep, ["patient_document.kind", "patient_document.status", "patient_document.run",
        "patient_document.job_id", "patient_document.step", "patient_document.failure", "patient_document.page_count",
        "patient_document.text_from", "patient_document.confidence", "patient_document.domains", "patient_document.method",
        "patient_document.uploaded_by", "patient_document.confirmed_by"], "That there was one of a kind, and how its analysis ended.";
    ReportDate = "report_date", Remove, ["patient_document.reported_on"], "Days of visits identify.";
    Findings = "findings", Remove, ["patient_document.findings", "patient_document.unread"], "They quote what the pages say.";
    ExtractedText = "extracted_text", Remove, ["patient_document_text.pages", "patient_document_text.next_pages"], "It is what the pages say.";
    SourceSpan = "source_span", Remove, ["laboratory_value.patient_document_id", "laboratory_value.page",
        "laboratory_value.line", "laboratory_value.span_start", "laboratory_value.span_end",
        "graded_analysis.patient_document_id", "graded_analysis.places"], "It leads to the page around a value.";
    ExternalId = "external_id", Remove, ["laboratory_value.external_id", "laboratory_value.also_called", "graded_analysis.case_id"],
        "Another system knows whose it is.";
    Value = "value", Keep, ["laboratory_value.source", "laboratory_value.analyte", "laboratory_value.loinc",
        "laboratory_value.comparator", "laboratory_value.number", "laboratory_value.finding", "laboratory_value.unit",
        "laboratory_value.canonical", "laboratory_value.canonical_unit", "laboratory_value.range_low",
        "laboratory_value.range_high", "laboratory_value.flag", "laboratory_value.printed_flag",
        "laboratory_value.confidence", "laboratory_value.doubts", "laboratory_value.domains",
        "laboratory_value.recorded_by"], "A figure with its unit; without the person it is statistics.";
    ValueDate = "value_date", Coarsen, ["laboratory_value.observed_on", "graded_analysis.observed_on"],
        "Days of visits identify; the year stays.";
    Analysis = "analysis", Keep, ["graded_analysis.kind", "graded_analysis.source", "graded_analysis.input",
        "graded_analysis.result", "graded_analysis.method", "graded_analysis.recorded_by"], "Grades and codes.";
    Score = "score", Keep, ["fertility_score.overall", "fertility_score.band", "fertility_score.coverage",
        "fertility_score.result", "fertility_score.method", "fertility_score.is_outdated"], "Figures and codes; its inputs, with days and sources, go.";
    ScoreInputs = "score_inputs", Replace, ["fertility_score.inputs_hash", "fertility_score.due_on"],
        "Days and sources, also behind their hash.";
    Consent = "consent", Keep, ["patient_consent.is_given", "patient_consent.wording", "patient_consent.recorded_by",
        "patient_consent.at"], "That it was given and withdrawn must stay provable; the person is gone.";
    Consented = "consented", Remove, ["patient.consented_at"], "Nothing is written any more.";
    Merge = "merge", Keep, ["patient.merged_into", "patient_merge.source_id", "patient_merge.target_id",
        "patient_merge.filled", "patient_merge.moved", "patient_merge.differed", "patient_merge.merged_by",
        "patient_merge.merged_at"],
        "Which records were one person's: ids, counts and names of fields.";
    WrittenAt = "written_at", Coarsen, ["patient.created_at", "patient.last_entry_at", "patient.archived_at",
        "patient_document.created_at", "patient_document.updated_at", "patient_document.analysed_at",
        "patient_document.confirmed_at",
        "laboratory_value.created_at", "laboratory_value.withdrawn_at", "graded_analysis.created_at", "graded_analysis.updated_at",
        "graded_analysis.withdrawn_at", "fertility_score.computed_at"],
        "Mostly the day of the visit, or the next.";
    Report = "report", DeleteContent, ["patient_report.language", "patient_report.layout", "patient_report.content_hash",
        "patient_report.state", "patient_report.document_id", "patient_report.sha256", "patient_report.bytes",
        "patient_report.value_count", "patient_report.requested_by", "patient_report.made_at", "patient_report.valid_at"],
        "A report has the name on it: the row goes, too.";
}

/// Columns that say nothing of anybody: ids, versions, and when a record was made anonymous.
pub const NOBODYS: &[&str] = &[
    "patient.id",
    "patient.clinic_id",
    "patient.anonymised_at",
    "patient.updated_at",
    "patient.version",
    "patient_consent.id",
    "patient_consent.patient_id",
    "patient_merge.id",
    "patient_document.id",
    "patient_document.clinic_id",
    "patient_document.patient_id",
    "patient_document.version",
    "patient_document_text.patient_document_id",
    "patient_document_text.run",
    "patient_document_text.next_run",
    "laboratory_value.id",
    "laboratory_value.clinic_id",
    "laboratory_value.patient_id",
    "laboratory_value.replaced_by",
    "laboratory_value.replaces",
    "graded_analysis.id",
    "graded_analysis.clinic_id",
    "graded_analysis.patient_id",
    "graded_analysis.version",
    "fertility_score.id",
    "fertility_score.clinic_id",
    "fertility_score.patient_id",
    "patient_report.id",
    "patient_report.clinic_id",
    "patient_report.patient_id",
];

/// The year of birth that stays; none for people over 89, who are one class.
pub fn kept_birth_year(birth: Date, today: Date) -> Option<i16> {
    let age = super::birth::age(birth, today).ok()?;
    // Somebody turns 90 this year: the year would say it.
    let turns = today.year() - birth.year();
    (age.max(turns) <= AGE_CLASS).then(|| birth.year())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_field_has_one_name_and_a_reason_and_every_column_one_field() {
        let names: BTreeSet<_> = Field::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(names.len(), Field::ALL.len());
        assert!(Field::ALL.iter().all(|it| it.reason().ends_with('.')));
        let columns: Vec<_> = Field::ALL.iter().flat_map(|it| it.columns()).chain(NOBODYS).collect();
        assert_eq!(columns.iter().collect::<BTreeSet<_>>().len(), columns.len());
    }

    #[test]
    fn what_names_somebody_never_stays() {
        let kept: Vec<_> =
            Field::ALL.iter().filter(|it| it.rule() == Rule::Keep).map(|it| it.as_str()).collect();
        let expected =
            ["gender", "lifestyle", "history", "document", "value", "analysis", "score", "consent", "merge"];
        assert_eq!(kept, expected);
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
}
