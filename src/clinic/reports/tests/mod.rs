//! What stands on the paper, read back by programs of others: `qpdf` and poppler's tools.

mod pages;
mod said;
mod sample;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan as _, civil::date};
use serde_json::{Value, json};

use sample::{analysis, document, found, many, now, pages, pdf, record, scanned, value};

use super::{
    figures, given,
    page::{Page, Say, group_code, outcome},
    record::{
        ANALYSES_SHOWN, Analysis, Clinic, Counts, DOCUMENTS_SHOWN, Document, Record, Score, VALUES_SHOWN,
    },
    scored, trends,
};
use crate::{
    clinic::{
        analyses::graded::{Input, Kind as AnalysisKind},
        documents::{Finding, Kind, Status},
        laboratory::names,
        patients::{Content, History, Lifestyle, Patient, Sex},
        reading::Refusal,
        rules::{
            hysteroscopy::Level,
            score::{
                Domain, EndometriosisStage, FertilityScore, GeneticResult, Hormone, Measure, Observed,
                Ovulation, Tubes, compute,
            },
            sentences::Sentence,
        },
        values::{self, LaboratoryValue, Source},
    },
    ids::{ClinicId, LaboratoryValueId, PatientId, UserId},
    mail::Language,
    pdf::{
        Layout, print,
        tests::{ask, colours, is_archivable, long_words, names_of, nothing_leaves_its_place, words},
    },
};

const BOTH: [Language; 2] = [Language::It, Language::En];
