//! Values that people enter and other systems send: what fits an analyte, and what is made of it.
//!
//! Invariant: a value is kept with its digits and in its unit, or refused with every reason at once; nothing is guessed.

use jiff::{Timestamp, civil::Date};

use super::{canonical, record::NewValue, value::Source};
use crate::{
    clinic::{
        laboratory::{
            bounds::Bound,
            decimal::{Convention, DIGITS_MAX, Decimal, Factor},
            domains,
            flags::{self, Flag, Sex},
            grammar::lines::Comparator,
            names::{Analyte, Kind},
            plausible,
            ranges::{Population, Range},
            units::{Dimension, Unit, spelling},
        },
        patients::Patient,
    },
    ids::{LaboratoryValueId, UserId},
};

/// Words for what is found or not; those that are read in documents.
pub const FINDINGS: [&str; 8] =
    ["negative", "positive", "borderline", "carrier", "heterozygous", "homozygous", "absent", "not_detected"];
/// A karyotype has no more characters.
const KARYOTYPE_MAX: usize = 100;
/// Nobody examined anybody before.
pub const FIRST_DAY: Date = Date::constant(1900, 1, 1);
/// Powers of ten in front of a number: nobody measures beyond.
const EXPONENT_MAX: i32 = 12;

/// What is given of a value.
#[derive(Debug, Clone, Copy)]
pub struct Entered<'a> {
    /// Of what.
    pub analyte: &'static Analyte,
    /// `<`, `<=`, `>=` or `>`.
    pub comparator: Option<&'a str>,
    /// A decimal number.
    pub number: Option<&'a str>,
    /// UCUM, or as laboratories print it.
    pub unit: Option<&'a str>,
    /// One of [`FINDINGS`], or a karyotype.
    pub finding: Option<&'a str>,
    /// Where the range begins, in the same unit.
    pub range_low: Option<&'a str>,
    /// Where it ends.
    pub range_high: Option<&'a str>,
}

/// Something that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit {
    /// Which member of [`Entered`].
    pub member: &'static str,
    /// Why.
    pub why: Why,
}

/// Why something does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Neither a number nor a finding.
    #[error("must be given: a number, or a finding")]
    Missing,
    /// Both.
    #[error("is not given beside a number")]
    BesideNumber,
    /// Only of numbers.
    #[error("belongs to a number")]
    WithoutNumber,
    /// No number of at least 0 that laboratories print.
    #[error("must be a decimal number of at least 0 with at most {DIGITS_MAX} digits, such as 7.20")]
    NotANumber,
    /// Its values are words.
    #[error("this analyte has no numbers")]
    NoNumbers,
    /// Its values are numbers.
    #[error("this analyte has no such finding")]
    NoSuchFinding,
    /// Not one of the four.
    #[error("must be <, <=, >= or >")]
    NoComparator,
    /// A number of what has units.
    #[error("must be given")]
    UnitMissing,
    /// Not understood, or not of this analyte.
    #[error("is no unit of this analyte that is known: UCUM, such as m[IU]/mL")]
    NoUnit,
    /// The wrong way round.
    #[error("must not be less than range_low")]
    Disordered,
    /// There cannot be so much of it, or so little.
    #[error("cannot be: a true one lies {0}")]
    Impossible(&'static Bound),
}

impl Why {
    /// Stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing | Self::UnitMissing => "required",
            Self::BesideNumber | Self::WithoutNumber => "contradicts",
            Self::NotANumber => "not_a_number",
            Self::NoNumbers | Self::NoSuchFinding | Self::NoComparator => "not_allowed",
            Self::NoUnit => "unknown_unit",
            Self::Disordered | Self::Impossible(_) => "out_of_range",
        }
    }
}

/// A value that fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitting {
    analyte: &'static Analyte,
    comparator: Option<Comparator>,
    number: Option<Decimal>,
    unit: Option<Unit>,
    finding: Option<String>,
    range: Range,
}

