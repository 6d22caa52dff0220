//! An analysis as a report in one language, for the record of another system.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    clinic::{
        analyses::{GradedAnalysis, Kind},
        patients::Patient,
        worded::{Cited, Worded},
    },
    ids::{AnalysisId, PatientId},
    mail::Language,
};

/// A sentence in the language of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReportSentence {
    /// Stable word for programs.
    pub code: &'static str,
    /// For people.
    pub text: &'static str,
}

/// Whom a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReportSubject {
    /// The patient.
    pub id: PatientId,
    /// The number of the record.
    pub medical_record_number: Option<String>,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AnalysisReport {
    /// The analysis.
    pub id: AnalysisId,
    /// `it` or `en`.
    pub language: &'static str,
    /// What was graded.
    pub kind: Kind,
    /// In words.
    pub title: &'static str,
    /// About whom.
    pub patient: ReportSubject,
    /// What the other system calls the case.
    pub case_id: Option<String>,
    /// Which sample, oocyte or embryo.
    pub label: String,
    /// What somebody has said of it.
    pub note: String,
    /// When it was seen.
    #[schema(value_type = String, format = Date)]
    pub observed_on: Date,
    /// The whole in one word, if the result says one.
    pub grade: Option<String>,
    /// Name of the method, with its version.
    pub method: String,
    /// What was found, most important first.
    pub findings: Vec<ReportSentence>,
    /// What was given and came out, by the kind.
    #[schema(value_type = crate::clinic::analyses::Graded)]
    pub details: crate::clinic::analyses::Graded,
    /// JSON pointers to what was not given and would be needed to say more.
    pub missing: Vec<String>,
    /// What the method cannot say; is to be shown with the result.
    pub limits: Vec<ReportSentence>,
    /// What it rests on.
    pub references: Vec<Cited>,
    /// It was entered by mistake, and counts no more.
    pub is_withdrawn: bool,
    /// When the report was made.
    #[schema(value_type = String, format = DateTime)]
    pub generated_at: Timestamp,
}

const fn title(kind: Kind, language: Language) -> &'static str {
    match (kind, language) {
        (Kind::Semen, Language::It) => "Esame del liquido seminale",
        (Kind::Semen, Language::En) => "Semen analysis",
        (Kind::Oocyte, Language::It) => "Valutazione dell'ovocita",
        (Kind::Oocyte, Language::En) => "Oocyte assessment",
        (Kind::Embryo, Language::It) => "Valutazione dell'embrione",
        (Kind::Embryo, Language::En) => "Embryo assessment",
        (Kind::Follicle, Language::It) => "Ecografia dei follicoli",
        (Kind::Follicle, Language::En) => "Ultrasound of the follicles",
        (Kind::Hysteroscopy, Language::It) => "Isteroscopia",
        (Kind::Hysteroscopy, Language::En) => "Hysteroscopy",
    }
}

fn said(sentences: &[Worded], language: Language) -> Vec<ReportSentence> {
    let text = |it: &Worded| match language {
        Language::It => it.it,
        Language::En => it.en,
    };
    sentences.iter().map(|it| ReportSentence { code: it.code, text: text(it) }).collect()
}

impl AnalysisReport {
    /// Of an analysis of this patient.
    pub fn of(analysis: GradedAnalysis, patient: &Patient, language: Language, now: Timestamp) -> Self {
        let explanation = &analysis.explanation;
        Self {
            id: analysis.id,
            language: language.code(),
            kind: analysis.graded.kind(),
            title: title(analysis.graded.kind(), language),
            patient: ReportSubject {
                id: patient.id,
                medical_record_number: patient.content.medical_record_number.clone(),
            },
            findings: said(&explanation.sentences, language),
            missing: explanation.missing.clone(),
            limits: said(&explanation.limits, language),
            references: explanation.references.clone(),
            case_id: analysis.case_id,
            label: analysis.label,
            note: analysis.note,
            observed_on: analysis.observed_on,
            grade: analysis.grade,
            method: analysis.method,
            details: analysis.graded,
            is_withdrawn: analysis.withdrawn_at.is_some(),
            generated_at: now,
        }
    }
}
