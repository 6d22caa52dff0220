//! What a surgeon writes down, and what is refused.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clinic::rules::checks::{Checks, Refused};

/// Polyps or myomas that are described one by one.
const EACH_MAX: usize = 30;

/// A polyp.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolypInput)]
pub struct Polyp {
    /// Its largest diameter.
    pub size_mm: Option<f64>,
}

/// A myoma.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MyomaInput)]
pub struct Myoma {
    /// FIGO type, 0 to 8; of a hybrid, the number about the endometrium.
    pub figo: u16,
    /// Of a hybrid, the number about the serosa.
    pub figo_serosa: Option<u16>,
    /// Its largest diameter.
    pub size_mm: Option<f64>,
}

/// How much of the cavity; least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdhesionExtent {
    /// Less than a third.
    UnderOneThird,
    /// One to two thirds.
    OneToTwoThirds,
    /// More.
    OverTwoThirds,
}

/// What they are like; lightest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdhesionKind {
    /// Thin.
    Filmy,
    /// Both.
    FilmyAndDense,
    /// Firm.
    Dense,
}

/// What bleeding is like; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Menses {
    /// As usual.
    Normal,
    /// Less.
    Hypomenorrhoea,
    /// None.
    Amenorrhoea,
}

/// Grades of the European Society of Hysteroscopy; lightest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum EsgeGrade {
    /// Thin, ruptured by the sheath alone; horns normal.
    I,
    /// One firm adhesion; both ostia can be seen.
    II,
    /// Only at the internal os; the cavity above is normal.
    IIa,
    /// Several firm ones; ostia of one side obliterated.
    III,
    /// Extensive scars of the wall, with less or no bleeding.
    IIIa,
    /// III with IIIa.
    IIIb,
    /// Walls agglutinated, both ostia occluded.
    IV,
}

/// Adhesions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdhesionsInput)]
pub struct Adhesions {
    /// How much of the cavity.
    pub extent: Option<AdhesionExtent>,
    /// What they are like.
    pub kind: Option<AdhesionKind>,
    /// What bleeding is like.
    pub menses: Option<Menses>,
    /// The surgeon's grade.
    pub esge: Option<EsgeGrade>,
}

/// An indentation of the fundus.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SeptumInput)]
pub struct Septum {
    /// Into the cavity, at the midline.
    pub indentation_mm: f64,
    /// Thickness of the uterine wall.
    pub wall_mm: Option<f64>,
    /// Of the outer contour, from ultrasound, MRI or laparoscopy.
    pub external_indentation_mm: Option<f64>,
    /// Whether it reaches the internal os.
    pub reaches_internal_os: Option<bool>,
}

/// How the endometrium looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Endometrium {
    /// As belongs to its phase.
    Regular,
    /// Irregular, thickened: suspected hyperplasia.
    SuspectedHyperplasia,
    /// Thin, pale.
    Atrophic,
}

/// Signs of chronic endometritis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EndometritisSign)]
pub enum Sign {
    /// Red with white points.
    StrawberryAspect,
    /// Red areas.
    FocalHyperaemia,
    /// Red points.
    HaemorrhagicSpots,
    /// Smaller than 1 mm.
    Micropolyps,
    /// Pale and thick in the first half of the cycle.
    StromalOedema,
}

/// What was seen; a list that is absent was not described, an empty one was.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = HysteroscopyInput)]
pub struct Hysteroscopy {
    /// Whether the whole cavity and both ostia were seen.
    pub is_complete: Option<bool>,
    /// Polyps.
    pub polyps: Option<Vec<Polyp>>,
    /// Myomas.
    pub myomas: Option<Vec<Myoma>>,
    /// Whether there are adhesions.
    pub has_adhesions: Option<bool>,
    /// What they are like.
    pub adhesions: Option<Adhesions>,
    /// Whether the fundus is indented.
    pub has_indentation: Option<bool>,
    /// How.
    pub septum: Option<Septum>,
    /// How the endometrium looks.
    pub endometrium: Option<Endometrium>,
    /// Signs of chronic endometritis.
    pub endometritis_signs: Option<Vec<Sign>>,
}

impl Myoma {
    fn check(&self, index: usize, checks: &mut Checks) {
        let pointer = |member: &str| format!("/myomas/{index}/{member}");
        checks.count(&pointer("figo"), Some(self.figo), 0..=8);
        checks.count(&pointer("figo_serosa"), self.figo_serosa, 5..=7);
        checks.number(&pointer("size_mm"), self.size_mm, 1.0..=400.0);
        // 2-5: the first number is about the endometrium.
        let is_hybrid = self.figo_serosa.is_some();
        checks.contradiction(is_hybrid && self.figo > 3, &pointer("figo_serosa"), &pointer("figo"));
    }
}

impl Hysteroscopy {
    pub(super) fn check(&self) -> Result<(), Refused> {
        let mut checks = Checks::default();
        let polyps = self.polyps.as_deref().unwrap_or_default();
        let myomas = self.myomas.as_deref().unwrap_or_default();
        checks.length("/polyps", polyps.len(), EACH_MAX);
        checks.length("/myomas", myomas.len(), EACH_MAX);
        for (index, polyp) in polyps.iter().take(EACH_MAX).enumerate() {
            checks.number(&format!("/polyps/{index}/size_mm"), polyp.size_mm, 1.0..=200.0);
        }
        for (index, myoma) in myomas.iter().take(EACH_MAX).enumerate() {
            myoma.check(index, &mut checks);
        }
        checks.contradiction(
            self.has_adhesions == Some(false) && self.adhesions.is_some(),
            "/adhesions",
            "/has_adhesions",
        );
        checks.contradiction(
            self.has_indentation == Some(false) && self.septum.is_some(),
            "/septum",
            "/has_indentation",
        );
        self.check_adhesions(&mut checks);
        self.check_septum(&mut checks);
        let signs = self.endometritis_signs.as_deref().unwrap_or_default();
        checks.length("/endometritis_signs", signs.len(), 5);
        checks.end()
    }

    /// Scars with less bleeding need less bleeding; thin adhesions are not dense.
    fn check_adhesions(&self, checks: &mut Checks) {
        let Some(adhesions) = self.adhesions else { return };
        let Some(esge) = adhesions.esge else { return };
        let is_scarred = matches!(esge, EsgeGrade::IIIa | EsgeGrade::IIIb);
        let is_normal = adhesions.menses == Some(Menses::Normal);
        checks.contradiction(is_scarred && is_normal, "/adhesions/esge", "/adhesions/menses");
        let is_thin = esge == EsgeGrade::I && adhesions.kind.is_some_and(|it| it != AdhesionKind::Filmy);
        checks.contradiction(is_thin, "/adhesions/esge", "/adhesions/kind");
    }

    fn check_septum(&self, checks: &mut Checks) {
        let Some(septum) = self.septum else { return };
        checks.number("/septum/indentation_mm", Some(septum.indentation_mm), 0.0..=120.0);
        checks.number("/septum/wall_mm", septum.wall_mm, 1.0..=60.0);
        checks.number("/septum/external_indentation_mm", septum.external_indentation_mm, 0.0..=120.0);
        let is_nothing = septum.indentation_mm == 0.0;
        let reaches = septum.reaches_internal_os == Some(true);
        checks.contradiction(is_nothing && reaches, "/septum/reaches_internal_os", "/septum/indentation_mm");
    }
}
