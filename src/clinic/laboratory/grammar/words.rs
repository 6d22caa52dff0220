//! Words that mean something in a row: results in words, what may stand beside a name, labels, whom a range is for.

use std::sync::OnceLock;

use super::lines::Line;
use crate::clinic::laboratory::{names::dictionary, ranges::Population};

/// A result in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finding {
    /// Negative, not reactive, not detected.
    Negative,
    /// Positive, reactive, immune.
    Positive,
    /// Neither.
    Borderline,
    /// One copy of a mutation, of a disease that needs two.
    Carrier,
    /// One copy.
    Heterozygous,
    /// Two copies.
    Homozygous,
    /// Something that is counted was not there.
    Absent,
    /// Too little to be measured.
    NotDetected,
}

impl Finding {
    /// Stable, in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Positive => "positive",
            Self::Borderline => "borderline",
            Self::Carrier => "carrier",
            Self::Heterozygous => "heterozygous",
            Self::Homozygous => "homozygous",
            Self::Absent => "absent",
            Self::NotDetected => "not_detected",
        }
    }
}

/// What words say of something that is found or not.
const FINDINGS: &[(&str, Finding)] = &[
    ("negativo", Finding::Negative),
    ("negativa", Finding::Negative),
    ("negativi", Finding::Negative),
    ("negative", Finding::Negative),
    ("neg", Finding::Negative),
    ("non reattivo", Finding::Negative),
    ("non reattiva", Finding::Negative),
    ("non reactive", Finding::Negative),
    ("nonreactive", Finding::Negative),
    ("assente", Finding::Absent),
    ("assenti", Finding::Absent),
    ("absent", Finding::Absent),
    ("assenza di mutazioni", Finding::Negative),
    ("nessuna mutazione", Finding::Negative),
    ("nessuna mutazione rilevata", Finding::Negative),
    ("no mutation detected", Finding::Negative),
    ("no mutations detected", Finding::Negative),
    ("not detected", Finding::Negative),
    ("undetected", Finding::Negative),
    ("non rilevato", Finding::Negative),
    ("non rilevata", Finding::Negative),
    ("non rilevati", Finding::Negative),
    ("non rilevate", Finding::Negative),
    ("not a carrier", Finding::Negative),
    ("non portatore", Finding::Negative),
    ("non portatrice", Finding::Negative),
    ("wild type", Finding::Negative),
    ("omozigote normale", Finding::Negative),
    ("omozigote wild type", Finding::Negative),
    ("non immune", Finding::Negative),
    ("not immune", Finding::Negative),
    ("positivo", Finding::Positive),
    ("positiva", Finding::Positive),
    ("positivi", Finding::Positive),
    ("positive", Finding::Positive),
    ("pos", Finding::Positive),
    ("reattivo", Finding::Positive),
    ("reattiva", Finding::Positive),
    ("reactive", Finding::Positive),
    ("presente", Finding::Positive),
    ("presenti", Finding::Positive),
    ("present", Finding::Positive),
    ("detected", Finding::Positive),
    ("rilevato", Finding::Positive),
    ("rilevata", Finding::Positive),
    ("immune", Finding::Positive),
    ("dubbio", Finding::Borderline),
    ("dubbia", Finding::Borderline),
    ("borderline", Finding::Borderline),
    ("equivocal", Finding::Borderline),
    ("equivoco", Finding::Borderline),
    ("indeterminate", Finding::Borderline),
    ("indeterminato", Finding::Borderline),
    ("portatore", Finding::Carrier),
    ("portatrice", Finding::Carrier),
    ("carrier", Finding::Carrier),
    ("portatore sano", Finding::Carrier),
    ("portatrice sana", Finding::Carrier),
    ("eterozigote", Finding::Heterozygous),
    ("eterozigosi", Finding::Heterozygous),
    ("heterozygous", Finding::Heterozygous),
    ("omozigote mutato", Finding::Homozygous),
    ("omozigote mutata", Finding::Homozygous),
    ("omozigosi", Finding::Homozygous),
    ("homozygous", Finding::Homozygous),
    ("non rilevabile", Finding::NotDetected),
    ("non rilevabili", Finding::NotDetected),
    ("indosabile", Finding::NotDetected),
    ("non dosabile", Finding::NotDetected),
    ("undetectable", Finding::NotDetected),
    ("not detectable", Finding::NotDetected),
];

