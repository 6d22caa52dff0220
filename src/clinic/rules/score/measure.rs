//! What a score is computed from.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clinic::rules::hysteroscopy::Level;

/// A domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FertilityDomain)]
pub enum Domain {
    /// Semen.
    Male,
    /// Age, cycle, endometriosis.
    Female,
    /// Ovarian reserve.
    Ovarian,
    /// The tubes.
    Tubal,
    /// Cavity and endometrium.
    Uterine,
    /// Hormones.
    Hormonal,
    /// Genetic tests.
    Genetic,
    /// Weight, smoking, alcohol.
    Lifestyle,
}

impl Domain {
    /// In the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Male,
        Self::Female,
        Self::Ovarian,
        Self::Tubal,
        Self::Uterine,
        Self::Hormonal,
        Self::Genetic,
        Self::Lifestyle,
    ];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
            Self::Ovarian => "ovarian",
            Self::Tubal => "tubal",
            Self::Uterine => "uterine",
            Self::Hormonal => "hormonal",
            Self::Genetic => "genetic",
            Self::Lifestyle => "lifestyle",
        }
    }

    /// Of 100.
    pub const fn weight(self) -> u8 {
        match self {
            Self::Male | Self::Female => 25,
            Self::Ovarian => 15,
            Self::Tubal | Self::Uterine | Self::Hormonal => 10,
            Self::Genetic => 3,
            Self::Lifestyle => 2,
        }
    }

    /// Codes of the measures that belong to it, to say what is missing.
    pub const fn codes(self) -> &'static [&'static str] {
        match self {
            Self::Male => &["sperm_total", "progressive_motility", "normal_forms"],
            Self::Female => &["age", "cycle_length", "ovulation", "endometriosis"],
            Self::Ovarian => &["amh", "antral_follicles"],
            Self::Tubal => &["tubes"],
            Self::Uterine => &["cavity", "endometrial_thickness"],
            Self::Hormonal => &["hormone"],
            Self::Genetic => &["genetic_test"],
            Self::Lifestyle => &["body_mass_index", "cigarettes", "alcohol"],
        }
    }
}

/// Whether eggs are released; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ovulation {
    /// Every cycle.
    Regular,
    /// Some cycles.
    Irregular,
    /// Never.
    Absent,
}

/// Revised stages of the American Society for Reproductive Medicine; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndometriosisStage {
    /// Looked for, not found.
    None,
    /// Minimal.
    I,
    /// Mild.
    Ii,
    /// Moderate.
    Iii,
    /// Severe.
    Iv,
}

/// State of the tubes; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TubalState)]
pub enum Tubes {
    /// Both open.
    BothOpen,
    /// One blocked, or missing.
    OneBlocked,
    /// Fluid in one.
    Hydrosalpinx,
    /// Both blocked, or missing.
    BothBlocked,
}

/// What hysteroscopy finds and somebody should discuss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CavityFinding {
    /// A polyp.
    Polyp,
    /// A myoma of FIGO 0 to 2.
    SubmucousMyoma,
    /// Adhesions.
    Adhesions,
    /// An indentation of which nobody says that it is slight.
    Septum,
}

/// Hormones besides anti-Müllerian hormone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScoredHormone)]
pub enum Hormone {
    /// Follicle-stimulating hormone.
    Fsh,
    /// Luteinising hormone.
    Lh,
    /// Oestradiol.
    Estradiol,
    /// Progesterone.
    Progesterone,
    /// Prolactin.
    Prolactin,
    /// Testosterone.
    Testosterone,
    /// Thyroid-stimulating hormone.
    Tsh,
    /// Free thyroxine.
    FreeT4,
}

/// What a genetic test says; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GeneticResult {
    /// Nothing found.
    Normal,
    /// Healthy carrier.
    Carrier,
    /// A variant whose meaning is not known: to be clarified.
    Uncertain,
    /// A variant that causes a disorder, or an abnormal karyotype.
    Abnormal,
}

