//! Every table that hangs from a patient: what becomes of its rows when the record is merged into another, and when the
//! patient is made anonymous. A test finds a table without a line.

/// A column that names a patient.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// Moves the rows of the record `$2` to the record `$1`; `None`: they stay, they are about this record.
    pub merge: Option<&'static str>,
    /// Takes the person out of the rows of the records `$1`; `None`: nothing in them identifies.
    pub anonymise: Option<&'static str>,
}

/// All of them. The records themselves and their links to each other are in [`super::merge`] and
/// [`crate::clinic::retention`].
pub const HELD: &[Held] = &[
    Held {
        table: "patient_consent",
        column: "patient_id",
        merge: Some(
            "-- clinic.held.merge_consents
            UPDATE patient_consent SET patient_id = $1 WHERE patient_id = $2",
        ),
        // That it was given and taken back stays provable; what was written beside it may name somebody.
        anonymise: Some(
            "-- clinic.held.anonymise_consents
            UPDATE patient_consent SET note = '' WHERE patient_id = ANY ($1) AND note <> ''",
        ),
    },
    Held {
        table: "patient_document",
        column: "patient_id",
        merge: Some(
            "-- clinic.held.merge_documents
            UPDATE patient_document SET patient_id = $1 WHERE patient_id = $2",
        ),
        // The content has left the store before ([`crate::clinic::retention`]); its name, the pages and what was read of them
        // go, too. That there was a document of a kind stays.
        anonymise: Some(
            "-- clinic.held.anonymise_documents
            WITH of_them AS (
                UPDATE patient_document SET name = kind, note = '', findings = '[]', unread = '[]', reported_on = NULL,
                    created_at = date_trunc('year', created_at, 'UTC'), updated_at = date_trunc('year', updated_at, 'UTC'),
                    analysed_at = date_trunc('year', analysed_at, 'UTC'), confirmed_at = date_trunc('year', confirmed_at, 'UTC')
                WHERE patient_id = ANY ($1) RETURNING id
            )
            DELETE FROM patient_document_text AS t USING of_them AS d WHERE t.patient_document_id = d.id",
        ),
    },
    Held {
        table: "laboratory_value",
        column: "patient_id",
        merge: Some(
            "-- clinic.held.merge_values
            UPDATE laboratory_value SET patient_id = $1 WHERE patient_id = $2",
        ),
        // Figures of a year; a day identifies, and so does the place in a document.
        anonymise: Some(
            "-- clinic.held.anonymise_values
            UPDATE laboratory_value SET observed_on = date_trunc('year', observed_on)::date, patient_document_id = NULL,
                external_id = NULL, also_called = '{}', page = NULL, line = NULL, span_start = NULL, span_end = NULL,
                created_at = date_trunc('year', created_at, 'UTC'), withdrawn_at = date_trunc('year', withdrawn_at, 'UTC')
            WHERE patient_id = ANY ($1)",
        ),
    },
    Held {
        table: "graded_analysis",
        column: "patient_id",
        merge: Some(
            "-- clinic.held.merge_analyses
            UPDATE graded_analysis SET patient_id = $1 WHERE patient_id = $2",
        ),
        anonymise: Some(
            "-- clinic.held.anonymise_analyses
            UPDATE graded_analysis SET observed_on = date_trunc('year', observed_on)::date, patient_document_id = NULL,
                item = '', places = '[]',
                label = '', note = '', case_id = NULL, created_at = date_trunc('year', created_at, 'UTC'),
                updated_at = date_trunc('year', updated_at, 'UTC'), withdrawn_at = date_trunc('year', withdrawn_at, 'UTC')
            WHERE patient_id = ANY ($1)",
        ),
    },
    Held {
        table: "fertility_score",
        column: "patient_id",
        merge: Some(
            "-- clinic.held.merge_scores
            UPDATE fertility_score SET patient_id = $1 WHERE patient_id = $2",
        ),
        // Its inputs have days and sources, also behind their hash.
        anonymise: Some(
            "-- clinic.held.anonymise_scores
            UPDATE fertility_score SET result = result - '{domains,left_out,on}'::text[],
                inputs_hash = sha256(convert_to(id::text, 'UTF8')), due_on = NULL,
                computed_at = date_trunc('year', computed_at, 'UTC')
            WHERE patient_id = ANY ($1)",
        ),
    },
    Held {
        table: "patient_report",
        column: "patient_id",
        merge: Some(
            "-- clinic.held.merge_reports
            UPDATE patient_report SET patient_id = $1 WHERE patient_id = $2",
        ),
        // They are about somebody: nothing of them stays. The store removes what is due.
        anonymise: Some(
            "-- clinic.held.anonymise_reports
            WITH gone AS (
                DELETE FROM patient_report WHERE patient_id = ANY ($1) RETURNING id, document_id
            ), let_go AS (
                DELETE FROM document_hold AS h USING gone
                WHERE h.document_id = gone.document_id AND h.holder = 'patient_report' AND h.holder_id = gone.id
            )
            UPDATE document AS d SET remove_at = d.created_at FROM gone WHERE d.id = gone.document_id",
        ),
    },
    Held { table: "patient_merge", column: "source_id", merge: None, anonymise: None },
    Held { table: "patient_merge", column: "target_id", merge: None, anonymise: None },
    Held { table: "patient", column: "merged_into", merge: None, anonymise: None },
    Held { table: "patient", column: "partner_patient_id", merge: None, anonymise: None },
];