/// The finding that begins at a lexeme, and where it ends.
pub fn finding(line: &Line<'_>, at: usize) -> Option<(Finding, usize)> {
    static PHRASES: OnceLock<dictionary::Phrases<Finding>> = OnceLock::new();
    let phrases = PHRASES.get_or_init(|| dictionary::phrases(FINDINGS.iter().copied()));
    phrase(phrases, line, at)
}

/// The longest phrase at a lexeme, and where it ends.
pub(super) fn phrase<T: Copy>(
    phrases: &dictionary::Phrases<T>,
    line: &Line<'_>,
    at: usize,
) -> Option<(T, usize)> {
    let (meaning, length) = dictionary::longest(phrases, line.words(at).map(|(_, word)| word))?;
    let last = line.words(at).nth(length - 1).map(|(place, _)| place)?;
    Some((meaning, last + 1))
}

/// They are few and short: looking through them is as fast as a table.
const NEUTRAL: &str = "\
    totale totali total basale basali basal siero sierico sierica sierici serum plasma plasmatico \
    plasmatica ematico ematica sangue blood quantitativo quantitativa quantitative qualitativo \
    qualitativa qualitative generation generazione gen ultrasensibile ultrasensitive level levels \
    livello livelli count conta test screening screen combo reflex riflesso anticorpi antibodies \
    antibody ab ag digiuno a fasting morning mattino disease syndrome malattia eclia clia cmia elisa \
    icma eia ria irma elfa immunoassay dosaggio dos esame gene s p b sg sr pl cv index indice ormone \
    result lc ms";

/// Words beside a name that do not make it another one: specimen, generation, method.
pub fn is_neutral(word: &str) -> bool {
    NEUTRAL.split_ascii_whitespace().any(|it| it == word)
}

/// Words with which a hormone's name is that of the antibodies against it.
pub fn is_antibody(word: &str) -> bool {
    matches!(word, "anticorpi" | "anticorpo" | "antibodies" | "antibody" | "ab")
}

/// Specimens that nothing is read of: `Materiale: urine`.
pub fn is_other_specimen(word: &str) -> bool {
    const OTHERS: [&str; 11] = [
        "urine", "urina", "urinario", "urinaria", "urinari", "urinary", "liquor", "csf", "saliva",
        "salivare", "salivary",
    ];
    OTHERS.contains(&word)
}

/// Words between a name and its value in a sentence.
pub fn is_verb(word: &str) -> bool {
    const VERBS: &[&str] =
        &["was", "is", "of", "pari", "risulta", "di", "nella", "norma", "normale", "normal"];
    VERBS.contains(&word)
}

/// Words before the day of a cycle.
pub fn is_of_day(word: &str) -> bool {
    matches!(word, "al" | "del" | "in" | "on" | "at")
}

/// Words before a number that nobody measured exactly.
pub fn is_about(word: &str) -> bool {
    matches!(word, "circa" | "ca" | "about" | "approx" | "approximately" | "attorno" | "intorno")
}

/// Words in brackets behind a name that make it another one.
pub fn makes_it_another(word: &str) -> bool {
    const OTHERS: &[&str] = &[
        "libero",
        "libera",
        "free",
        "biodisponibile",
        "bioavailable",
        "recettore",
        "receptor",
        "fetale",
        "fetal",
        "24h",
        "calcolato",
        "follicolare",
        "seminale",
    ];
    is_other_specimen(word) || OTHERS.contains(&word)
}

/// What a label announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// A value.
    Result,
    /// A unit.
    Unit,
    /// A range.
    Range,
    /// A flag.
    Flag,
    /// A name.
    Name,
    /// An older value.
    Previous,
}