/// A value that counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "measure", content = "value", rename_all = "snake_case")]
#[schema(as = ScoredMeasure)]
pub enum Measure {
    /// Millions of spermatozoa in the ejaculate.
    SpermTotal(f64),
    /// Millions of spermatozoa per mL.
    SpermConcentration(f64),
    /// Per cent.
    ProgressiveMotility(f64),
    /// Per cent.
    NormalForms(f64),
    /// Years, of the woman.
    Age(f64),
    /// Days.
    CycleLength(f64),
    /// Whether eggs are released.
    Ovulation(Ovulation),
    /// Its stage.
    Endometriosis(EndometriosisStage),
    /// Anti-Müllerian hormone, ng/mL.
    Amh(f64),
    /// Of both ovaries.
    AntralFollicles(f64),
    /// State of the tubes.
    Tubes(Tubes),
    /// What hysteroscopy found.
    Cavity(Level),
    /// What hysteroscopy found, one by one.
    CavityFindings {
        /// Its level,
        level: Level,
        /// which is only what it is at least: not everything was seen or described.
        is_at_least: bool,
        /// What is to be discussed of it, each once.
        found: Vec<CavityFinding>,
    },
    /// Millimetres, when it is thickest in the cycle.
    EndometrialThickness(f64),
    /// A hormone beside the reference interval of its report.
    Hormone {
        /// Which.
        hormone: Hormone,
        /// Value, in the unit of the interval.
        value: f64,
        /// The interval: from
        least: Option<f64>,
        /// and until.
        most: Option<f64>,
    },
    /// A genetic test.
    GeneticTest {
        /// Its name.
        test: String,
        /// What it says.
        result: GeneticResult,
    },
    /// kg/m².
    BodyMassIndex(f64),
    /// A day.
    Cigarettes(f64),
    /// Grams a week.
    Alcohol(f64),
}

/// A value, when it was observed and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ObservedMeasure)]
pub struct Observed {
    /// What.
    pub measure: Measure,
    /// When.
    pub on: Date,
    /// Where: a document, an analysis, the registry.
    pub source: String,
}

/// A value that was considered and does not count; it may have no day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ConsideredMeasure)]
pub struct Considered {
    /// What.
    pub measure: Measure,
    /// When; `null`: nobody knows.
    pub on: Option<Date>,
    /// Where: a document, an analysis, the registry.
    pub source: String,
}

impl From<Observed> for Considered {
    fn from(Observed { measure, on, source }: Observed) -> Self {
        Self { measure, on: Some(on), source }
    }
}

impl Measure {
    /// Stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SpermTotal(_) => "sperm_total",
            Self::SpermConcentration(_) => "sperm_concentration",
            Self::ProgressiveMotility(_) => "progressive_motility",
            Self::NormalForms(_) => "normal_forms",
            Self::Age(_) => "age",
            Self::CycleLength(_) => "cycle_length",
            Self::Ovulation(_) => "ovulation",
            Self::Endometriosis(_) => "endometriosis",
            Self::Amh(_) => "amh",
            Self::AntralFollicles(_) => "antral_follicles",
            Self::Tubes(_) => "tubes",
            Self::Cavity(_) | Self::CavityFindings { .. } => "cavity",
            Self::EndometrialThickness(_) => "endometrial_thickness",
            Self::Hormone { .. } => "hormone",
            Self::GeneticTest { .. } => "genetic_test",
            Self::BodyMassIndex(_) => "body_mass_index",
            Self::Cigarettes(_) => "cigarettes",
            Self::Alcohol(_) => "alcohol",
        }
    }

    /// Where it belongs.
    pub const fn domain(&self) -> Domain {
        match self {
            Self::SpermTotal(_)
            | Self::SpermConcentration(_)
            | Self::ProgressiveMotility(_)
            | Self::NormalForms(_) => Domain::Male,
            Self::Age(_) | Self::CycleLength(_) | Self::Ovulation(_) | Self::Endometriosis(_) => {
                Domain::Female
            }
            Self::Amh(_) | Self::AntralFollicles(_) => Domain::Ovarian,
            Self::Tubes(_) => Domain::Tubal,
            Self::Cavity(_) | Self::CavityFindings { .. } | Self::EndometrialThickness(_) => Domain::Uterine,
            Self::Hormone { .. } => Domain::Hormonal,
            Self::GeneticTest { .. } => Domain::Genetic,
            Self::BodyMassIndex(_) | Self::Cigarettes(_) | Self::Alcohol(_) => Domain::Lifestyle,
        }
    }

    /// Two of one kind are values of the same thing; every hormone and every test is a thing of its own.
    pub(super) fn kind(&self) -> (Domain, &'static str, String) {
        let detail = match self {
            Self::Hormone { hormone, .. } => format!("{hormone:?}"),
            Self::GeneticTest { test, .. } => test.trim().to_lowercase(),
            _ => String::new(),
        };
        (self.domain(), self.code(), detail)
    }

    /// Whether somebody has to say first what it means.
    pub(super) const fn is_uncertain(&self) -> bool {
        matches!(self, Self::GeneticTest { result: GeneticResult::Uncertain, .. })
    }

    /// Whether it stays true for life.
    pub(super) const fn stays(&self) -> bool {
        matches!(self, Self::GeneticTest { .. } | Self::Endometriosis(_))
    }
}