/// Whose value it is, and where it is from.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    /// Whose.
    pub patient: &'a Patient,
    /// Where it is from.
    pub source: Source,
    /// How the other system calls it; none of what people enter.
    pub names: &'a [String],
    /// When the specimen was taken.
    pub observed_on: Option<Date>,
    /// What the laboratory thought: `low`, `high` or `abnormal`.
    pub printed_flag: Option<&'static str>,
    /// Who enters or sends it.
    pub by: UserId,
}

/// A number as people and programs write it: digits, perhaps a point, perhaps a power of ten.
pub fn number(text: &str) -> Option<Decimal> {
    let (digits, power) = match text.split_once(['e', 'E']) {
        Some((digits, power)) => (digits, power.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let is_plain =
        digits.bytes().all(|it| it.is_ascii_digit() || it == b'.') && digits.matches('.').count() <= 1;
    if !is_plain || !(-EXPONENT_MAX..=EXPONENT_MAX).contains(&power) {
        return None;
    }
    // A point with three digits behind it is the decimal sign here, too.
    let read = Decimal::read(digits, Convention::Point)?;
    if power == 0 { Some(read) } else { read.times(Factor::power(power)) }
}

/// A unit: UCUM, or as laboratories print it. A bare U is not told apart from an International Unit here.
pub fn unit(text: &str) -> Option<Unit> {
    spelling::read_code(text).or_else(|| {
        let (unit, length) = spelling::read(text)?;
        let folded = text.to_lowercase();
        let says_which = ["iu", "ui", "i.u", "u.i"].iter().any(|it| folded.contains(it));
        (length == text.len() && (unit.dimension() != Dimension::Activity || says_which)).then_some(unit)
    })
}

fn comparator(text: &str) -> Option<Comparator> {
    [Comparator::Less, Comparator::AtMost, Comparator::AtLeast, Comparator::Greater]
        .into_iter()
        .find(|it| it.as_str() == text)
}

/// ISCN as far as its signs tell.
fn is_karyotype(text: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || ",;()/+-[]?.~ <>:_".contains(c);
    text.len() <= KARYOTYPE_MAX
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains(',')
        && text.chars().all(is_sign)
}

impl Entered<'_> {
    /// What fits, or everything that does not.
    pub fn check(&self) -> Result<Fitting, Vec<Misfit>> {
        let mut misfits = Vec::new();
        let mut fail = |member, why| misfits.push(Misfit { member, why });
        let mut read = |member, text: Option<&str>| {
            let found = text.map(|it| (number(it), it));
            if matches!(found, Some((None, _))) {
                fail(member, Why::NotANumber);
            }
            found.and_then(|(found, _)| found)
        };
        let (found, low, high) = (
            read("number", self.number),
            read("range_low", self.range_low),
            read("range_high", self.range_high),
        );
        let has_number = self.number.is_some();
        if !has_number && self.finding.is_none() {
            fail("number", Why::Missing);
        }
        if has_number && !self.analyte.takes_numbers() {
            fail("number", Why::NoNumbers);
        }
        let belongs = [
            ("comparator", self.comparator.is_some()),
            ("unit", self.unit.is_some()),
            ("range_low", self.range_low.is_some()),
            ("range_high", self.range_high.is_some()),
        ];
        belongs.iter().filter(|(_, is_there)| *is_there && !has_number).for_each(|(member, _)| {
            fail(member, Why::WithoutNumber);
        });
        let compared = self.comparator.map(comparator);
        if compared == Some(None) {
            fail("comparator", Why::NoComparator);
        }
        let unit = if has_number { self.unit_of(&mut fail) } else { None };
        let is_bound = self.comparator.is_some();
        if let Some(bound) = found.and_then(|it| plausible::broken(self.analyte, it, is_bound, unit.as_ref()))
        {
            fail("number", Why::Impossible(bound));
        }
        self.finding_of(&mut fail);
        if low.zip(high).is_some_and(|(low, high)| low.compare(high).is_gt()) {
            fail("range_high", Why::Disordered);
        }
        if !misfits.is_empty() {
            return Err(misfits);
        }
        Ok(Fitting {
            analyte: self.analyte,
            comparator: compared.flatten(),
            number: found,
            unit,
            finding: self.finding.map(str::to_owned),
            range: Range { population: Population::Everyone, low, high, is_open: false },
        })
    }

    fn unit_of(&self, fail: &mut impl FnMut(&'static str, Why)) -> Option<Unit> {
        let is_bare = self.analyte.kind == Kind::Bare;
        let text = self.unit.filter(|it| !(is_bare && *it == canonical::UNITY));
        let Some(text) = text else {
            if !is_bare {
                fail("unit", Why::UnitMissing);
            }
            return None;
        };
        let found = unit(text).filter(|it| self.analyte.is_measured_in(it.dimension()));
        if found.is_none() {
            fail("unit", Why::NoUnit);
        }
        found
    }

    fn finding_of(&self, fail: &mut impl FnMut(&'static str, Why)) {
        let Some(finding) = self.finding else { return };
        if self.number.is_some() {
            return fail("finding", Why::BesideNumber);
        }
        let fits = match self.analyte.kind {
            Kind::Karyotype => is_karyotype(finding),
            _ => self.analyte.takes_findings() && FINDINGS.contains(&finding),
        };
        if !fits {
            fail("finding", Why::NoSuchFinding);
        }
    }
}

impl Fitting {
    /// Who alone can have such a value, if only one sex can.
    pub fn only_of(&self) -> Option<Sex> {
        self.analyte.only_of()
    }

    /// The LOINC code, if there is one of such a value.
    pub fn loinc(&self) -> Option<&'static str> {
        match (&self.number, &self.unit) {
            (Some(_), Some(unit)) => self.analyte.loinc_of(unit.dimension()),
            (None, _) => self.analyte.loinc_finding,
            _ => None,
        }
    }

    /// What is written down of it.
    pub fn value(&self, of: Of<'_>, now: Timestamp) -> NewValue {
        let sex = of.patient.content.sex.of_ranges();
        let compared = self.number.and_then(|it| canonical::of(self.analyte, it, self.unit.as_ref()));
        let has_range = self.range.low.is_some() || self.range.high.is_some();
        let flag =
            self.number.filter(|_| has_range).and_then(|it| flags::flag(it, self.comparator, &self.range));
        NewValue {
            id: LaboratoryValueId::new(now),
            clinic_id: of.patient.clinic_id,
            patient_id: of.patient.id,
            source: of.source,
            patient_document_id: None,
            external_id: of.names.first().cloned(),
            also_called: of.names.iter().skip(1).cloned().collect(),
            analyte: self.analyte.code,
            loinc: self.loinc(),
            comparator: self.comparator.map(Comparator::as_str),
            number: self.number.map(|it| it.to_string()),
            finding: self.finding.clone(),
            unit: self.unit.as_ref().map(|it| it.ucum().to_owned()),
            canonical: compared.map(|(it, _)| it.to_string()),
            canonical_unit: compared.map(|(_, unit)| unit),
            range_low: self.range.low.map(|it| it.to_string()),
            range_high: self.range.high.map(|it| it.to_string()),
            flag: flag.map(Flag::as_str),
            printed_flag: of.printed_flag,
            observed_on: of.observed_on,
            confidence: None,
            doubts: Vec::new(),
            domains: domains::of(self.analyte, sex).iter().map(|it| it.as_str()).collect(),
            page: None,
            line: None,
            span_start: None,
            span_end: None,
            recorded_by: of.by,
            withdrawn_at: None,
            replaces: None,
            created_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::names::by_code;

    fn entered(analyte: &str) -> Entered<'static> {
        Entered {
            analyte: by_code(analyte).unwrap(),
            comparator: None,
            number: None,
            unit: None,
            finding: None,
            range_low: None,
            range_high: None,
        }
    }

    fn misfits(entered: Entered<'_>) -> Vec<String> {
        let misfits = entered.check().unwrap_err();
        misfits.iter().map(|it| format!("{} {}", it.member, it.why.code())).collect()
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (text, expected) in [
            ("7.20", Some("7.20")),
            ("7.200", Some("7.200")),
            ("0", Some("0")),
            ("1.5e2", Some("150")),
            ("1.5E-2", Some("0.015")),
            ("-1", None),
            ("7,2", None),
            ("1.234.567", None),
            ("1.234.567e-3", None),
            ("1.234", Some("1.234")),
            ("", None),
            ("1e99", None),
            ("1234567890123", None),
            ("NaN", None),
        ] {
            assert_eq!(number(text).map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn units_are_ucum_or_as_laboratories_print_them() {
        for (text, expected) in [
            ("m[IU]/mL", Some("m[IU]/mL")),
            ("mIU/mL", Some("m[IU]/mL")),
            ("mUI/mL", Some("m[IU]/mL")),
            ("mU/mL", None),
            ("pmol/L", Some("pmol/L")),
            ("10*6/mL", Some("10*6/mL")),
            ("furlong", None),
            ("pmol/L x", None),
        ] {
            assert_eq!(unit(text).map(|it| it.ucum().to_owned()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn everything_that_does_not_fit_is_said_at_once() {
        assert_eq!(misfits(entered("fsh")), ["number required"]);
        assert_eq!(misfits(Entered { number: Some("7.2"), ..entered("fsh") }), ["unit required"]);
        let wrong = Entered {
            number: Some("7,2"),
            unit: Some("mm"),
            comparator: Some("~"),
            range_low: Some("x"),
            ..entered("fsh")
        };
        assert_eq!(
            misfits(wrong),
            ["number not_a_number", "range_low not_a_number", "comparator not_allowed", "unit unknown_unit"]
        );
        let both = Entered { number: Some("1"), finding: Some("negative"), ..entered("cftr") };
        assert_eq!(misfits(both), ["number not_allowed", "unit required", "finding contradicts"]);
        let range = Entered {
            number: Some("7"),
            unit: Some("m[IU]/mL"),
            range_low: Some("9"),
            range_high: Some("8"),
            ..entered("fsh")
        };
        assert_eq!(misfits(range), ["range_high out_of_range"]);
        assert_eq!(misfits(Entered { finding: Some("bello"), ..entered("cftr") }), ["finding not_allowed"]);
        let lone = Entered { finding: Some("negative"), unit: Some("%"), ..entered("cftr") };
        assert_eq!(misfits(lone), ["unit contradicts"]);
        assert!(Entered { finding: Some("46,XX"), ..entered("karyotype") }.check().is_ok());
        assert_eq!(
            misfits(Entered { finding: Some("normal"), ..entered("karyotype") }),
            ["finding not_allowed"]
        );
        let bare = Entered { number: Some("12"), unit: Some("1"), ..entered("afc") };
        assert_eq!(bare.check().unwrap().unit, None);
    }

    #[test]
    fn what_cannot_be_is_refused_as_it_is_in_documents() {
        for (analyte, number, unit) in [
            ("sperm_motility_progressive", "140", Some("%")),
            ("semen_ph", "77", None),
            ("tsh", "2.15", Some("m[IU]/mL")),
            ("afc", "201", None),
            ("dominant_follicle", "21", Some("cm")),
        ] {
            let entered = Entered { number: Some(number), unit, ..entered(analyte) };
            assert_eq!(misfits(entered), ["number out_of_range"], "{number} of {analyte}");
        }
        let percent =
            Entered { number: Some("140"), unit: Some("%"), ..entered("sperm_motility_progressive") };
        let said = percent.check().unwrap_err()[0].why.to_string();
        assert_eq!(said, "cannot be: a true one lies between 0 and 100 %");
        assert!(Entered { number: Some("200"), ..entered("afc") }.check().is_ok());
    }
}