const LABELS: &[(&str, Label)] = &[
    ("risultato", Label::Result),
    ("risultati", Label::Result),
    ("esito", Label::Result),
    ("valore", Label::Result),
    ("result", Label::Result),
    ("results", Label::Result),
    ("value", Label::Result),
    ("u m", Label::Unit),
    ("um", Label::Unit),
    ("unita", Label::Unit),
    ("unita di misura", Label::Unit),
    ("unita misura", Label::Unit),
    ("unit", Label::Unit),
    ("units", Label::Unit),
    ("valori di riferimento", Label::Range),
    ("valore di riferimento", Label::Range),
    ("valori riferimento", Label::Range),
    ("val riferimento", Label::Range),
    ("val rif", Label::Range),
    ("v r", Label::Range),
    ("v n", Label::Range),
    ("vn", Label::Range),
    ("vr", Label::Range),
    ("rif", Label::Range),
    ("riferimento", Label::Range),
    ("intervallo di riferimento", Label::Range),
    ("intervalli di riferimento", Label::Range),
    ("intervallo", Label::Range),
    ("limiti di riferimento", Label::Range),
    ("valori normali", Label::Range),
    ("reference range", Label::Range),
    ("reference interval", Label::Range),
    ("reference intervals", Label::Range),
    ("reference values", Label::Range),
    ("reference limits", Label::Range),
    ("reference", Label::Range),
    ("ref range", Label::Range),
    ("ref interval", Label::Range),
    ("ref", Label::Range),
    ("normal range", Label::Range),
    ("range", Label::Range),
    ("flag", Label::Flag),
    ("flags", Label::Flag),
    ("segn", Label::Flag),
    ("segnale", Label::Flag),
    ("abn", Label::Flag),
    ("esame", Label::Name),
    ("esami", Label::Name),
    ("analisi", Label::Name),
    ("descrizione esame", Label::Name),
    ("prestazione", Label::Name),
    ("determinazione", Label::Name),
    ("parametro", Label::Name),
    ("test", Label::Name),
    ("test name", Label::Name),
    ("analyte", Label::Name),
    ("parameter", Label::Name),
    ("investigation", Label::Name),
    ("precedente", Label::Previous),
    ("precedenti", Label::Previous),
    ("risultato precedente", Label::Previous),
    ("valore precedente", Label::Previous),
    ("previous", Label::Previous),
    ("previous result", Label::Previous),
    ("prior", Label::Previous),
    ("prior result", Label::Previous),
];

/// The label that begins at a lexeme, and where it ends.
pub fn label(line: &Line<'_>, at: usize) -> Option<(Label, usize)> {
    static PHRASES: OnceLock<dictionary::Phrases<Label>> = OnceLock::new();
    let phrases = PHRASES.get_or_init(|| dictionary::phrases(LABELS.iter().copied()));
    phrase(phrases, line, at)
}

const POPULATIONS: &[(&str, Population)] = &[
    ("adulti", Population::Everyone),
    ("adults", Population::Everyone),
    ("adult", Population::Everyone),
    ("uomini", Population::Men),
    ("uomo", Population::Men),
    ("maschi", Population::Men),
    ("maschio", Population::Men),
    ("men", Population::Men),
    ("male", Population::Men),
    ("males", Population::Men),
    ("donne", Population::Women),
    ("donna", Population::Women),
    ("femmine", Population::Women),
    ("femmina", Population::Women),
    ("women", Population::Women),
    ("female", Population::Women),
    ("females", Population::Women),
    ("fase follicolare", Population::Follicular),
    ("f follicolare", Population::Follicular),
    ("follicolare", Population::Follicular),
    ("follicular phase", Population::Follicular),
    ("follicular", Population::Follicular),
    ("fase ovulatoria", Population::Ovulatory),
    ("picco ovulatorio", Population::Ovulatory),
    ("meta ciclo", Population::Ovulatory),
    ("ovulatoria", Population::Ovulatory),
    ("ovulazione", Population::Ovulatory),
    ("ovulation", Population::Ovulatory),
    ("ovulatory phase", Population::Ovulatory),
    ("mid cycle", Population::Ovulatory),
    ("midcycle", Population::Ovulatory),
    ("mid cycle peak", Population::Ovulatory),
    ("fase luteale", Population::Luteal),
    ("fase luteinica", Population::Luteal),
    ("f luteale", Population::Luteal),
    ("fase luteale media", Population::Luteal),
    ("luteale", Population::Luteal),
    ("luteal phase", Population::Luteal),
    ("luteal", Population::Luteal),
    ("post menopausa", Population::Postmenopausal),
    ("postmenopausa", Population::Postmenopausal),
    ("menopausa", Population::Postmenopausal),
    ("in menopausa", Population::Postmenopausal),
    ("postmenopausal", Population::Postmenopausal),
    ("post menopausal", Population::Postmenopausal),
    ("postmenopause", Population::Postmenopausal),
    ("menopause", Population::Postmenopausal),
];

/// Whom a range is for, and where the words end.
pub fn population(line: &Line<'_>, at: usize) -> Option<(Population, usize)> {
    static PHRASES: OnceLock<dictionary::Phrases<Population>> = OnceLock::new();
    let phrases = PHRASES.get_or_init(|| dictionary::phrases(POPULATIONS.iter().copied()));
    phrase(phrases, line, at)
}
